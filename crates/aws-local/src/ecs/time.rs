//! The two ways in which ECS writes a time.

use jiff::Timestamp;
use serde_json::{Value, json};

/// As answers write it: seconds since 1970 with a fraction.
pub(super) fn seconds(time: Timestamp) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are far below 2^53"
    )]
    let seconds = time.as_millisecond() as f64 / 1000.0;
    json!(seconds)
}

/// As events write it: RFC 3339 with milliseconds.
pub(super) fn rfc3339(time: Timestamp) -> Value {
    json!(format!("{time:.3}"))
}
