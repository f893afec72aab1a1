//! The only place that knows which refusal has which status and code.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use runvoy_app::{AppError, ErrorKind};
use runvoy_wire::error::{ErrorBody, ErrorCode};
use serde_json::{Map, Value};

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Box<ErrorBody>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, error: impl Into<String>) -> Self {
        Self {
            status,
            body: Box::new(ErrorBody {
                error: error.into(),
                code,
                details: None,
                context: None,
                request_id: None,
            }),
        }
    }

    pub(crate) fn into_body(self) -> ErrorBody {
        *self.body
    }

    /// An answer that was already on its way.
    pub(crate) fn rebuild(status: StatusCode, body: ErrorBody) -> Self {
        Self {
            status,
            body: Box::new(body),
        }
    }

    pub(crate) fn with_details(mut self, details: impl Into<String>) -> Self {
        self.body.details = Some(details.into());
        self
    }

    pub(crate) fn invalid(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, error)
    }

    pub(crate) fn unsupported(field: &str, instead: &str) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::Unsupported,
            format!("{field} is not supported here"),
        )
        .with_details(instead)
    }

    /// Names the request in the body, for people who report the error.
    pub(crate) fn with_request_id(mut self, id: &str) -> Self {
        self.body.request_id = Some(id.to_owned());
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self.body)).into_response();
        response.extensions_mut().insert(*self.body);
        response
    }
}

impl From<runvoy_core::Invalid> for ApiError {
    fn from(error: runvoy_core::Invalid) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(error: QueryRejection) -> Self {
        let text = error.body_text();
        let why = text
            .rsplit_once("query string: ")
            .map_or(text.as_str(), |(_, why)| why);
        Self::invalid(format!("the address has a bad parameter: {why}"))
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        let (status, code) = status_and_code(error.kind());
        if status.is_server_error() {
            tracing::error!(error = error.chain(), "request failed");
        }
        let mut answer = Self::new(status, code, error.to_string());
        answer.body.details = error.details().map(str::to_owned);
        if !error.context().is_empty() {
            let context: Map<String, Value> = error
                .context()
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
                .collect();
            answer.body.context = Some(Value::Object(context));
        }
        answer
    }
}

fn status_and_code(kind: ErrorKind) -> (StatusCode, ErrorCode) {
    match kind {
        ErrorKind::Invalid => (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest),
        ErrorKind::InvalidKey => (StatusCode::UNAUTHORIZED, ErrorCode::InvalidApiKey),
        ErrorKind::KeyRevoked => (StatusCode::UNAUTHORIZED, ErrorCode::ApiKeyRevoked),
        ErrorKind::KeyExpired => (StatusCode::UNAUTHORIZED, ErrorCode::ApiKeyExpired),
        ErrorKind::Forbidden => (StatusCode::FORBIDDEN, ErrorCode::Forbidden),
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
        ErrorKind::Conflict => (StatusCode::CONFLICT, ErrorCode::Conflict),
        ErrorKind::LockBusy => (StatusCode::CONFLICT, ErrorCode::LockBusy),
        ErrorKind::LockHeld => (StatusCode::CONFLICT, ErrorCode::LockHeld),
        ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::PayloadTooLarge),
        ErrorKind::Unsupported => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Unsupported),
        ErrorKind::IdempotencyMismatch => (
            StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::IdempotencyMismatch,
        ),
        ErrorKind::ClaimUsed => (StatusCode::CONFLICT, ErrorCode::ClaimUsed),
        ErrorKind::ClaimExpired => (StatusCode::CONFLICT, ErrorCode::ClaimExpired),
        ErrorKind::TooManyRuns => (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRuns),
        ErrorKind::Leave => (StatusCode::GONE, ErrorCode::Leave),
        ErrorKind::Unavailable | ErrorKind::Full => {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::DatabaseError)
        }
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::InternalError),
    }
}
