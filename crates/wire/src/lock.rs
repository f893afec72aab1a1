//! Locks in the users' API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An element of `GET /locks`, and `GET /locks/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LockView {
    /// Its name.
    pub name: String,
    /// The token of its newest holder.
    pub fence: u64,
    /// Who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<HolderView>,
    /// The line, first first; only for `GET /locks/{name}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue: Vec<WaiterView>,
    /// How many wait.
    pub waiting: u64,
}

/// The holder of a lock. Those who may not read its execution see only id and since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HolderView {
    /// The execution.
    pub execution_id: String,
    /// Since when it holds.
    pub since: Timestamp,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::status"))]
    pub status: Option<String>,
    /// Since when nobody can say whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable_since: Option<Timestamp>,
}

/// A waiter of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaiterView {
    /// Place in the line, from 1.
    pub position: u64,
    /// The execution.
    pub execution_id: String,
    /// Since when it waits.
    pub since: Timestamp,
}

/// `DELETE /locks/{name}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Take the lock from a holder that cannot be reached.
    #[serde(default)]
    pub force: bool,
    /// Why; kept in the audit trail.
    #[serde(default)]
    pub reason: Option<String>,
    /// Hand the lock on although its holder runs.
    #[serde(default)]
    pub even_if_running: bool,
}

/// The answer to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseResponse {
    /// The lock.
    pub name: String,
    /// The execution that held it.
    pub released_from: String,
    /// What follows, for people.
    pub message: String,
}
