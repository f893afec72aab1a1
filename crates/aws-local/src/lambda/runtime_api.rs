//! The runtime API of one execution environment (2018-06-01): where its process polls for work and answers.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::error::RESPONSE_LIMIT;
use crate::sync::lock;

/// One invocation, as the process gets it.
#[derive(Debug)]
pub(crate) struct Job {
    /// The request id.
    pub(crate) request_id: String,
    /// The event.
    pub(crate) payload: Bytes,
    /// When it is killed, in milliseconds since the epoch.
    pub(crate) deadline_ms: i64,
    /// The function's ARN.
    pub(crate) function_arn: String,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What the process answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The function's result.
    Response(Bytes),
    /// The function's error document.
    Error(Bytes),
    /// A result over the limit; its size.
    TooLarge(usize),
}

/// What the process says besides answers.
#[derive(Debug)]
pub(crate) enum Notice {
    /// It asks for work.
    Polled,
    /// It could not start; its error document.
    InitFailed(Bytes),
}

/// The host's side of a runtime API. The API ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Runtime {
    address: SocketAddr,
    jobs: mpsc::UnboundedSender<Job>,
    notices: mpsc::UnboundedReceiver<Notice>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Api {
    jobs: tokio::sync::Mutex<mpsc::UnboundedReceiver<Job>>,
    notices: mpsc::UnboundedSender<Notice>,
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
}

impl Runtime {
    /// Serves a runtime API on a port of its own.
    pub(crate) async fn serve(tasks: &TaskTracker) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (jobs, jobs_receiver) = mpsc::unbounded_channel();
        let (notices_sender, notices) = mpsc::unbounded_channel();
        let api = Api {
            jobs: tokio::sync::Mutex::new(jobs_receiver),
            notices: notices_sender,
            current: Mutex::new(None),
        };
        let stop = CancellationToken::new();
        let serving = axum::serve(listener, router(api))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "a runtime API ended");
            }
        });
        Ok(Self {
            address,
            jobs,
            notices,
            _stop: stop.drop_guard(),
        })
    }

    /// Host and port, for `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands out a job to the poll under way.
    pub(crate) fn deliver(&mut self, job: Job) {
        // A process that dropped its poll and made another left a notice behind, which must not count as the next one.
        while self.notices.try_recv().is_ok() {}
        if self.jobs.send(job).is_err() {
            tracing::warn!("a runtime API ended before its job");
        }
    }

    /// The next notice; none when the API has ended.
    pub(crate) async fn notice(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(response),
        )
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::new(api))
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let mut jobs = api.jobs.lock().await;
    if api.notices.send(Notice::Polled).is_err() {
        return refusal(StatusCode::GONE, "Gone", "the environment has ended");
    }
    let Some(job) = jobs.recv().await else {
        return refusal(StatusCode::GONE, "Gone", "the environment has ended");
    };
    let headers = headers(&job);
    let mut answer = Response::new(Body::from(job.payload));
    *answer.headers_mut() = headers;
    *lock(&api.current) = Some((job.request_id, job.answer));
    answer
}

fn headers(job: &Job) -> HeaderMap {
    let deadline = job.deadline_ms.to_string();
    let id: String = job
        .request_id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(24)
        .collect();
    let trace = format!("Root=1-{:08x}-{id};Sampled=0", job.deadline_ms / 1000);
    let fields = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", job.request_id.as_str()),
        ("lambda-runtime-deadline-ms", deadline.as_str()),
        (
            "lambda-runtime-invoked-function-arn",
            job.function_arn.as_str(),
        ),
        ("lambda-runtime-trace-id", trace.as_str()),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| {
        Some((
            HeaderName::from_static(name),
            HeaderValue::from_str(value).ok()?,
        ))
    });
    fields.collect()
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> Response {
    if body.len() > RESPONSE_LIMIT {
        api.answer(&id, Answer::TooLarge(body.len()));
        let message = format!("Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).");
        return refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &message,
        );
    }
    accepted(api.answer(&id, Answer::Response(body)))
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> Response {
    accepted(api.answer(&id, Answer::Error(body)))
}

async fn init_error(State(api): State<Arc<Api>>, body: Bytes) -> Response {
    accepted(api.notices.send(Notice::InitFailed(body)).is_ok())
}

impl Api {
    /// Passes an answer on if it is to the invocation under way.
    fn answer(&self, id: &str, answer: Answer) -> bool {
        let mut current = lock(&self.current);
        match current.take() {
            Some((request_id, sender)) if request_id == id => sender.send(answer).is_ok(),
            other => {
                *current = other;
                false
            }
        }
    }
}

fn accepted(known: bool) -> Response {
    if known {
        document(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
    } else {
        refusal(
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            "Invalid request ID",
        )
    }
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response {
    document(
        status,
        &json!({ "errorType": kind, "errorMessage": message }),
    )
}

fn document(status: StatusCode, body: &serde_json::Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
