//! `POST /run`.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use futures_util::FutureExt as _;
use runvoy_app::{App, LockGlance, LockWish, NewExecution, SpecValues};
use runvoy_core::command::Command;
use runvoy_core::container::ContainerWish;
use runvoy_core::idempotency::IdempotencyKey;
use runvoy_core::lock::LockName;
use runvoy_wire::execution::{RunRequest, RunResponse};
use runvoy_wire::secret::Secret;
use runvoy_wire::{BASE_PATH, IDEMPOTENCY_HEADER, MAX_BODY_BYTES};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::body::{self, parse};
use crate::caller::Stranger;
use crate::error::ApiError;
use crate::view;

pub(crate) async fn run(
    State(app): State<App>,
    stranger: Stranger,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, Json<RunResponse>), ApiError> {
    let mut reading = pin!(read(request));
    // Who calls is judged before anything else. Where the whole body is there already, as on AWS, what is there of
    // the lock is looked up at the same time; where it is yet to come, it is not waited for on a stranger's behalf.
    let (ctx, body, glance) = if let Some(body) = reading.as_mut().now_or_never() {
        let lock = body.as_ref().ok().and_then(|(_, run)| lock_name(run));
        let (ctx, glance) = tokio::join!(stranger.authenticate(), glance(&app, lock));
        (ctx?, body, glance)
    } else {
        (stranger.authenticate().await?, reading.await, None)
    };
    let (bytes, request) = body?;
    refuse_later_features(&request)?;
    let wish = wish(request, glance, idempotency(&headers, &bytes)?)?;
    let submitted = app.submit(&ctx, wish).await?;
    let execution = &submitted.execution;
    let response = RunResponse {
        execution_id: execution.id().to_string(),
        log_url: format!("{BASE_PATH}/executions/{}/logs", execution.id()),
        status: execution.status().to_string(),
        command: execution.submission().command.to_string(),
        image_id: view::image(execution),
        queue: submitted.queue.map(view::queue),
    };
    Ok((StatusCode::ACCEPTED, Json(response)))
}

/// The body, as it came and as it is meant.
async fn read(request: Request) -> Result<(Bytes, RunRequest), ApiError> {
    let bytes = body::read(request, MAX_BODY_BYTES).await?;
    let request = parse(&bytes)?;
    Ok((bytes, request))
}

/// The lock that the request names, if it names one well.
fn lock_name(request: &RunRequest) -> Option<LockName> {
    request.lock.as_ref()?.parse().ok()
}

async fn glance(app: &App, lock: Option<LockName>) -> Option<LockGlance> {
    // Where it fails or is not made, the submit looks itself and says so.
    app.glance(&lock?).await.ok()
}

fn idempotency(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<(IdempotencyKey, String)>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_HEADER) else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .map_err(|_| ApiError::invalid("Idempotency-Key must be printable"))?
        .parse()?;
    let digits: Vec<String> = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let hash = digits.concat();
    Ok(Some((key, hash)))
}

/// Fields of features that this server does not have. Empty values, as the old client sends them, ask for nothing.
fn refuse_later_features(request: &RunRequest) -> Result<(), ApiError> {
    let text = |field: &Option<String>| field.as_ref().is_some_and(|value| !value.is_empty());
    let later = "this server does not have it yet";
    let asked = [
        ("target", text(&request.target), later),
        (
            "secrets",
            !request.secrets.is_empty(),
            "pass the values themselves in secret_env: runvoy run --secret-env NAME",
        ),
        (
            "git_repo",
            text(&request.git_repo),
            "fetch the repository in the command itself",
        ),
        (
            "git_ref",
            text(&request.git_ref),
            "fetch the repository in the command itself",
        ),
        (
            "git_path",
            text(&request.git_path),
            "fetch the repository in the command itself",
        ),
    ];
    match asked.into_iter().find(|(_, is_asked, _)| *is_asked) {
        Some((field, _, instead)) => Err(ApiError::unsupported(field, instead)),
        None => Ok(()),
    }
}

fn wish(
    request: RunRequest,
    glance: Option<LockGlance>,
    idempotency: Option<(IdempotencyKey, String)>,
) -> Result<NewExecution, ApiError> {
    let command = match (request.command, request.argv) {
        (Some(script), None) => Command::script(script)?,
        (None, Some(words)) => Command::argv(words)?,
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("give either command or argv, not both"));
        }
        (None, None) => return Err(ApiError::invalid("command is missing")),
    };
    let seconds = |value: Option<u64>| {
        value
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs)
    };
    let lock = match request.lock.filter(|name| !name.is_empty()) {
        Some(name) => Some(LockWish {
            name: name.parse()?,
            timeout: seconds(request.lock_timeout),
            no_wait: request.no_wait,
            glance,
        }),
        None if request.no_wait || request.lock_timeout.is_some() => {
            return Err(ApiError::invalid("no_wait and lock_timeout need a lock"));
        }
        None => None,
    };
    Ok(NewExecution {
        container: container(request.image, request.cpu.as_ref(), request.memory.as_ref())?,
        command,
        values: SpecValues {
            env: clear(request.env),
            secrets: clear(request.secret_env),
        },
        timeout: seconds(request.timeout),
        grace: seconds(request.grace),
        log_limit: request.log_limit,
        lock,
        workdir: request.workdir.filter(|dir| !dir.is_empty()),
        idempotency,
    })
}

/// The container wished for. Empty values, as the old client sends them, ask for nothing.
fn container(
    image: Option<String>,
    cpu: Option<&Value>,
    memory: Option<&Value>,
) -> Result<ContainerWish, ApiError> {
    Ok(ContainerWish {
        image: image
            .filter(|image| !image.is_empty())
            .map(|image| image.parse())
            .transpose()?,
        cpu: amount("cpu", cpu)?.map(|cpu| cpu.parse()).transpose()?,
        memory: amount("memory", memory)?
            .map(|memory| memory.parse())
            .transpose()?,
    })
}

/// An amount as a number or a text.
fn amount(field: &str, value: Option<&Value>) -> Result<Option<String>, ApiError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::Number(number)) if number.as_u64() == Some(0) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(ApiError::invalid(
            format!("{field} must be a number or a text"),
        )),
    }
}

fn clear(values: BTreeMap<String, Secret>) -> BTreeMap<String, String> {
    values
        .into_iter()
        .map(|(name, value)| (name, value.expose().to_owned()))
        .collect()
}
