//! The life of a task, from PROVISIONING to STOPPED.

use std::path::Path;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::awslogs::Stream;
use super::container::{self, Running};
use super::task::{End, Task};
use super::{Delays, Ecs};

/// Images with this prefix cannot be pulled.
const NO_PULL_IMAGE: &str = "cannot-pull/";
/// Images with this prefix are pulled, and cannot be started.
const NO_START_IMAGE: &str = "cannot-start/";
/// How long a stopped container's last output may take to reach the log.
const LAST_OUTPUT: Duration = Duration::from_secs(10);
/// How long a container may take from TERM to KILL where its definition does not say.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How a task ended.
#[derive(Debug)]
struct Verdict {
    code: &'static str,
    reason: String,
    exit_code: Option<i32>,
    container_reason: Option<String>,
}

type Order = watch::Receiver<Option<End>>;

/// Lives the task's life.
pub(super) async fn live(ecs: &Ecs, id: &str, mut order: Order) {
    let delays = ecs.delays();
    let (Ok(verdict) | Err(verdict)) = run(ecs, id, &mut order, delays).await;
    ecs.change(id, |task, now| {
        task.pid = None;
        task.status = "DEPROVISIONING";
        task.desired = "STOPPED";
        task.times.stopping.get_or_insert(now);
        task.times.execution_stopped = task.times.started.map(|_| now);
        task.stop_code = Some(verdict.code);
        task.stopped_reason = Some(verdict.reason);
        let essential = task.essential().map(|one| one["name"].clone());
        for container in &mut task.containers {
            container.status = "STOPPED";
            if essential
                .as_ref()
                .is_some_and(|name| *name == container.name.as_str())
            {
                container.exit_code = verdict.exit_code;
                container.reason.clone_from(&verdict.container_reason);
            }
        }
    });
    tokio::time::sleep(delays.deprovisioning).await;
    ecs.change(id, |task, now| {
        task.status = "STOPPED";
        task.times.stopped = Some(now);
    });
}

async fn run(ecs: &Ecs, id: &str, order: &mut Order, delays: Delays) -> Result<Verdict, Verdict> {
    step(order, delays.provisioning).await?;
    ecs.change(id, |task, now| {
        task.status = "PENDING";
        task.times.pull_started = Some(now);
    });
    step(order, delays.pull).await?;
    let Some(task) = ecs.find(id) else {
        return Err(failed("the task is gone".to_owned()));
    };
    check_images(&task, NO_PULL_IMAGE, cannot_pull)?;
    ecs.change(id, |task, now| task.times.pull_stopped = Some(now));
    check_images(&task, NO_START_IMAGE, cannot_start)?;
    let stream = open_log(ecs, &task).await?;
    step(order, delays.starting).await?;
    let (running, output) = start(ecs, &task)?;
    ecs.change(id, |task, now| is_running(task, now, running.pid()));
    let pump = ecs.tracker().spawn(pump(stream, output));
    let verdict = wait(running, order, stop_timeout(ecs, &task)).await;
    if tokio::time::timeout(LAST_OUTPUT, pump).await.is_err() {
        tracing::warn!(task = id, "the last output did not reach the log in time");
    }
    Ok(verdict)
}

fn is_running(task: &mut Task, now: jiff::Timestamp, pid: Option<i32>) {
    task.pid = pid;
    task.status = "RUNNING";
    task.times.started = Some(now);
    let essential = task.essential().map(|one| one["name"].clone());
    for container in &mut task.containers {
        if essential
            .as_ref()
            .is_some_and(|name| *name == container.name.as_str())
        {
            container.status = "RUNNING";
        } else {
            // The copier has done its work before the others may start.
            container.status = "STOPPED";
            container.exit_code = Some(0);
        }
    }
}

/// Waits, unless the task is to end.
async fn step(order: &mut Order, delay: Duration) -> Result<(), Verdict> {
    tokio::select! {
        () = tokio::time::sleep(delay) => Ok(()),
        end = ordered(order) => Err(ended(end, None)),
    }
}

