//! `GET /audit`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use runvoy_app::App;
use runvoy_core::audit::AuditEntry;
use runvoy_core::id::OperationId;
use runvoy_core::user::UserEmail;
use runvoy_ports::AuditQuery;
use serde::Deserialize;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::executions::{MAX_LIMIT, execution_id};
use crate::{link, view};

/// Entries on a page where nothing is said.
const DEFAULT_LIMIT: u32 = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditParams {
    user: Option<String>,
    execution: Option<String>,
    since: Option<Timestamp>,
    limit: Option<u32>,
    cursor: Option<OperationId>,
}

pub(crate) async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    params: Result<Query<AuditParams>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(params) = params?;
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(format!(
            "limit must be from 1 to {MAX_LIMIT}"
        )));
    }
    let query = AuditQuery {
        user: params
            .user
            .as_deref()
            .map(UserEmail::from_typed)
            .transpose()?,
        execution: params.execution.as_deref().map(execution_id).transpose()?,
        since: params.since,
        before: params.cursor,
        limit,
    };
    let entries = app.audit(&ctx, &query).await?;
    let mut headers = HeaderMap::new();
    let last = entries.last().filter(|_| entries.len() == limit as usize);
    if let Some(link) = last.and_then(|last| next_link(&query, last)) {
        headers.insert(LINK, link);
    }
    let views: Vec<_> = entries.into_iter().map(view::audit).collect();
    Ok((headers, Json(views)).into_response())
}

fn next_link(query: &AuditQuery, last: &AuditEntry) -> Option<HeaderValue> {
    let filters = [
        ("user", query.user.as_ref().map(ToString::to_string)),
        (
            "execution",
            query.execution.as_ref().map(ToString::to_string),
        ),
        ("since", query.since.as_ref().map(ToString::to_string)),
    ];
    link::next("audit", query.limit, last.id.as_str(), &filters)
}
