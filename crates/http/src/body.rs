//! Reads JSON bodies: bounded, strict, and with errors that say where.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use runvoy_wire::MAX_BODY_BYTES;
use runvoy_wire::error::ErrorCode;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// A body as it came, not larger than the limit.
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let too_large = || {
            let limit = MAX_BODY_BYTES / 1024;
            ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::PayloadTooLarge,
                format!("the body is larger than {limit} KiB"),
            )
        };
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(too_large())
            }
            Err(_) => Err(ApiError::invalid("the body could not be read")),
        }
    }
}

/// A JSON body. None at all reads as `{}` where every field has a default.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        parse(&bytes).map(Self)
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
