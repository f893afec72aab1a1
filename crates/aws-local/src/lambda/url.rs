//! Function URLs: a port of its own for each, and HTTP turned into events and back.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::error::SYNCHRONOUS_LIMIT;
use super::host::Host;
use super::invocation::{Invocation, invoke};
use super::slot::Slot;
use super::{InvokeError, payload};

/// A function's URL; its port is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Url {
    address: String,
    _stop: DropGuard,
}

#[derive(Debug, Clone)]
struct Front {
    host: Arc<Host>,
    function: String,
}

impl Url {
    /// Opens a loopback port for the function.
    pub(crate) async fn open(host: &Arc<Host>, function: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}/", listener.local_addr()?);
        let front = Front {
            host: Arc::clone(host),
            function: function.to_owned(),
        };
        let router = Router::new().fallback(handle).with_state(front);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stop = CancellationToken::new();
        let serving =
            axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
        host.tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "a function URL ended");
            }
        });
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

async fn handle(
    State(front): State<Front>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let mut response = answer(&front, peer, request, &request_id).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}

async fn answer(front: &Front, peer: SocketAddr, request: Request, request_id: &str) -> Response {
    let is_public = |slot: Arc<Slot>| slot.options().is_public;
    if !front.host.slot(&front.function).is_ok_and(is_public) {
        return message(StatusCode::FORBIDDEN, "Forbidden");
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, SYNCHRONOUS_LIMIT).await else {
        return refusal(&InvokeError::TooLarge(SYNCHRONOUS_LIMIT));
    };
    let event = payload::event(&parts, &body, peer.ip(), request_id);
    let invocation = Invocation {
        function: front.function.clone(),
        request_id: request_id.to_owned(),
        payload: Bytes::from(event.to_string()),
    };
    match invoke(&front.host, invocation).await {
        Ok(answer) => {
            payload::response(&answer).map_or_else(bad_gateway, |reply| reply.map(Body::from))
        }
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &InvokeError) -> Response {
    match error {
        InvokeError::NotFound(_) => message(StatusCode::FORBIDDEN, "Forbidden"),
        InvokeError::Throttled => message(StatusCode::TOO_MANY_REQUESTS, "Rate Exceeded."),
        InvokeError::TooLarge(_) => message(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
        InvokeError::Failed(_) => bad_gateway(),
    }
}

fn bad_gateway() -> Response {
    let mut response = Response::new(Body::from("Internal Server Error"));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn message(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(json!({ "Message": text }).to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
