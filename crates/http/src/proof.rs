//! What a request's handler has learnt of its caller, for the layers around it.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use runvoy_wire::KEY_EXPIRES_HEADER;
use tokio::sync::Notify;

/// Empty until the caller's key has been found to be live.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proof(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    key_ends_at: OnceLock<Option<Timestamp>>,
    filled: Notify,
}

impl Proof {
    /// The key is live; it ends at this time, where that is soon.
    pub(crate) fn fill(&self, key_ends_at: Option<Timestamp>) {
        // A request has one caller: a second time would say the same.
        let _said_before = self.0.key_ends_at.set(key_ends_at);
        self.0.filled.notify_one();
    }

    /// Whether the key is live.
    pub(crate) fn is_there(&self) -> bool {
        self.0.key_ends_at.get().is_some()
    }

    /// Waits until it is there. For one layer: who waits first is told.
    pub(crate) async fn filled(&self) {
        self.0.filled.notified().await;
    }
}

/// Says in the answer's header when the caller's key ends, where that is soon.
pub(crate) async fn tell_of_its_end(mut request: Request, next: Next) -> Response {
    let proof = Proof::default();
    request.extensions_mut().insert(proof.clone());
    let mut response = next.run(request).await;
    let ends_at = proof.0.key_ends_at.get().copied().flatten();
    let value = ends_at.and_then(|at| HeaderValue::try_from(format!("{at:.0}")).ok());
    if let Some(value) = value {
        response
            .headers_mut()
            .insert(HeaderName::from_static(KEY_EXPIRES_HEADER), value);
    }
    response
}
