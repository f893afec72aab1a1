//! What an answer that is not a success may be: its status, and the codes that go with it.

use serde_json::{Map, Value, json};

use super::document::KEY_EXPIRES_NAME;

/// A status, its name among the components, what it means, and its codes.
const ALL: &[(u16, &str, &str, &[&str])] = &[
    (
        400,
        "BadRequest",
        "Something in the request cannot be used.",
        &["INVALID_REQUEST"],
    ),
    (
        401,
        "Unauthorized",
        "No key was sent, or one that does not work.",
        &[
            "UNAUTHORIZED",
            "INVALID_API_KEY",
            "API_KEY_REVOKED",
            "API_KEY_EXPIRED",
        ],
    ),
    (
        403,
        "Forbidden",
        "The role does not permit it.",
        &["FORBIDDEN"],
    ),
    (
        404,
        "NotFound",
        "It is not there, or not for this caller.",
        &["NOT_FOUND"],
    ),
    (
        409,
        "Conflict",
        "What is there stands in the way.",
        &[
            "CONFLICT",
            "LOCK_BUSY",
            "LOCK_HELD",
            "CLAIM_USED",
            "CLAIM_EXPIRED",
        ],
    ),
    (
        413,
        "PayloadTooLarge",
        "The body, the command or its variables are too long.",
        &["PAYLOAD_TOO_LARGE"],
    ),
    (
        422,
        "Unprocessable",
        "A field of something that is not there, or an idempotency key that came with another body.",
        &["UNSUPPORTED", "IDEMPOTENCY_MISMATCH"],
    ),
    (
        429,
        "TooManyRequests",
        "Too much at once; it may be tried again. A proxy in front of the server may answer it too, with a body of its own.",
        &["RATE_LIMITED", "TOO_MANY_RUNS"],
    ),
    (
        500,
        "InternalError",
        "A fault of the server's; its log says more.",
        &["INTERNAL_ERROR"],
    ),
    (
        503,
        "Unavailable",
        "The store cannot be reached or is full, or the server is going down; nothing was changed, and it may be tried again.",
        &["DATABASE_ERROR", "SERVICE_UNAVAILABLE"],
    ),
];

/// Each status with its codes.
pub(super) fn all() -> impl Iterator<Item = (u16, &'static [&'static str])> {
    ALL.iter().map(|(status, _, _, codes)| (*status, *codes))
}

/// The entries of an operation's answers that refer to these statuses.
pub(super) fn references(statuses: &[u16]) -> Map<String, Value> {
    let references = statuses.iter().map(|status| {
        let (_, name, _, _) = ALL.iter().find(|row| row.0 == *status).unwrap();
        let target = format!("#/components/responses/{name}");
        (status.to_string(), json!({"$ref": target}))
    });
    references.collect()
}

/// The components that are referred to.
pub(super) fn components() -> Map<String, Value> {
    let components = ALL.iter().map(|(status, name, description, codes)| {
        let mut headers = json!({
            "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
            KEY_EXPIRES_NAME: {"$ref": "#/components/headers/KeyExpires"},
        });
        if *status == 429 {
            headers["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfter"});
        }
        let schema = json!({
            "$ref": "#/components/schemas/ErrorBody",
            "properties": {"code": {"enum": codes}},
        });
        let component = json!({
            "description": description,
            "headers": headers,
            "content": {"application/json": {"schema": schema}},
        });
        ((*name).to_owned(), component)
    });
    components.collect()
}
