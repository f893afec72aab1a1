//! Why an invocation gave no answer.

use bytes::Bytes;
use serde_json::json;

/// Largest payload of a synchronous invocation, in bytes.
pub(crate) const SYNCHRONOUS_LIMIT: usize = 6_291_456;
/// Largest answer of a synchronous invocation, in bytes.
pub(crate) const RESPONSE_LIMIT: usize = 6_291_556;
/// Largest payload of an asynchronous invocation, in bytes.
pub(crate) const ASYNCHRONOUS_LIMIT: usize = 1_048_576;

/// Why an invocation gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// There is no function of this name.
    #[error("Function not found: {0}")]
    NotFound(String),
    /// As many invocations are under way as may be.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The payload is larger than the limit, given in bytes.
    #[error("Request must be smaller than {0} bytes for the InvokeFunction operation")]
    TooLarge(usize),
    /// The function itself failed, timed out, crashed or did not start; its error document.
    #[error("{}", String::from_utf8_lossy(.0))]
    Failed(Bytes),
}

impl InvokeError {
    /// A failure that the host and not the function puts into words.
    pub(crate) fn failed(kind: &str, message: &str) -> Self {
        let document = json!({ "errorType": kind, "errorMessage": message });
        Self::Failed(Bytes::from(document.to_string()))
    }
}
