//! How a deployment is, for programs.

use jiff::Timestamp;
use serde::Serialize;

/// How a deployment is; the table has the same.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StatusView {
    /// The deployment's name.
    pub(crate) project: String,
    /// The AWS account.
    pub(crate) account: String,
    /// The AWS region.
    pub(crate) region: String,
    /// The stack's status in CloudFormation's words, or `missing`.
    pub(crate) stack: String,
    /// Why the stack is as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When the stack was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed_at: Option<Timestamp>,
    /// The status of the stack of what is kept, or `missing`.
    pub(crate) bootstrap: String,
    /// The version that is deployed.
    pub(crate) version: Option<String>,
    /// This program's version.
    pub(crate) cli_version: String,
    /// Where the API is.
    pub(crate) api_endpoint: Option<String>,
    /// Where agents call.
    pub(crate) agent_endpoint: Option<String>,
    /// `well`, or what ails it.
    pub(crate) health: String,
    /// How many tasks run.
    pub(crate) running_tasks: Option<usize>,
    /// How many executions are not over.
    pub(crate) open_executions: Option<usize>,
    /// The role that commands have where they name none.
    pub(crate) default_task_role: Option<String>,
}
