//! Executions in the users' API.

use std::collections::BTreeMap;

use jiff::Timestamp;
#[cfg(feature = "schema")]
use runvoy_core::command::MAX_COMMAND_BYTES;
#[cfg(feature = "schema")]
use runvoy_core::execution::{DEFAULT_LOG_LIMIT, MAX_GRACE, MAX_LOCK_TIMEOUT, MAX_TIMEOUT};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// `POST /run`. Exactly one of `command` and `argv`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = crate::schema::command_or_argv())))]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// A script for `/bin/sh -c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_COMMAND_BYTES)))]
    pub command: Option<String>,
    /// A program and its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub argv: Option<Vec<String>>,
    /// Plain variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = crate::schema::variable_name())))]
    pub env: BTreeMap<String, Secret>,
    /// Secret variables: set like the plain ones, and masked in the log.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = crate::schema::variable_name())))]
    pub secret_env: BTreeMap<String, Secret>,
    /// Limit of the running time in seconds; absent or 0 for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = MAX_TIMEOUT.as_secs())))]
    pub timeout: Option<u64>,
    /// Seconds between TERM and KILL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = MAX_GRACE.as_secs())))]
    pub grace: Option<u64>,
    /// The lock to hold while running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = crate::schema::LOCK)))]
    pub lock: Option<String>,
    /// Refuse at once (409) where the lock is held or others wait.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_wait: bool,
    /// Longest wait for the lock, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = MAX_LOCK_TIMEOUT.as_secs())))]
    pub lock_timeout: Option<u64>,
    /// Directory to run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = crate::schema::WORKDIR)))]
    pub workdir: Option<String>,
    /// Bytes of output that the log keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = DEFAULT_LOG_LIMIT)))]
    pub log_limit: Option<u64>,
    /// Container image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Virtual processors (`0.25`), or 1024ths of one (`256`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::cpu"))]
    pub cpu: Option<serde_json::Value>,
    /// Memory: MiB (`512`), or an amount (`2GB`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::memory"))]
    pub memory: Option<serde_json::Value>,
    /// A machine behind a relay. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Names of stored secrets. Not supported yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// A repository to fetch. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repo: Option<String>,
    /// A revision of it. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// A path in it. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_path: Option<String>,
}

/// The answer to `POST /run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunResponse {
    /// The execution.
    pub execution_id: String,
    /// Where its log can be read.
    pub log_url: String,
    /// Its status now.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::status"))]
    pub status: String,
    /// The command as records show it.
    pub command: String,
    /// The image; empty where there is none.
    #[serde(default)]
    pub image_id: String,
    /// Its place in the line of its lock, from 1, while queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueView>,
}

/// A run's place in the line of its lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueueView {
    /// The lock.
    pub lock: String,
    /// Place in the line, from 1.
    pub position: u64,
    /// The execution that holds the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Since when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// When waiting ends.
    pub deadline: Timestamp,
}

/// An execution: an element of `GET /executions`, `GET /executions/{id}` and `…/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExecutionView {
    /// Its id.
    pub execution_id: String,
    /// Whose it is.
    pub created_by: String,
    /// The same, by the name of the first releases.
    pub user_email: String,
    /// The command as records show it.
    pub command: String,
    /// The image; empty where there is none.
    #[serde(default)]
    pub image_id: String,
    /// The lock it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_name: Option<String>,
    /// The fencing token under which it holds or held it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_fence: Option<u64>,
    /// Whether the lock was taken from it by force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lock_lost: bool,
    /// `QUEUED`, `STARTING`, `RUNNING`, `TERMINATING`, `SUCCEEDED`, `FAILED` or `STOPPED`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::status"))]
    pub status: String,
    /// What it is doing, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// What a queued run waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Its place in the line, where asked for one execution alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueView>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::reason"))]
    pub reason: Option<String>,
    /// What its agent or its provider said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The command's exit code.
    pub exit_code: Option<i32>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When its command was started; the time of submission until then.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Whole seconds from start to end.
    pub duration_seconds: u64,
    /// Limit of the running time in seconds.
    pub timeout_seconds: u64,
    /// Names of its plain variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Names of its secret variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_env: Vec<String>,
    /// Cost in US dollars, six decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<String>,
    /// The cost is estimated: the provider has not said yet what it bills, or its prices are not known exactly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cost_is_estimate: bool,
    /// What its public IPv4 address costs beside, in US dollars; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_ipv4_usd: Option<String>,
    /// Since when nobody can say whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable_since: Option<Timestamp>,
    /// The request that submitted it.
    pub request_id: String,
    /// The same, by the name of v0.5.
    pub created_by_request_id: String,
    /// Where it runs.
    pub cloud: String,
    /// The same, by the name of the first releases.
    pub compute_platform: String,
}

/// The answer to `DELETE /executions/{id}` and `POST …/kill` of an execution that was not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KillResponse {
    /// The execution.
    pub execution_id: String,
    /// Its status now.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::status"))]
    pub status: String,
    /// What will happen.
    pub message: String,
}

/// `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthView {
    /// `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// Where commands run.
    pub provider: String,
}
