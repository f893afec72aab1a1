//! Schemas of texts that only take certain values: taken from the types of the core, so that they cannot differ.

use runvoy_core::execution::Status;
use runvoy_core::log::Stream;
use runvoy_core::outcome::Reason;
use runvoy_core::role::Role;
use schemars::{Schema, SchemaGenerator, json_schema};

/// The status of an execution.
pub fn status(_: &mut SchemaGenerator) -> Schema {
    let names = Status::ALL.map(Status::as_str);
    json_schema!({"type": "string", "enum": names})
}

/// Why an execution ended.
pub fn reason(_: &mut SchemaGenerator) -> Schema {
    let names = Reason::ALL.map(Reason::as_str);
    json_schema!({"type": "string", "enum": names})
}

/// Why an execution ended, or null.
pub fn reason_or_null(_: &mut SchemaGenerator) -> Schema {
    let names = Reason::ALL.map(|reason| Some(reason.as_str()));
    let names: Vec<Option<&str>> = names.into_iter().chain([None]).collect();
    json_schema!({"type": ["string", "null"], "enum": names})
}

/// What a person may do.
pub fn role(_: &mut SchemaGenerator) -> Schema {
    let names = Role::ALL.map(Role::as_str);
    json_schema!({"type": "string", "enum": names})
}

/// A role that is wished for; empty or null for the default.
pub(crate) fn role_wish(_: &mut SchemaGenerator) -> Schema {
    let names = Role::ALL.map(|role| Some(role.as_str()));
    let names: Vec<Option<&str>> = names.into_iter().chain([Some(""), None]).collect();
    json_schema!({"type": ["string", "null"], "enum": names})
}

/// An address as people type it; a little wider than what is taken.
const EMAIL: &str = r#"^\s*[^\s@<>,;"\\/]+@[^\s@<>,;"\\/]+\s*$"#;

/// Somebody's address.
pub(crate) fn email(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": EMAIL})
}

/// Somebody's address, or null.
pub(crate) fn email_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "pattern": EMAIL})
}

/// A SHA-256 in standard base64, or null.
pub(crate) fn hash_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "pattern": "^[A-Za-z0-9+/]{43}=$"})
}

/// The stream of a log entry.
pub(crate) fn stream(_: &mut SchemaGenerator) -> Schema {
    let names = [Stream::Stdout, Stream::Stderr, Stream::System].map(Stream::as_str);
    json_schema!({"type": "string", "enum": names})
}

/// The end of a log entry.
pub(crate) fn entry_end(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["\n", ""]})
}

/// A size: a number, or a text with a unit.
pub(crate) fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["number", "string", "null"]})
}

/// Data for programs that differ by error.
pub(crate) fn context(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": true})
}
