//! How an execution ended, or stands, for programs: what `run`, `wait` and `kill` print and `--result-file` holds.

use runvoy_wire::execution::{ExecutionView, KillResponse, RunResponse};
use serde::Serialize;

/// How an execution ended, or how it stands.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RunResult {
    /// The execution.
    execution_id: String,
    /// Its status.
    #[cfg_attr(test, schemars(schema_with = "runvoy_wire::schema::status"))]
    status: String,
    /// Why it ended; null until then.
    #[cfg_attr(test, schemars(schema_with = "runvoy_wire::schema::reason_or_null"))]
    reason: Option<String>,
    /// The command's own exit code; null where there is none.
    exit_code: Option<i32>,
}

impl RunResult {
    /// So far: it was accepted.
    pub(crate) fn of_response(response: &RunResponse) -> Self {
        Self::of_status(&response.execution_id, &response.status)
    }

    /// So far: it was asked to stop.
    pub(crate) fn of_kill(answer: &KillResponse) -> Self {
        Self::of_status(&answer.execution_id, &answer.status)
    }

    /// As its record has it.
    pub(crate) fn of_view(view: &ExecutionView) -> Self {
        Self {
            reason: view.reason.clone(),
            exit_code: view.exit_code,
            ..Self::of_status(&view.execution_id, &view.status)
        }
    }

    fn of_status(execution_id: &str, status: &str) -> Self {
        Self {
            execution_id: execution_id.to_owned(),
            status: status.to_owned(),
            reason: None,
            exit_code: None,
        }
    }
}
