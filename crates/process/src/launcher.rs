//! The launcher's port.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::execution::Evidence;
use runvoy_core::id::AttemptId;
use runvoy_core::log::Seq;
use runvoy_core::money::Cost;
use runvoy_ports::{
    CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit, UnfitKind,
};
use runvoy_wire::process_place::ProcessPlace;

use crate::leftovers::{Marks, kill_agent, kill_all};
use crate::run_dir::{AgentLock, RunDir};
use crate::{copy, launch};

/// How often leftovers are killed before the answer is that something still runs.
const KILL_ROUNDS: u32 = 20;

/// Where and how agents are started.
#[derive(Debug)]
pub struct Options {
    /// This program, started as `EXECUTABLE agent exec`.
    pub executable: PathBuf,
    /// The directory of all runs.
    pub runs: PathBuf,
    /// Where agents find their control plane.
    pub agent_url: String,
    /// What commands find in their environment, beside their own variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Which home commands have.
    pub home: Home,
    /// A file that this process holds locked while it lives; agents that get the lock stop.
    pub owner_lock: Option<PathBuf>,
}

/// Which home commands have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// The one in [`Options::environment`].
    OfTheCaller,
    /// A directory of the run's own, removed afterwards.
    OfTheRun,
}

/// Runs agents as plain processes, with all the rights of this one.
#[derive(Debug, Clone)]
pub struct ProcessLauncher {
    options: Arc<Options>,
}

impl ProcessLauncher {
    /// A launcher; the directory of runs is made when the first is.
    pub fn new(options: Options) -> Self {
        Self {
            options: Arc::new(options),
        }
    }

    fn dir(&self, attempt: &AttemptId) -> RunDir {
        RunDir::new(&self.options.runs, attempt)
    }

    /// Files and processes are looked at away from the threads that answer requests.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        tokio::task::spawn_blocking(work)
            .await
            .map_err(io::Error::other)
    }
}

#[async_trait]
impl Launcher for ProcessLauncher {
    fn name(&self, _: Option<&Container>) -> &'static str {
        "process"
    }

    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, Unfit> {
        match wish.first_field() {
            Some(field) => Err(Unfit {
                field,
                kind: UnfitKind::Unsupported,
                why: "this server runs plain processes, without containers".to_owned(),
            }),
            None => Ok(None),
        }
    }

    fn price(&self, _: &Container, _: Duration) -> Option<Cost> {
        None
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        launch::launch(&self.options, &self.dir(&request.attempt), request).map_err(|error| {
            LaunchError::Refused(format!(
                "cannot start {}: {error}",
                self.options.executable.display()
            ))
        })
    }

    fn progress(&self, _: &AttemptId) -> Option<String> {
        None
    }

    async fn probe(&self, placement: &Placement) -> Presence {
        let (dir, placement) = (self.dir(&placement.attempt), placement.clone());
        match self.blocking(move || presence(&dir, &placement)).await {
            Ok(Ok(presence)) => presence,
            Ok(Err(error)) | Err(error) => {
                tracing::warn!(attempt = %self.options.runs.display(), %error, "a run cannot be looked at");
                Presence::Unknown
            }
        }
    }

    async fn stop(&self, placement: &Placement) {
        let (dir, placement) = (self.dir(&placement.attempt), placement.clone());
        let stopped = self.blocking(move || {
            if let Some(agent) = agent(&dir, &placement) {
                kill_agent(&agent);
            }
            kill_all(&Marks {
                execution: placement.attempt.execution(),
                agent: agent(&dir, &placement),
            });
        });
        if let Err(error) = stopped.await {
            tracing::warn!(%error, "a run cannot be stopped");
        }
    }

    async fn read_copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        let path = self.dir(&placement.attempt).copy();
        self.blocking(move || copy::read(&path, after, max_bytes))
            .await?
    }

    /// What a process says before its agent calls is in its evidence already.
    async fn provider_lines(&self, _: &AttemptId) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn clean_up(&self, attempt: &AttemptId) -> io::Result<()> {
        let dir = self.dir(attempt);
        self.blocking(move || dir.remove()).await?
    }
}

/// Lock free = agent dead. Then what it left behind is killed, and only when nothing is left it is gone.
fn presence(dir: &RunDir, placement: &Placement) -> io::Result<Presence> {
    let _ours = match dir.lock()? {
        AgentLock::Held => return Ok(Presence::Running),
        AgentLock::Free(file) => Some(file),
        AgentLock::Absent => None,
    };
    let marks = Marks {
        execution: placement.attempt.execution(),
        agent: agent(dir, placement),
    };
    for _ in 0..KILL_ROUNDS {
        if kill_all(&marks) == 0 {
            let evidence = Evidence {
                words: dir.complaint(),
                ..Evidence::default()
            };
            return Ok(Presence::Gone(evidence));
        }
        std::thread::yield_now();
    }
    Ok(Presence::Running)
}

/// The agent as it named itself, or as it was noted when it was started.
fn agent(dir: &RunDir, placement: &Placement) -> Option<ProcessPlace> {
    let named = placement
        .place
        .as_ref()
        .and_then(|place| place.as_str().parse().ok());
    named.or_else(|| dir.noted_agent())
}
