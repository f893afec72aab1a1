//! Runs: submit, list, read, follow, stop. And the server's health.

use std::time::Duration;

use http::Method;
use runvoy_wire::execution::{ExecutionView, HealthView, KillResponse, RunRequest, RunResponse};
use runvoy_wire::log::LogsView;

use super::{ANSWER_TIMEOUT, Api, Call, Page, decode};
use crate::api_error::ApiError;
use crate::path::{PathWithQuery, encode};

/// Which executions to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// How many at most.
    pub limit: Option<u32>,
    /// Where the page begins.
    pub cursor: Option<String>,
    /// Only these statuses.
    pub status: Vec<String>,
    /// Only this person's.
    pub user: Option<String>,
    /// Only those that asked for this lock.
    pub lock: Option<String>,
}

/// Which part of a log to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogsQuery {
    /// The entry after which to begin; 0 for the beginning.
    pub after: u64,
    /// How many entries at most.
    pub limit: Option<u32>,
    /// How many seconds to wait for an entry where there is none yet.
    pub wait: u64,
}

impl Api {
    /// `GET /health`.
    pub async fn health(&self) -> Result<HealthView, ApiError> {
        self.get("/health").await
    }

    /// `POST /run`. The server runs it once for the same `idempotency_key`, so it is repeated when its answer is lost.
    pub async fn run(
        &self,
        request: &RunRequest,
        idempotency_key: &str,
    ) -> Result<RunResponse, ApiError> {
        let call = Call {
            idempotency_key: Some(idempotency_key.to_owned()),
            ..Call::json(Method::POST, "/run", request).repeatable()
        };
        self.call(call).await
    }

    /// `GET /executions`.
    pub async fn executions(&self, query: &ListQuery) -> Result<Page<ExecutionView>, ApiError> {
        let status = (!query.status.is_empty()).then(|| query.status.join(","));
        let path = PathWithQuery::new("/executions")
            .with("limit", query.limit)
            .with("cursor", query.cursor.as_ref())
            .with("status", status)
            .with("user", query.user.as_ref())
            .with("lock", query.lock.as_ref());
        self.get_page(path.into_string()).await
    }

    /// `GET /executions/{id}`.
    pub async fn execution(&self, id: &str) -> Result<ExecutionView, ApiError> {
        self.get(format!("/executions/{}", encode(id))).await
    }

    /// `GET /executions/{id}/logs`, a page of entries as they were numbered.
    pub async fn logs(&self, id: &str, query: LogsQuery) -> Result<LogsView, ApiError> {
        let path = PathWithQuery::new(format!("/executions/{}/logs", encode(id)))
            .with("after", Some(query.after))
            .with("limit", query.limit)
            .with("wait", Some(query.wait));
        let call = Call {
            timeout: ANSWER_TIMEOUT + Duration::from_secs(query.wait),
            ..Call::get(path.into_string())
        };
        self.call(call).await
    }

    /// `DELETE /executions/{id}`; `None` where it was over already.
    pub async fn kill(&self, id: &str) -> Result<Option<KillResponse>, ApiError> {
        let call = Call::new(Method::DELETE, format!("/executions/{}", encode(id))).repeatable();
        let (status, _, body) = self.send(&call).await?;
        if body.is_empty() {
            return Ok(None);
        }
        decode(status, &body).map(Some)
    }
}
