//! `runvoy-agent exec`: asks for one attempt's command, runs it, ends.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use runvoy_client::transport::{Transport, TransportError};
use runvoy_core::Invalid;
use runvoy_core::id::{BootNonce, Place};
use runvoy_core::log::Seq;
use runvoy_core::outcome::{EndedBy, Outcome, ProcessEnd, Report};
use runvoy_wire::agent::{FinishRequest, StartRequest, StartResponse};
use runvoy_wire::secret::Secret;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout};

use crate::clock;
use crate::conduct::REPORT_PATIENCE;
use crate::config::{BadVariable, Config};
use crate::control_plane::{CallError, ControlPlane, Session};
use crate::orders::Orders;
use crate::run::{FAILED, Run, Started};
use crate::{owner, place, system};

/// How long the control plane is asked for the command.
const START_PATIENCE: Duration = Duration::from_mins(10);

/// Why the agent could not do its part.
#[derive(Debug, Error)]
enum ExecError {
    #[error("{0}")]
    Config(#[from] BadVariable),
    #[error("{0}")]
    Transport(#[from] TransportError),
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("the place cannot be named: {0}")]
    Place(#[from] Invalid),
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    #[error("the owner's lock {0} cannot be opened: {1}")]
    OwnerLock(String, io::Error),
    #[error("the control plane could not be reached for {} minutes; nothing was run", START_PATIENCE.as_secs() / 60)]
    StartPatience,
    #[error("told to end before the command was started; nothing was run")]
    Interrupted,
}

/// Runs the execution that the environment names, on a runtime of its own; for a process that does nothing else.
///
/// Exits as the command does; with 124 where its time was up, 130 where it was cancelled, and 125 where it was
/// never run, was told to leave, or could not report.
pub fn exec() -> ExitCode {
    system::protect();
    let code = exec_with_runtime().unwrap_or_else(|error| {
        complain(&error);
        FAILED
    });
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(u8::MAX))
}

fn exec_with_runtime() -> Result<i32, ExecError> {
    let config = Config::from_env()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let code = runtime.block_on(run(config));
    runtime.shutdown_background();
    code
}

async fn run(config: Config) -> Result<i32, ExecError> {
    let orders = Orders::default();
    let listening = listen(&orders)?;
    if let Some(path) = &config.owner_lock {
        let shown = |path: &Path| path.display().to_string();
        owner::watch(path, &orders).map_err(|error| ExecError::OwnerLock(shown(path), error))?;
    }
    tokio::select! {
        biased;
        never = listening => never,
        code = attempt(config, orders.clone()) => code,
    }
}

/// Takes the signals that ask a process to end, for good: from now on they are orders to the run.
fn listen(orders: &Orders) -> io::Result<impl Future<Output = Result<i32, ExecError>>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let told = orders.signal.clone();
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        told.cancel();
        std::future::pending().await
    })
}

async fn attempt(config: Config, orders: Orders) -> Result<i32, ExecError> {
    let transport = Transport::to(&config.url, config.ca_file.as_deref())?;
    let compresses = !config.url.starts_with("unix:");
    let plane = ControlPlane::new(transport, config.attempt.clone(), compresses);
    let named = place::name(config.place.as_deref(), config.metadata_uri.as_deref());
    let request = start_request(&named.await)?;
    let (mut answer, sent_at) = ask(&plane, &config.token, &request, &orders).await?;
    let session = plane.session(answer.session.clone());
    let spec = match answer.spec.take() {
        Some(spec) if !answer.cancel => spec,
        _ if answer.cancel => return never_ran(&session, &orders, EndedBy::Cancel, None).await,
        _ => {
            let message = "the control plane sent no command".to_owned();
            return never_ran(&session, &orders, EndedBy::Itself, Some(message)).await;
        }
    };
    let started = Started {
        session: session.clone(),
        answer,
        at: Instant::now(),
        sent_at,
    };
    match Run::new(config, spec, started, orders.clone()) {
        Ok(run) => Ok(run.run().await?),
        Err(error) => never_ran(&session, &orders, EndedBy::Itself, Some(error.to_string())).await,
    }
}

/// Asks for the command, as long as that makes sense.
async fn ask(
    plane: &ControlPlane,
    token: &Secret,
    request: &StartRequest,
    orders: &Orders,
) -> Result<(StartResponse, Duration), ExecError> {
    tokio::select! {
        biased;
        () = orders.signal.cancelled() => Err(ExecError::Interrupted),
        () = orders.owner_gone.cancelled() => Err(ExecError::Interrupted),
        answer = timeout(START_PATIENCE, plane.start(token, request)) => {
            Ok(answer.map_err(|_| ExecError::StartPatience)??)
        }
    }
}

fn start_request(place: &str) -> Result<StartRequest, ExecError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(ExecError::Random)?;
    let nonce = format!("{:032x}", u128::from_ne_bytes(random));
    Ok(StartRequest {
        nonce: nonce.parse::<BootNonce>()?,
        place: place.parse::<Place>()?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
    })
}

/// Reports that nothing was run.
async fn never_ran(
    session: &Session,
    orders: &Orders,
    ended_by: EndedBy,
    message: Option<String>,
) -> Result<i32, ExecError> {
    let request = FinishRequest {
        exit_code: None,
        signal: None,
        ended_by: ended_by.as_str().to_owned(),
        started_at: None,
        ended_at: clock::now(),
        last_seq: Seq::START,
        message,
    };
    tokio::select! {
        biased;
        finished = timeout(REPORT_PATIENCE, session.finish(&request)) => match finished {
            Ok(finished) => finished?,
            Err(_) => return Ok(FAILED),
        },
        () = orders.owner_gone.cancelled() => return Ok(FAILED),
    }
    let end = ProcessEnd::NeverRan;
    Ok(Outcome::reported(Report { ended_by, end }, None).cli_exit_code())
}

fn complain(error: &ExecError) {
    // Where nobody listens there is nobody to tell.
    drop(writeln!(io::stderr(), "runvoy-agent: {error}"));
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Request, Response, StatusCode};
    use tower::util::BoxCloneSyncService;

    use super::*;

    fn plane(status: StatusCode) -> ControlPlane {
        let service = tower::service_fn(move |_: Request<Bytes>| async move {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status;
            Ok(response)
        });
        let transport = Transport::in_process(BoxCloneSyncService::new(service));
        let attempt = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1".parse().unwrap();
        ControlPlane::new(transport, attempt, false)
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_is_never_answered_is_given_up_after_ten_minutes() {
        let plane = plane(StatusCode::SERVICE_UNAVAILABLE);
        let before = Instant::now();
        let token = Secret::new("t");
        let answer = ask(
            &plane,
            &token,
            &start_request(&system::place().to_string()).unwrap(),
            &Orders::default(),
        )
        .await;
        assert!(matches!(answer, Err(ExecError::StartPatience)));
        assert_eq!(before.elapsed().as_secs(), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_is_never_taken_is_given_up_after_ten_minutes() {
        let session = plane(StatusCode::BAD_GATEWAY).session(Secret::new("t"));
        let before = Instant::now();
        let code = never_ran(&session, &Orders::default(), EndedBy::Cancel, None).await;
        assert_eq!(code.unwrap(), FAILED);
        assert_eq!(before.elapsed().as_secs(), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_owner_nothing_is_waited_for() {
        let session = plane(StatusCode::BAD_GATEWAY).session(Secret::new("t"));
        let orders = Orders::default();
        orders.owner_gone.cancel();
        let code = never_ran(&session, &orders, EndedBy::Cancel, None).await;
        assert_eq!(code.unwrap(), FAILED);
    }
}
