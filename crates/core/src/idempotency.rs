//! Requests that may be repeated without being done twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::ExecutionId;
use crate::text::Invalid;
use crate::user::UserEmail;

checked_text! {
    /// The caller's name for one request: 1–128 printable ASCII characters without spaces.
    IdempotencyKey, |text| {
        if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(())
        } else {
            Err(Invalid::new("Idempotency-Key", "must be 1 to 128 printable characters without spaces"))
        }
    }
}

/// Remembers which execution a request made, for [`KEPT_HOURS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Whose request it was; keys of different people never meet.
    pub user: UserEmail,
    /// The caller's key.
    pub key: IdempotencyKey,
    /// SHA-256 of the request's body, in hex: the same key with another body is refused.
    pub body_sha256: String,
    /// What the request made.
    pub execution: ExecutionId,
    /// When it may be forgotten; readers check it themselves.
    pub expires_at: Timestamp,
}

/// Hours for which a key is remembered.
pub const KEPT_HOURS: i64 = 24;
