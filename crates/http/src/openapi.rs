//! `GET /openapi.json`: the description of the users' API.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// Made by `cargo xtask openapi` from the types that are sent and taken.
const DOCUMENT: &[u8] = include_bytes!("../../../docs/openapi.json");

/// The document's first eight bytes of SHA-256.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest(DOCUMENT);
    let digits: Vec<String> = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{}\"", digits.concat())
});

/// The description; nothing where the reader has it already.
pub(crate) async fn document(asked: HeaderMap) -> Response {
    let known = asked.get_all(IF_NONE_MATCH).iter();
    let is_known = known.filter_map(|value| value.to_str().ok()).any(has_tag);
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&TAG) {
        headers.insert(ETAG, tag);
    }
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (headers, DOCUMENT).into_response()
}

/// Whether a list of tags has the document's, compared weakly as RFC 9110 (13.1.2) has it.
fn has_tag(list: &str) -> bool {
    let tags = list.split(',').map(str::trim);
    tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
        .any(|tag| tag == "*" || tag == *TAG)
}
