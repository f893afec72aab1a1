//! `/agent/v1/{attempt}/…`, on a listener of its own.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use runvoy_app::{AgentCall, App, Finish, PushAnswer, Start, StartAnswer};
use runvoy_core::command::Command;
use runvoy_core::id::AttemptId;
use runvoy_core::log::{Entry, MAX_ENTRY_BYTES};
use runvoy_core::outcome::{ProcessEnd, Report};
use runvoy_wire::agent::{
    EXECUTION_VARIABLE, FENCE_VARIABLE, FinishRequest, FinishResponse, HeartbeatRequest,
    HeartbeatResponse, LogsRequest, LogsResponse, MAX_CHUNK_BYTES, Spec, StartRequest,
    StartResponse,
};
use runvoy_wire::error::ErrorCode;
use runvoy_wire::secret::Secret;

use crate::body::{JsonBody, RawBody, parse};
use crate::caller::bearer_token;
use crate::error::ApiError;
use crate::logs::MAX_SEQ;

/// Numbers that a signal may have on any system.
const SIGNALS: RangeInclusive<i32> = 1..=127;

/// The attempt in the address and the token in the header.
pub(crate) struct Agent {
    attempt: AttemptId,
    token: String,
}

impl Agent {
    fn call(&self) -> AgentCall<'_> {
        AgentCall {
            attempt: &self.attempt,
            token: &self.token,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Agent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let unauthorized =
            |why| ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, why);
        let Path(attempt) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| unauthorized("no attempt"))?;
        let token = bearer_token(&parts.headers)
            .ok_or_else(|| unauthorized("no token"))?
            .to_owned();
        Ok(Self {
            attempt: attempt.parse()?,
            token,
        })
    }
}

pub(crate) async fn start(
    State(app): State<App>,
    agent: Agent,
    JsonBody(request): JsonBody<StartRequest>,
) -> Result<Json<StartResponse>, ApiError> {
    let start = Start {
        nonce: request.nonce,
        place: request.place,
    };
    let answer = app.agent_start(&agent.call(), &start).await?;
    let submission = answer.execution.submission();
    let tuning = app.tuning();
    Ok(Json(StartResponse {
        session: Secret::new(secrecy::ExposeSecret::expose_secret(&answer.session)),
        cancel: answer.run.is_none(),
        timeout_left_ms: answer.timeout_left_ms,
        grace_ms: millis(submission.grace),
        log_limit: submission.log_limit,
        fence_ms: None,
        flush_ms: millis(tuning.flush_read),
        heartbeat_ms: millis(tuning.heartbeat),
        spec: spec(&answer),
    }))
}

fn spec(answer: &StartAnswer) -> Option<Spec> {
    let run = answer.run.as_ref()?;
    let submission = answer.execution.submission();
    let (script, argv) = match &submission.command {
        Command::Script(text) => (Some(text.clone()), None),
        Command::Argv(words) => (None, Some(words.clone())),
    };
    let secret = |values: &BTreeMap<String, String>| -> BTreeMap<String, Secret> {
        values
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value)))
            .collect()
    };
    let mut env = secret(&run.values.env);
    env.insert(
        EXECUTION_VARIABLE.to_owned(),
        Secret::new(answer.execution.id().as_str()),
    );
    if let Some(fence) = answer.execution.fence() {
        env.insert(FENCE_VARIABLE.to_owned(), Secret::new(fence.to_string()));
    }
    Some(Spec {
        script,
        argv,
        shown_command: submission.command.to_string(),
        request_id: submission.request_id.to_string(),
        env,
        secrets: secret(&run.values.secrets),
        mask: Vec::new(),
        sources: Vec::new(),
        target: None,
        workdir: submission.workdir.clone(),
    })
}

pub(crate) async fn logs(
    State(app): State<App>,
    agent: Agent,
    headers: HeaderMap,
    RawBody(bytes): RawBody,
) -> Result<Json<LogsResponse>, ApiError> {
    let request: LogsRequest = match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding == "gzip" => parse(&unzip(&bytes)?)?,
        Some(_) => return Err(ApiError::invalid("the body may be plain or gzip")),
        None => parse(&bytes)?,
    };
    let answer = app.agent_push(&agent.call(), &entries(request)?).await?;
    Ok(Json(LogsResponse {
        next_seq: answer.next,
        flush_ms: flush(&app, answer),
        cancel: answer.cancel,
    }))
}

fn entries(request: LogsRequest) -> Result<Vec<Entry>, ApiError> {
    let numbered = (0..).zip(request.entries);
    let entries = numbered.map(|(place, entry)| {
        let seq = request.first.plus(place);
        let is_good = |entry: &Entry| {
            let is_line = entry.text.len() <= MAX_ENTRY_BYTES && !entry.text.contains('\n');
            is_line && seq.number() <= MAX_SEQ
        };
        let entry = entry.into_entry(seq).filter(is_good);
        entry.ok_or_else(|| ApiError::invalid(format!("entry {seq} is not of the protocol")))
    });
    entries.collect()
}

/// A chunk is bounded before and after: what unzips to more is no chunk.
fn unzip(bytes: &[u8]) -> Result<Vec<u8>, ApiError> {
    let limit = 2 * MAX_CHUNK_BYTES;
    let mut plain = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(bytes).take(limit as u64 + 1);
    match reader.read_to_end(&mut plain) {
        Ok(size) if size <= limit => Ok(plain),
        Ok(_) => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::PayloadTooLarge,
            "the chunk is too large",
        )),
        Err(_) => Err(ApiError::invalid("the body is not gzip")),
    }
}

pub(crate) async fn heartbeat(
    State(app): State<App>,
    agent: Agent,
    JsonBody(_): JsonBody<HeartbeatRequest>,
) -> Result<Json<HeartbeatResponse>, ApiError> {
    let answer = app.agent_push(&agent.call(), &[]).await?;
    let heartbeat_ms = millis(app.tuning().heartbeat);
    Ok(Json(HeartbeatResponse {
        cancel: answer.cancel,
        flush_ms: flush(&app, answer),
        heartbeat_ms,
    }))
}

pub(crate) async fn finish(
    State(app): State<App>,
    agent: Agent,
    JsonBody(request): JsonBody<FinishRequest>,
) -> Result<Json<FinishResponse>, ApiError> {
    let end = match (request.exit_code, request.signal) {
        (Some(code), None) => ProcessEnd::Exited(code),
        (None, Some(signal)) if SIGNALS.contains(&signal) => ProcessEnd::Signaled(signal),
        (None, Some(_)) => return Err(ApiError::invalid("there is no such signal")),
        (None, None) => ProcessEnd::NeverRan,
        (Some(_), Some(_)) => return Err(ApiError::invalid("give exit_code or signal, not both")),
    };
    let finish = Finish {
        report: Report {
            ended_by: request.ended_by.parse()?,
            end,
        },
        ended_at: request.ended_at,
        last_seq: request.last_seq,
        message: request.message,
    };
    let answer = app.agent_finish(&agent.call(), &finish).await?;
    Ok(Json(FinishResponse {
        accepted: answer.is_accepted,
        next_seq: answer.next,
    }))
}

fn flush(app: &App, answer: PushAnswer) -> u64 {
    let tuning = app.tuning();
    millis(if answer.is_followed {
        tuning.flush_read
    } else {
        tuning.flush_unread
    })
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
