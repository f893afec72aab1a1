//! Reads JSON bodies: bounded in size and time, strict, and with errors that say where.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use runvoy_wire::MAX_BODY_BYTES;
use runvoy_wire::error::ErrorCode;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::error::ApiError;

/// The longest body of somebody who has not proved anything yet.
pub(crate) const MAX_STRANGERS_BYTES: usize = 4 * 1024;
/// How long a body may take to come.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// A body as it came, not larger than the limit.
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        read(request, MAX_BODY_BYTES).await.map(Self)
    }
}

/// A JSON body. None at all reads as `{}` where every field has a default.
pub(crate) struct JsonBody<T, const LIMIT: usize = MAX_BODY_BYTES>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned, const LIMIT: usize> FromRequest<S>
    for JsonBody<T, LIMIT>
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        parse(&read(request, LIMIT).await?).map(Self)
    }
}

/// The whole body, if it comes in time and is not larger than the limit.
pub(crate) async fn read(mut request: Request, limit: usize) -> Result<Bytes, ApiError> {
    DefaultBodyLimit::max(limit).apply(&mut request);
    match timeout(TIME_LIMIT, Bytes::from_request(request, &())).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::PayloadTooLarge,
                format!("the body is larger than {} KiB", limit / 1024),
            ))
        }
        Ok(Err(_)) => Err(ApiError::invalid("the body could not be read")),
        Err(_) => {
            let seconds = TIME_LIMIT.as_secs();
            let why = format!("the body did not come within {seconds} seconds");
            Err(ApiError::invalid(why))
        }
    }
}

/// Reads JSON; unknown fields are refused by the type.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let refused = |why: &str| {
        ApiError::invalid(format!("the body is not the JSON that is expected: {why}"))
            .with_details("docs/api.md lists the fields of each request")
    };
    // A list would be taken for the fields in the order of their declaration.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(refused("a list instead of an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| refused(&error.to_string()))
}