async fn ordered(order: &mut Order) -> End {
    match order.wait_for(Option::is_some).await.map(|end| end.clone()) {
        Ok(Some(end)) => end,
        Ok(None) | Err(_) => End::HostLoss,
    }
}

fn check_images(task: &Task, prefix: &str, words: fn(&str) -> String) -> Result<(), Verdict> {
    let scripted = task
        .containers
        .iter()
        .find(|container| container.image.starts_with(prefix));
    scripted.map_or(Ok(()), |container| Err(failed(words(&container.image))))
}

fn cannot_pull(image: &str) -> String {
    format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
         docker.io/{image}: pull access denied, repository does not exist or may require authorization"
    )
}

fn cannot_start(image: &str) -> String {
    format!(
        "CannotStartContainerError: failed to create shim task: OCI runtime create failed: {image}: exec format error"
    )
}

async fn open_log(ecs: &Ecs, task: &Task) -> Result<Option<Stream>, Verdict> {
    let Some(stream) = ecs.log_stream(task) else {
        return Ok(None);
    };
    stream.create().await.map_err(failed)?;
    Ok(Some(stream))
}

fn start(ecs: &Ecs, task: &Task) -> Result<(Running, pipe::Receiver), Verdict> {
    let agent: &Path = ecs.agent();
    container::start(task, agent, ecs.metadata(), ecs.region())
        .map_err(|error| failed(format!("CannotStartContainerError: {error:#}")))
}

async fn pump(stream: Option<Stream>, output: pipe::Receiver) {
    match stream {
        Some(stream) => stream.pump(output).await,
        None => drain(output).await,
    }
}

async fn drain(mut output: pipe::Receiver) {
    if let Err(error) = tokio::io::copy(&mut output, &mut tokio::io::sink()).await {
        tracing::debug!(%error, "the output broke off");
    }
}

fn stop_timeout(ecs: &Ecs, task: &Task) -> Duration {
    let own = task
        .essential()
        .and_then(|container| container["stopTimeout"].as_u64());
    own.map_or(STOP_TIMEOUT, Duration::from_secs)
        .min(ecs.delays().most_stop_timeout)
}

async fn wait(mut running: Running, order: &mut Order, stop_timeout: Duration) -> Verdict {
    let end = tokio::select! {
        status = running.wait() => return exited(status.map(container::exit_code)),
        end = ordered(order) => end,
    };
    match end {
        End::HostLoss | End::OutOfMemory => running.kill(),
        End::User(_) | End::Spot => {
            running.terminate();
            if let Ok(status) = tokio::time::timeout(stop_timeout, running.wait()).await {
                return ended(end, status.map(container::exit_code));
            }
            running.kill();
        }
    }
    let status = running.wait().await;
    ended(end, status.map(container::exit_code))
}

fn exited(exit_code: Option<i32>) -> Verdict {
    Verdict {
        code: "EssentialContainerExited",
        reason: "Essential container in task exited".to_owned(),
        exit_code,
        container_reason: None,
    }
}

fn failed(words: String) -> Verdict {
    Verdict {
        code: "TaskFailedToStart",
        reason: words.clone(),
        exit_code: None,
        container_reason: Some(words),
    }
}

fn ended(end: End, exit_code: Option<i32>) -> Verdict {
    match end {
        End::User(reason) => Verdict {
            code: "UserInitiated",
            reason,
            ..exited(exit_code)
        },
        End::Spot => {
            let reason = "Your Spot Task was interrupted.".to_owned();
            Verdict {
                code: "SpotInterruption",
                reason,
                ..exited(exit_code)
            }
        }
        End::OutOfMemory => {
            let words = "OutOfMemoryError: Container killed due to memory usage".to_owned();
            Verdict {
                container_reason: Some(words),
                ..exited(Some(137))
            }
        }
        End::HostLoss => exited(None),
    }
}
