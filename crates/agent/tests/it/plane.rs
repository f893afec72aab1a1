//! A control plane for one attempt: it keeps what a real one keeps, and misbehaves when told to.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use runvoy_core::log::{Entry, Seq};
use runvoy_wire::agent::{
    FinishRequest, FinishResponse, HeartbeatResponse, LogsRequest, LogsResponse, Spec,
    StartRequest, StartResponse,
};
use runvoy_wire::secret::Secret;
use serde_json::json;

/// What the plane knows, and how it behaves.
#[derive(Debug, Default)]
pub(crate) struct Plane {
    pub(crate) answer: Option<StartResponse>,
    pub(crate) starts: Vec<StartRequest>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) finish: Option<FinishRequest>,
    pub(crate) heartbeats: usize,
    pub(crate) log_calls: usize,
    pub(crate) compressed_calls: usize,
    /// Answered on every call.
    pub(crate) cancel: bool,
    /// Calls are refused with this status and `LEAVE`.
    pub(crate) leave: Option<u16>,
    /// Calls break off before they do anything.
    pub(crate) is_away: bool,
    /// So many calls, by name, are carried out and then break off.
    pub(crate) lost_replies: BTreeMap<&'static str, usize>,
    /// So many calls are answered with 500.
    pub(crate) failures: usize,
    /// Only the first half of a chunk is taken.
    pub(crate) takes_half: bool,
}

/// A handle on a plane. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handle(Arc<Mutex<Plane>>);

impl Handle {
    /// A plane that answers a start with `spec`.
    pub(crate) fn new(spec: Spec) -> Self {
        let handle = Self::default();
        handle.state().answer = Some(StartResponse {
            session: Secret::new("session-token"),
            spec: Some(spec),
            cancel: false,
            timeout_left_ms: 60_000,
            grace_ms: 10_000,
            log_limit: 256 * 1024 * 1024,
            fence_ms: None,
            flush_ms: 20,
            heartbeat_ms: 50,
        });
        handle
    }

    /// What it knows now.
    pub(crate) fn state(&self) -> MutexGuard<'_, Plane> {
        self.0.lock().unwrap()
    }

    /// Changes what a start is answered.
    pub(crate) fn answer(&self, change: impl FnOnce(&mut StartResponse)) {
        change(self.state().answer.as_mut().unwrap());
    }

    /// Serves on a Unix socket.
    pub(crate) fn serve_unix(&self, socket: &Path) {
        let socket = socket.to_owned();
        self.serve(async move || tokio::net::UnixListener::bind(socket).unwrap());
    }

    /// Serves on a port of its own; answers its address.
    pub(crate) fn serve_http(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        self.serve(async move || tokio::net::TcpListener::from_std(listener).unwrap());
        address
    }

    fn serve<L>(&self, bind: impl AsyncFnOnce() -> L + Send + 'static)
    where
        L: axum::serve::Listener,
        L::Addr: std::fmt::Debug,
    {
        let router = Router::new()
            .route("/agent/v1/{attempt}/{verb}", post(call))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(self.clone());
        let (bound, is_bound) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let listener = bind().await;
                bound.send(()).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        is_bound.recv().unwrap();
    }

    /// Texts of all entries of a stream, with their ends.
    pub(crate) fn raw(&self, stream: runvoy_core::log::Stream) -> String {
        let mut raw = String::new();
        for entry in self
            .state()
            .entries
            .iter()
            .filter(|entry| entry.stream == stream)
        {
            raw.push_str(&entry.text);
            if entry.has_end {
                raw.push('\n');
            }
        }
        raw
    }
}

/// Breaks the connection off, without a panic's message.
fn break_off() -> ! {
    std::panic::resume_unwind(Box::new(()))
}

async fn call(
    State(plane): State<Handle>,
    UrlPath((attempt, verb)): UrlPath<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(attempt, crate::agent::ATTEMPT);
    let expected = if verb == "start" {
        "Bearer boot-token"
    } else {
        "Bearer session-token"
    };
    assert_eq!(headers["authorization"], expected);
    let is_compressed = headers.contains_key("content-encoding");
    let reply = plane.state().take_call(&verb, &body, is_compressed);
    reply.unwrap_or_else(|| break_off())
}

impl Plane {
    /// Carries the call out; no reply: it breaks off.
    fn take_call(&mut self, verb: &str, body: &[u8], is_compressed: bool) -> Option<Response> {
        if self.is_away {
            return None;
        }
        if let Some(status) = self.leave {
            let body = json!({"error": "leave", "code": "LEAVE"}).to_string();
            return Some((StatusCode::from_u16(status).unwrap(), body).into_response());
        }
        if self.failures > 0 {
            self.failures -= 1;
            return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
        let reply = match verb {
            "start" => self.start(body),
            "logs" => self.logs(body, is_compressed),
            "heartbeat" => self.heartbeat(),
            "finish" => self.finish(body),
            _ => panic!("unknown call {verb}"),
        };
        match self.lost_replies.get_mut(verb) {
            Some(left) if *left > 0 => {
                *left -= 1;
                None
            }
            _ => Some(reply.to_string().into_response()),
        }
    }

    fn next_seq(&self) -> Seq {
        Seq::FIRST.plus(self.entries.len() as u64)
    }

    fn start(&mut self, body: &[u8]) -> serde_json::Value {
        self.starts.push(serde_json::from_slice(body).unwrap());
        serde_json::to_value(self.answer.as_ref().unwrap()).unwrap()
    }

    fn logs(&mut self, body: &[u8], is_compressed: bool) -> serde_json::Value {
        self.log_calls += 1;
        self.compressed_calls += usize::from(is_compressed);
        let mut plain = Vec::new();
        if is_compressed {
            flate2::read::GzDecoder::new(body)
                .read_to_end(&mut plain)
                .unwrap();
        } else {
            plain.extend_from_slice(body);
        }
        assert!(plain.len() <= runvoy_wire::agent::MAX_CHUNK_BYTES);
        let request: LogsRequest = serde_json::from_slice(&plain).unwrap();
        let count = request.entries.len();
        let taken = if self.takes_half && count > 1 {
            count / 2
        } else {
            count
        };
        if request.first == self.next_seq() {
            for entry in request.entries.into_iter().take(taken) {
                let entry = entry.into_entry(self.next_seq()).unwrap();
                self.entries.push(entry);
            }
        }
        json!(LogsResponse {
            next_seq: self.next_seq(),
            flush_ms: 20,
            cancel: self.cancel,
        })
    }

    fn heartbeat(&mut self) -> serde_json::Value {
        self.heartbeats += 1;
        json!(HeartbeatResponse {
            cancel: self.cancel,
            flush_ms: 20,
            heartbeat_ms: 50,
        })
    }

    fn finish(&mut self, body: &[u8]) -> serde_json::Value {
        let request: FinishRequest = serde_json::from_slice(body).unwrap();
        let accepted = request.last_seq.plus(1) == self.next_seq();
        if accepted {
            self.finish = Some(request);
        }
        json!(FinishResponse {
            accepted,
            next_seq: self.next_seq(),
        })
    }
}
