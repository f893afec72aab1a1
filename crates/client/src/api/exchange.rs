//! What those see who watch the exchanges with a server.

use std::sync::Arc;
use std::time::Duration;

/// What was sent and what came back, for those who watch. Bodies and paths may hold secrets.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path and query.
    pub path: &'a str,
    /// The request's body.
    pub request: &'a [u8],
    /// The HTTP status, or why there was none.
    pub result: Result<u16, String>,
    /// The request as the server names it.
    pub request_id: Option<&'a str>,
    /// When the key ends, in RFC 3339, where the server says that this is soon.
    pub key_expires: Option<&'a str>,
    /// The answer's body.
    pub response: &'a [u8],
    /// How long it took.
    pub took: Duration,
}

/// Somebody who watches every exchange.
pub type Observer = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;
