//! Whether an answer to a reader of a log left anything to wait for.

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use runvoy_core::execution::Status;
use serde::Deserialize;

/// What counts of a page of a log.
#[derive(Deserialize)]
struct Page {
    status: String,
}

/// Whether the execution is over, or the answer is no page of a log; and the answer as it was.
pub(super) async fn is_over(response: Response) -> (bool, Response) {
    let (parts, body) = response.into_parts();
    // A page is in memory as a whole: nothing is waited for here, and nothing can fail.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return (true, StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    let is_over = !parts.status.is_success() || !is_live(&bytes);
    (is_over, Response::from_parts(parts, Body::from(bytes)))
}

fn is_live(page: &[u8]) -> bool {
    serde_json::from_slice::<Page>(page)
        .ok()
        .and_then(|page| page.status.parse::<Status>().ok())
        .is_some_and(|status| !status.is_terminal())
}
