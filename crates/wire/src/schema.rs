//! Schemas of texts that only take certain values: taken from the types of the core, so that they cannot differ.

use runvoy_core::execution::Status;
use runvoy_core::log::Stream;
use runvoy_core::outcome::Reason;
use runvoy_core::role::Role;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

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

/// Processor time: a number, or a text; 0 and an empty text ask for nothing.
pub(crate) fn cpu(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^\s*([0-9]+(\.[0-9]{0,3})?)?\s*$";
    json_schema!({"type": ["number", "string", "null"], "minimum": 0, "pattern": pattern})
}

/// Memory: a number, or a text with a unit; 0 and an empty text ask for nothing.
pub(crate) fn memory(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^\s*([0-9]+(\.[0-9]{0,3})?\s*([mMgG]([iI]?[bB])?)?)?\s*$";
    json_schema!({"type": ["number", "string", "null"], "minimum": 0, "pattern": pattern})
}

/// The name of a lock; an empty one asks for none.
pub(crate) const LOCK: &str = "^([A-Za-z0-9][A-Za-z0-9._/:-]{0,127})?$";

/// An absolute path; an empty one asks for nothing.
pub(crate) const WORKDIR: &str = "^(/|$)";

/// The name of a variable.
pub(crate) fn variable_name() -> Value {
    json!({"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": 128, "not": {"pattern": "^RUNVOY_"}})
}

/// One of the two is there, and the other is not, or null.
pub(crate) fn command_or_argv() -> Value {
    let only = |one: &str, is: &str, other: &str| {
        let properties = json!({one: {"type": is}, other: {"type": "null"}});
        json!({"required": [one], "properties": properties})
    };
    json!([
        only("command", "string", "argv"),
        only("argv", "array", "command")
    ])
}

/// Data for programs that differ by error.
pub(crate) fn context(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": true})
}
