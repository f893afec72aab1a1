//! Processes and containers side by side: each attempt is looked after by the launcher that it was given to.
//!
//! A directory of runs outlives the way in which its server runs commands. What was given to the container engine is
//! marked before it is, so that a server of plain processes never takes such a run for one that has ended, and the
//! other way round.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::id::{AttemptId, OwnerId};
use runvoy_core::log::Seq;
use runvoy_core::money::Cost;
use runvoy_ports::{
    CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit, UnfitKind,
};
use tokio::sync::OnceCell;

use crate::marks::{EngineName, Marks};

#[cfg(test)]
mod tests;

/// What this control plane launches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Launches {
    /// Plain processes.
    Processes,
    /// Containers.
    Containers,
    /// Containers where an image is wished for, else processes.
    AsWished,
}

/// A container engine that has answered.
#[derive(Debug, Clone)]
pub(crate) struct Connected {
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) engine: EngineName,
}

/// Connects to the engine at an address when it is first needed.
pub(crate) type Connect =
    Box<dyn Fn(String) -> BoxFuture<'static, anyhow::Result<Connected>> + Send + Sync>;
/// Whether an owner lives.
pub(crate) type IsAlive = Arc<dyn Fn(&OwnerId) -> bool + Send + Sync>;

/// Both launchers.
pub(crate) struct Launchers {
    pub(crate) launches: Launches,
    pub(crate) processes: Arc<dyn Launcher>,
    /// There from the start where containers are launched.
    pub(crate) containers: OnceCell<Connected>,
    /// For what earlier control planes gave to an engine.
    pub(crate) connect: Connect,
    pub(crate) marks: Marks,
    /// What the dead gave to the engine is stopped: its agent does not notice by itself, as one that is a process does.
    pub(crate) is_alive: IsAlive,
}

impl Launchers {
    /// These, with an engine that has answered already.
    pub(crate) fn launching(
        self,
        launches: Launches,
        containers: impl Launcher + 'static,
        engine: EngineName,
    ) -> Self {
        let connected = Connected {
            launcher: Arc::new(containers),
            engine,
        };
        Self {
            launches,
            containers: OnceCell::new_with(Some(connected)),
            ..self
        }
    }

    /// The launcher that the attempt was given to. Another engine knows nothing of it, and is not asked.
    async fn of(&self, attempt: &AttemptId) -> io::Result<&dyn Launcher> {
        let Some(mark) = self.marks.find(attempt)? else {
            return Ok(self.processes.as_ref());
        };
        let connect = || (self.connect)(mark.engine.address.clone());
        let connected = self.containers.get_or_try_init(connect).await;
        let connected = connected.map_err(|error| io::Error::other(format!("{error:#}")))?;
        if connected.engine.id != mark.engine.id {
            return Err(io::Error::other(format!(
                "it was given to another engine, at {}",
                mark.engine.address
            )));
        }
        Ok(connected.launcher.as_ref())
    }

    /// The launcher of new containers, if there are any.
    fn new_containers(&self) -> Option<&Connected> {
        let connected = self.containers.get();
        connected.filter(|_| self.launches != Launches::Processes)
    }

    async fn launch_container(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        let attempt = &request.attempt;
        let Some(containers) = self.new_containers() else {
            let why =
                "it was to run in a container, and the server was restarted without containers";
            return Err(match self.marks.find(attempt) {
                Ok(None) => LaunchError::Impossible(why.to_owned()),
                // It may run.
                Ok(Some(_)) | Err(_) => LaunchError::Unknown(why.into()),
            });
        };
        if let Err(error) = self.marks.set(attempt, &containers.engine) {
            let why = format!("the data directory cannot be written: {error}");
            return Err(LaunchError::Refused(why));
        }
        match self.of(attempt).await {
            Ok(launcher) => launcher.launch(request).await,
            Err(error) => Err(LaunchError::Unknown(error.into())),
        }
    }

    /// Whether the container is one whose owner has died with it.
    fn is_orphan(&self, attempt: &AttemptId) -> bool {
        let mark = self.marks.find(attempt).ok().flatten();
        let owner = mark.and_then(|mark| mark.owner);
        owner.is_some_and(|owner| !(self.is_alive)(&owner))
    }
}

#[async_trait]
impl Launcher for Launchers {
    fn name(&self, container: Option<&Container>) -> &'static str {
        if self.launches == Launches::Containers || container.is_some() {
            return runvoy_docker::NAME;
        }
        self.processes.name(None)
    }

    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, Unfit> {
        match (self.launches, self.containers.get()) {
            (Launches::Containers, Some(containers)) => containers.launcher.plan(wish),
            (Launches::AsWished, Some(containers)) if wish.image.is_some() => {
                containers.launcher.plan(wish)
            }
            (Launches::AsWished, _) => match wish.first_field() {
                Some(field) if field != "image" => Err(Unfit {
                    field,
                    kind: UnfitKind::Unsupported,
                    why: "a process has no bounds; name an image to run in a container".to_owned(),
                }),
                _ => self.processes.plan(wish),
            },
            _ => self.processes.plan(wish),
        }
    }

    fn price(&self, container: &Container, billed: Duration) -> Option<Cost> {
        self.containers.get()?.launcher.price(container, billed)
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        match (&request.container, self.launches) {
            (Some(_), _) => self.launch_container(request).await,
            (None, Launches::Processes | Launches::AsWished) => {
                self.processes.launch(request).await
            }
            (None, Launches::Containers) => Err(LaunchError::Impossible(
                "it was to run as a plain process, and the server was restarted with containers"
                    .to_owned(),
            )),
        }
    }

    async fn probe(&self, placement: &Placement) -> Presence {
        let launcher = match self.of(&placement.attempt).await {
            Ok(launcher) => launcher,
            Err(error) => {
                tracing::debug!(attempt = %placement.attempt, %error, "nobody can say whether a container runs");
                return Presence::Unknown;
            }
        };
        let presence = launcher.probe(placement).await;
        if presence == Presence::Running && self.is_orphan(&placement.attempt) {
            launcher.stop(placement).await;
        }
        presence
    }

    fn progress(&self, attempt: &AttemptId) -> Option<String> {
        self.containers.get()?.launcher.progress(attempt)
    }

    async fn stop(&self, placement: &Placement) {
        match self.of(&placement.attempt).await {
            Ok(launcher) => launcher.stop(placement).await,
            Err(error) => {
                tracing::warn!(attempt = %placement.attempt, %error, "a container cannot be stopped now");
            }
        }
    }

    async fn read_copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        let launcher = self.of(&placement.attempt).await?;
        launcher.read_copy(placement, after, max_bytes).await
    }

    async fn provider_lines(&self, attempt: &AttemptId) -> io::Result<Vec<String>> {
        self.of(attempt).await?.provider_lines(attempt).await
    }

    async fn clean_up(&self, attempt: &AttemptId) -> io::Result<()> {
        self.of(attempt).await?.clean_up(attempt).await?;
        self.marks.clear(attempt)
    }
}

impl std::fmt::Debug for Launchers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launchers")
            .field("launches", &self.launches)
            .finish_non_exhaustive()
    }
}
