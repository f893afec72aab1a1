//! `/executions` and `/executions/{id}`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use runvoy_app::{App, Killed};
use runvoy_core::execution::Status;
use runvoy_core::id::ExecutionId;
use runvoy_core::user::UserEmail;
use runvoy_ports::{ExecutionQuery, Scope};
use runvoy_wire::execution::{ExecutionView, KillResponse};
use serde::Deserialize;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::{link, view};

/// Executions on a page where nothing is said, as the published API has it.
const DEFAULT_LIMIT: u32 = 10;
/// Bytes of a page at most, but for one execution: a Lambda may answer 6 MB.
const PAGE_BYTES: usize = 3 * 1024 * 1024;
/// Executions on a page at most.
pub(crate) const MAX_LIMIT: u32 = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    limit: Option<u32>,
    cursor: Option<ExecutionId>,
    status: Option<String>,
    user: Option<String>,
    lock: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(params) = params?;
    let query = query(&params)?;
    let limit = query.limit;
    let page = app.executions(&ctx, query).await?;
    let mut room = PAGE_BYTES;
    let views: Vec<ExecutionView> = page
        .iter()
        .map(|one| view::execution(&app, one))
        .take_while(|view| {
            let fits = room > 0;
            let size = serde_json::to_vec(view).map_or(0, |view| view.len());
            room = room.saturating_sub(size);
            fits
        })
        .collect();
    let mut headers = HeaderMap::new();
    let is_whole = page.len() < limit as usize && views.len() == page.len();
    let last = views.len().checked_sub(1).filter(|_| !is_whole);
    let last = last.and_then(|last| page.get(last));
    if let Some(link) = last.and_then(|last| next_link(&params, limit, last.id())) {
        headers.insert(LINK, link);
    }
    Ok((headers, Json(views)).into_response())
}

fn query(params: &ListParams) -> Result<ExecutionQuery, ApiError> {
    let scope = match (&params.user, &params.lock) {
        (None, None) => Scope::All,
        (Some(user), None) => Scope::User(UserEmail::from_typed(user)?),
        (None, Some(lock)) => Scope::Lock(lock.parse()?),
        (Some(_), Some(_)) => return Err(ApiError::invalid("filter by user or by lock, not both")),
    };
    let statuses = params
        .status
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter(|status| !status.is_empty());
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(format!(
            "limit must be from 1 to {MAX_LIMIT}"
        )));
    }
    Ok(ExecutionQuery {
        scope,
        statuses: statuses
            .map(str::parse::<Status>)
            .collect::<Result<_, _>>()?,
        before: params.cursor.clone(),
        limit,
    })
}

fn next_link(params: &ListParams, limit: u32, last: &ExecutionId) -> Option<HeaderValue> {
    let filters = [
        ("status", params.status.clone()),
        ("user", params.user.clone()),
        ("lock", params.lock.clone()),
    ];
    link::next("executions", limit, last.as_str(), &filters)
}

pub(crate) async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Path(id): Path<String>,
) -> Result<Json<ExecutionView>, ApiError> {
    let detail = app.execution(&ctx, &execution_id(&id)?).await?;
    let mut view = view::execution(&app, &detail.execution);
    view.queue = detail.queue.map(view::queue);
    Ok(Json(view))
}

pub(crate) async fn kill(
    State(app): State<App>,
    Caller(ctx): Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    match app.kill(&ctx, &execution_id(&id)?).await? {
        Killed::WasOver(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Killed::Stopping(execution) => Ok(Json(KillResponse {
            execution_id: execution.id().to_string(),
            status: execution.status().to_string(),
            message: if execution.ended().is_some() {
                "stopped before it ran"
            } else {
                "stopping"
            }
            .to_owned(),
        })
        .into_response()),
    }
}

/// An id from the address.
pub(crate) fn execution_id(text: &str) -> Result<ExecutionId, ApiError> {
    Ok(text.parse()?)
}
