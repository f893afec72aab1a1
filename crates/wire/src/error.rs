//! Errors: a sentence for people, a code for programs.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// What happened, as a lower-case sentence.
    pub error: String,
    /// A stable name for it.
    pub code: ErrorCode,
    /// Why, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// Data for programs, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::context"))]
    pub context: Option<Value>,
    /// The request, as the server's log names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Stable names of errors. A name that this version does not know is kept as `Other`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "Stable names of errors.")
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "each name says it; docs/api.md has the table")]
pub enum ErrorCode {
    InvalidRequest,
    Unauthorized,
    InvalidApiKey,
    ApiKeyRevoked,
    ApiKeyExpired,
    Forbidden,
    NotFound,
    Conflict,
    LockBusy,
    LockHeld,
    PayloadTooLarge,
    Unsupported,
    IdempotencyMismatch,
    ClaimUsed,
    ClaimExpired,
    Leave,
    RateLimited,
    TooManyRuns,
    InternalError,
    DatabaseError,
    ServiceUnavailable,
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Other(String),
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => f.write_str(&name),
            _ => f.write_str("UNKNOWN"),
        }
    }
}
