//! Logs in the users' API.

use serde::{Deserialize, Serialize};

/// `GET /executions/{id}/logs`. Without `after`, `limit` or `wait` the whole log of a finished run, lines joined;
/// with any of them a page of entries as they were numbered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogsView {
    /// The execution.
    pub execution_id: String,
    /// The entries; null for a live run where the whole log is asked for.
    pub events: Option<Vec<LogEventView>>,
    /// The execution's status when the entries were read.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::status"))]
    pub status: String,
    /// What it is doing, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The cursor to pass as `after` to go on.
    #[serde(default)]
    pub next: u64,
    /// The log is closed and these are its last entries.
    #[serde(default)]
    pub complete: bool,
    /// How long to wait before asking again, in milliseconds.
    #[serde(default)]
    pub poll_after_ms: u64,
}

/// One entry, or one joined line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogEventView {
    /// The number as text.
    pub event_id: String,
    /// The number.
    pub line: u64,
    /// When it was written, in milliseconds since 1970.
    pub timestamp: i64,
    /// The text, without its line feed.
    pub message: String,
    /// `stdout`, `stderr` or `system`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::stream"))]
    pub stream: String,
    /// `"\n"`, or empty for an entry that the next of its stream goes on.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::entry_end"))]
    pub end: String,
}
