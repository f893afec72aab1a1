//! Who calls.

use axum::body::Body;
use axum::http::{Method, Request};
use runvoy_wire::BASE_PATH;
use serde_json::Value;

/// Somebody, with the key that they show.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) email: String,
    pub(crate) key: Option<String>,
}

impl Caller {
    pub(crate) fn new(email: &str, key: &str) -> Self {
        Self {
            email: email.to_owned(),
            key: Some(key.to_owned()),
        }
    }

    /// Somebody who shows nothing.
    pub(crate) fn anonymous() -> Self {
        Self {
            email: String::new(),
            key: None,
        }
    }

    /// The same person with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self::new(&self.email, key)
    }

    /// A request below the base path, with a body where it is not null.
    pub(crate) fn request(&self, method: Method, path: &str, body: &Value) -> Request<Body> {
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        self.raw(method, &format!("{BASE_PATH}{path}"), body)
    }

    /// A request to an address as it is.
    pub(crate) fn raw(
        &self,
        method: Method,
        address: &str,
        body: impl Into<Body>,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            .header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        request.body(body.into()).unwrap()
    }
}
