//! Names every request, in its answer's header, in error bodies and in the log.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use runvoy_app::App;
use runvoy_core::id::RequestId;
use runvoy_wire::REQUEST_ID_HEADER;
use runvoy_wire::error::ErrorBody;
use tracing::Instrument as _;

use crate::error::ApiError;

/// Makes the request's id, and puts it on whatever is answered. The caller's own ids are not trusted.
pub(crate) async fn name_request(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = app.ids().request(app.now());
    request.extensions_mut().insert::<RequestId>(id.clone());
    let method = request.method().clone();
    // The pattern, never the address itself: a claim's address holds its token.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    // Whatever is logged on the way carries the id that the answer names.
    let span = tracing::error_span!("request", request.id = %id, %method, route);
    let mut response = next.run(request).instrument(span).await;
    let status = response.status();
    let body = response.extensions_mut().remove::<ErrorBody>();
    if let Some(body) = body.or_else(|| unread(status)) {
        let headers = std::mem::take(response.headers_mut());
        response = ApiError::rebuild(status, body)
            .with_request_id(id.as_str())
            .into_response();
        keep_others(&mut response, headers);
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(REQUEST_ID_HEADER), value);
    }
    tracing::debug!(request.id = %id, %method, route, status = response.status().as_u16(), "request answered");
    response
}

/// What the framework refuses by itself, in plain words: an address that is no text.
fn unread(status: StatusCode) -> Option<ErrorBody> {
    let refused = || ApiError::invalid("the address cannot be read").into_body();
    status.is_client_error().then(refused)
}

/// Headers that the first answer had and the new one has not; its length is the new one's own.
fn keep_others(response: &mut Response, headers: HeaderMap) {
    for (name, value) in headers {
        let Some(name) = name else { continue };
        if name != CONTENT_LENGTH && !response.headers().contains_key(&name) {
            response.headers_mut().insert(name, value);
        }
    }
}
