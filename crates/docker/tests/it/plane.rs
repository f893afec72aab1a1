//! A control plane for many attempts: it answers each start with its command, and keeps what agents report.

use std::collections::HashMap;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use runvoy_core::id::AttemptId;
use runvoy_core::log::{Entry, Seq};
use runvoy_wire::agent::{FinishRequest, LogsRequest, Spec, StartRequest};
use serde_json::{Value, json};

/// What is known of an attempt.
#[derive(Debug, Default, Clone)]
pub(crate) struct Known {
    spec: Option<Spec>,
    /// Every start that was asked for.
    pub(crate) starts: Vec<StartRequest>,
    /// Its log.
    pub(crate) entries: Vec<Entry>,
    /// Its end.
    pub(crate) finish: Option<FinishRequest>,
}

/// A handle. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plane(Arc<Mutex<HashMap<String, Known>>>);

impl Plane {
    /// Serves at a port of its own; answers its address.
    pub(crate) async fn serve(&self, host: IpAddr) -> String {
        let listener = tokio::net::TcpListener::bind((host, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/agent/v1/{attempt}/{verb}", post(call))
            .layer(DefaultBodyLimit::disable())
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// The attempt runs this program.
    pub(crate) fn order(&self, attempt: &AttemptId, argv: &[&str]) {
        let spec = json!({
            "argv": argv,
            "shown_command": argv.join(" "),
            "request_id": "r",
        });
        let known = Known {
            spec: Some(serde_json::from_value(spec).unwrap()),
            ..Known::default()
        };
        self.0.lock().unwrap().insert(attempt.to_string(), known);
    }

    /// What is known of the attempt now.
    pub(crate) fn known(&self, attempt: &AttemptId) -> Known {
        self.0.lock().unwrap()[&attempt.to_string()].clone()
    }
}

impl Known {
    /// The texts of a stream, line by line.
    pub(crate) fn lines(&self, stream: runvoy_core::log::Stream) -> Vec<String> {
        let entries = self.entries.iter().filter(|entry| entry.stream == stream);
        entries.map(|entry| entry.text.clone()).collect()
    }

    fn next(&self) -> Seq {
        Seq::FIRST.plus(self.entries.len() as u64)
    }

    fn take(&mut self, verb: &str, body: &[u8]) -> Value {
        match verb {
            "start" => {
                self.starts.push(serde_json::from_slice(body).unwrap());
                json!({
                    "session": "session", "spec": self.spec, "timeout_left_ms": 600_000,
                    "grace_ms": 1000, "log_limit": 256 * 1024 * 1024, "flush_ms": 20, "heartbeat_ms": 500,
                })
            }
            "logs" => {
                let request: LogsRequest = serde_json::from_slice(body).unwrap();
                let known = self.next().number() - request.first.number();
                for entry in request
                    .entries
                    .into_iter()
                    .skip(usize::try_from(known).unwrap())
                {
                    let entry = entry.into_entry(self.next()).unwrap();
                    self.entries.push(entry);
                }
                json!({"next_seq": self.next(), "flush_ms": 20, "cancel": false})
            }
            "finish" => {
                self.finish = Some(serde_json::from_slice(body).unwrap());
                json!({"accepted": true, "next_seq": self.next()})
            }
            _ => json!({"cancel": false, "flush_ms": 20, "heartbeat_ms": 500}),
        }
    }
}

async fn call(
    State(plane): State<Plane>,
    Path((attempt, verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<String, StatusCode> {
    let expected = if verb == "start" {
        "boot-token"
    } else {
        "session"
    };
    if headers["authorization"] != format!("Bearer {expected}") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let mut plain = body.to_vec();
    if headers.contains_key("content-encoding") {
        plain.clear();
        let mut decoder = flate2::read::GzDecoder::new(&body[..]);
        decoder.read_to_end(&mut plain).unwrap();
    }
    let mut all = plane.0.lock().unwrap();
    let known = all.get_mut(&attempt).ok_or(StatusCode::NOT_FOUND)?;
    Ok(known.take(&verb, &plain).to_string())
}
