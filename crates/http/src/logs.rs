//! `GET /executions/{id}/logs`: a page of entries, or for the old client the whole log of a finished run.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use runvoy_app::{App, AppError, LogPage, OpContext};
use runvoy_core::execution::Status;
use runvoy_core::id::ExecutionId;
use runvoy_core::log::Seq;
use runvoy_wire::log::LogsView;
use serde::Deserialize;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::executions::execution_id;
use crate::lines::Lines;
use crate::view;

/// Text of one page at most; with JSON's escapes it stays below the 6 MB that a Lambda may answer.
const PAGE_BYTES: usize = 512 * 1024;
/// How soon to ask again where nothing came and nothing wakes the reader.
const POLL_AFTER_MS: u64 = 1000;

/// The largest number that an entry may have: stores count in 63 bits.
pub(crate) const MAX_SEQ: u64 = u64::MAX / 2;

/// Marks a page of an execution that is not over, for the layers around it: more lines may come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StillLive;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogParams {
    after: Option<u64>,
    limit: Option<usize>,
    wait: Option<u64>,
}

pub(crate) async fn logs(
    State(app): State<App>,
    Caller(ctx): Caller,
    Path(id): Path<String>,
    params: Result<Query<LogParams>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(params) = params?;
    let id = execution_id(&id)?;
    if params.after.is_none() && params.limit.is_none() && params.wait.is_none() {
        return whole(app, ctx, id).await;
    }
    let after = params.after.unwrap_or_default();
    if after > MAX_SEQ {
        return Err(ApiError::invalid("after is beyond the end of any log"));
    }
    let after = Seq::new(after);
    let wait = Duration::from_secs(params.wait.unwrap_or_default());
    let wait = wait.min(app.tuning().longest_wait);
    let page = app.logs(&ctx, &id, after, PAGE_BYTES, wait).await?;
    let is_live = !page.execution.status().is_terminal();
    let mut response = Json(page_view(&app, page, params.limit, wait)).into_response();
    if is_live {
        response.extensions_mut().insert(StillLive);
    }
    Ok(response)
}

fn page_view(app: &App, page: LogPage, limit: Option<usize>, wait: Duration) -> LogsView {
    let mut entries = page.entries;
    let (mut next, mut complete) = (page.next, page.is_complete);
    if let Some(limit) = limit.filter(|limit| *limit > 0 && *limit < entries.len()) {
        entries.truncate(limit);
        next = entries.last().map_or(next, |last| last.seq);
        complete = false;
    }
    let may_come_at_once = complete || !entries.is_empty() || !wait.is_zero();
    LogsView {
        execution_id: page.execution.id().to_string(),
        status: page.execution.status().to_string(),
        phase: view::phase(app, &page.execution),
        events: Some(entries.into_iter().map(view::log_event).collect()),
        next: next.number(),
        complete,
        poll_after_ms: if may_come_at_once { 0 } else { POLL_AFTER_MS },
    }
}

/// The published v0.5 shape: null events while it runs; when over (a stop under way counts), every line in one array.
async fn whole(app: App, ctx: OpContext, id: ExecutionId) -> Result<Response, ApiError> {
    let page = app
        .logs(&ctx, &id, Seq::START, PAGE_BYTES, Duration::ZERO)
        .await?;
    let status = page.execution.status();
    if !status.is_terminal() && status != Status::Terminating {
        let view = LogsView {
            events: None,
            ..page_view(
                &app,
                LogPage {
                    entries: Vec::new(),
                    next: Seq::START,
                    ..page
                },
                None,
                Duration::ZERO,
            )
        };
        return Ok(Json(view).into_response());
    }
    let head = format!("{{\"execution_id\":\"{id}\",\"status\":\"{status}\",\"events\":[");
    let state = Whole {
        app,
        ctx,
        id,
        lines: Lines::default(),
        page: Some(page),
        is_first: true,
    };
    let rest = futures_util::stream::unfold(Some(state), |state| async {
        let mut state = state?;
        let next = state.next().await;
        let goes_on = next.is_ok() && !state.is_over();
        Some((next, goes_on.then_some(state)))
    });
    let body = futures_util::stream::once(async { Ok(Bytes::from(head)) }).chain(rest);
    Ok((
        [(CONTENT_TYPE, "application/json")],
        Body::from_stream(body),
    )
        .into_response())
}

/// A whole log on its way, a page at a time, so that its size never matters.
struct Whole {
    app: App,
    ctx: OpContext,
    id: ExecutionId,
    lines: Lines,
    page: Option<LogPage>,
    is_first: bool,
}

impl Whole {
    /// The next piece of the array; its last one closes it. A page that cannot be read breaks the answer off, so that
    /// nobody takes a part for the whole.
    async fn next(&mut self) -> Result<Bytes, AppError> {
        let Some(page) = self.page.take() else {
            return Ok(Bytes::new());
        };
        let (is_last, is_complete) = (page.entries.is_empty(), page.is_complete);
        let mut lines = self.lines.join(page.entries);
        if is_last {
            lines.extend(self.lines.rest());
        } else {
            let next = self
                .app
                .logs(&self.ctx, &self.id, page.next, PAGE_BYTES, Duration::ZERO);
            self.page = Some(next.await?);
        }
        let mut text = String::new();
        for line in lines {
            if !std::mem::take(&mut self.is_first) {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        }
        if is_last {
            text.push_str(if is_complete {
                "],\"complete\":true}"
            } else {
                "],\"complete\":false}"
            });
        }
        Ok(Bytes::from(text))
    }

    fn is_over(&self) -> bool {
        self.page.is_none()
    }
}
