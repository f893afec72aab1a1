//! The launcher's port.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::error::chain;
use runvoy_core::id::AttemptId;
use runvoy_core::log::Seq;
use runvoy_core::money::Cost;
use runvoy_ports::{CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit};
use tokio::sync::Mutex;

use crate::agent_volume::AgentVolume;
use crate::attempt;
use crate::copy::{Copies, failed};
use crate::engine::Engine;
use crate::ongoing::Ongoing;
use crate::options::DockerOptions;
use crate::plan;
use crate::presence::Outages;

/// What lists call it.
pub const NAME: &str = "docker";

/// Runs agents as containers of a Docker Engine. Clones share all.
#[derive(Debug, Clone)]
pub struct DockerLauncher {
    inner: Arc<Inner>,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) options: DockerOptions,
    pub(crate) agent: AgentVolume,
    pub(crate) ongoing: Ongoing,
    pub(crate) copies: Copies,
    pub(crate) outages: Outages,
    /// Held by the launch that makes the network again.
    pub(crate) restoring: Mutex<()>,
}

impl DockerLauncher {
    /// A launcher; the engine is not asked for anything yet.
    pub fn new(engine: Engine, options: DockerOptions) -> Self {
        let agent = AgentVolume::new(options.agent.clone());
        Self {
            inner: Arc::new(Inner {
                engine,
                options,
                agent,
                ongoing: Ongoing::default(),
                copies: Copies::default(),
                outages: Outages::default(),
                restoring: Mutex::default(),
            }),
        }
    }

    /// The attempts of this control plane that have a container or a volume, whatever became of them.
    pub async fn attempts(&self) -> io::Result<Vec<AttemptId>> {
        self.inner.attempts().await.map_err(|error| failed(&error))
    }

    /// Removes what belongs to no attempt and that nobody needs: what a process that died while it brought the agent
    /// has left, and other agents' volumes.
    pub async fn tidy(&self) -> io::Result<()> {
        self.inner.tidy().await.map_err(|error| failed(&error))
    }
}

#[async_trait]
impl Launcher for DockerLauncher {
    fn name(&self, _: Option<&Container>) -> &'static str {
        NAME
    }

    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, Unfit> {
        let Inner {
            engine,
            options,
            agent,
            ..
        } = &*self.inner;
        plan::plan(engine, options, &agent.digest(), wish).map(Some)
    }

    fn price(&self, _: &Container, _: Duration) -> Option<Cost> {
        None
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        self.inner.launch(request).await
    }

    fn progress(&self, attempt: &AttemptId) -> Option<String> {
        self.inner.ongoing.progress(attempt)
    }

    async fn probe(&self, placement: &Placement) -> Presence {
        match self.inner.presence(placement).await {
            Ok(presence) => presence,
            Err(error) => {
                self.inner.outages.note();
                let error = chain(&error);
                tracing::warn!(attempt = %placement.attempt, error, "a container cannot be looked at");
                Presence::Unknown
            }
        }
    }

    async fn stop(&self, placement: &Placement) {
        self.inner.ongoing.stop(&placement.attempt);
        let name = attempt::container(&placement.attempt);
        if let Err(error) = self.inner.kill(&name).await {
            let error = chain(&error);
            tracing::warn!(attempt = %placement.attempt, error, "a container cannot be stopped");
        }
    }

    async fn read_copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        self.inner
            .read_copy(&placement.attempt, after, max_bytes)
            .await
    }

    async fn provider_lines(&self, attempt: &AttemptId) -> io::Result<Vec<String>> {
        let tail = self.inner.tail(attempt).await;
        tail.map(|tail| tail.lines())
            .map_err(|error| failed(&error))
    }

    async fn clean_up(&self, attempt: &AttemptId) -> io::Result<()> {
        self.inner.clean_up(attempt).await
    }
}
