//! `GET /audit`.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use runvoy_app::App;
use runvoy_core::id::OperationId;
use runvoy_core::user::UserEmail;
use runvoy_ports::AuditQuery;
use runvoy_wire::BASE_PATH;
use serde::Deserialize;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::executions::{MAX_LIMIT, execution_id};
use crate::view;

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
    params: Result<Query<AuditParams>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(params) = params.map_err(|error| ApiError::invalid(error.body_text()))?;
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
    if let Some(last) = entries.last().filter(|_| entries.len() == limit as usize) {
        let link = format!(
            "<{BASE_PATH}/audit?limit={limit}&cursor={}>; rel=\"next\"",
            last.id
        );
        if let Ok(link) = HeaderValue::from_str(&link) {
            headers.insert(LINK, link);
        }
    }
    let views: Vec<_> = entries.into_iter().map(view::audit).collect();
    Ok((headers, Json(views)).into_response())
}
