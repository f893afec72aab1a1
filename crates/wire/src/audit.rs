//! The audit trail in the users' API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An element of `GET /audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditView {
    /// The entry's id, also the cursor of the next page.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: an address, `agent of …` or `system`.
    pub principal: String,
    /// What, for example `execution.created`.
    pub action: String,
    /// By which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The execution it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// The person it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Anything else worth knowing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
}
