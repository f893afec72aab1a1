//! What may stand in an address, and the headers that mean something.

use runvoy_core::execution::Status;
use serde_json::{Value, json};

/// The parameters of a path: each placeholder has a name of its own.
pub(super) fn of_path(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| {
        part.strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
    });
    names.map(in_path).collect()
}

fn in_path(name: &str) -> Value {
    let (description, schema) = match name {
        "id" => ("The execution.", execution_id()),
        "name" => ("The lock; percent-encoded, a slash too.", lock()),
        "token" => (
            "The claim token.",
            json!({"type": "string", "pattern": "^rvc_.{36}$"}),
        ),
        other => panic!("{other} is not described"),
    };
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
}

/// A parameter that may be left out.
pub(super) fn query(name: &str, description: &str, schema: Value) -> Value {
    let mut parameter = json!({"name": name, "in": "query", "description": description});
    parameter["schema"] = schema;
    parameter
}

/// The parameters of `GET /executions`.
pub(super) fn of_executions() -> Vec<Value> {
    let status = json!({"type": "array", "items": {"type": "string", "enum": Status::ALL.map(Status::as_str)}});
    let mut statuses = query(
        "status",
        "Only with one of these statuses, separated by commas.",
        status,
    );
    statuses["style"] = json!("form");
    statuses["explode"] = json!(false);
    vec![
        limit(10),
        query("cursor", CURSOR, execution_id()),
        statuses,
        query(
            "user",
            "Only this person's; not together with `lock`.",
            email(),
        ),
        query(
            "lock",
            "Only those that asked for this lock; not together with `user`.",
            lock(),
        ),
    ]
}

/// The parameters of `GET /audit`.
pub(super) fn of_audit() -> Vec<Value> {
    let since = json!({"type": "string", "format": "date-time"});
    vec![
        limit(100),
        query(
            "cursor",
            CURSOR,
            json!({"type": "string", "pattern": "^[0-9A-Fa-f]{32}$"}),
        ),
        query("user", "Only what concerns this person.", email()),
        query(
            "execution",
            "Only what concerns this execution.",
            execution_id(),
        ),
        query("since", "Only since this moment.", since),
    ]
}

/// The parameters of `GET /executions/{id}/logs`.
pub(super) fn of_logs() -> Vec<Value> {
    let number = || json!({"type": "integer", "minimum": 0});
    let mut after = number();
    after["maximum"] = json!(i64::MAX);
    vec![
        query(
            "after",
            "Only entries beyond this one: `next` of the page before, 0 for the first.",
            after,
        ),
        query(
            "limit",
            "Entries on a page at most; a page also ends at half a megabyte. 0 for no limit.",
            number(),
        ),
        query(
            "wait",
            "Long poll: hold the answer for up to this many seconds, at most 30, until there is an entry, the status changes or the log ends. On AWS nothing is held.",
            number(),
        ),
    ]
}

/// The header of `POST /run`.
pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Names the request so that it can be repeated: it is carried out once, however often it is sent. The key belongs to the user and is remembered for 24 hours. The same key with another body is refused with 422 `IDEMPOTENCY_MISMATCH`.",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7E]{1,128}$"},
    })
}

/// The header of `GET /openapi.json`.
pub(super) fn if_none_match() -> Value {
    json!({
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of the description that the caller has already.",
        "schema": {"type": "string"},
    })
}

const CURSOR: &str = "Where the page begins: taken from the `Link` header of the page before.";

fn limit(default: u32) -> Value {
    let schema = json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": default});
    query("limit", "Elements on a page at most.", schema)
}

fn execution_id() -> Value {
    json!({"type": "string", "pattern": "^[0-9a-f]{32}$"})
}

fn lock() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}$"})
}

fn email() -> Value {
    json!({"type": "string", "pattern": "^[^@]+@[^@]+$", "maxLength": 254})
}
