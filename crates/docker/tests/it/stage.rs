//! A launcher on an engine, with a network and a control plane of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::execution::Evidence;
use runvoy_core::id::AttemptId;
use runvoy_core::log::{Entry, Seq};
use runvoy_docker::{DockerLauncher, DockerOptions, Engine, Network, RootStyle};
use runvoy_ports::{CopyEnd, LaunchError, LaunchRequest, Launcher as _, Placement, Presence};
use runvoy_testkit::dockerd::{Dockerd, agent};
use runvoy_testkit::dockerd_image::Image;
use runvoy_testkit::eventually;
use runvoy_wire::agent::FinishRequest;

use crate::plane::Plane;

/// How long anything may take that takes little time.
pub(crate) const SOON: Duration = Duration::from_mins(1);
/// The small system that most tests run.
pub(crate) const BUSYBOX: &str = "busybox:test";

/// One control plane's launcher.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) options: DockerOptions,
    pub(crate) launcher: DockerLauncher,
    pub(crate) plane: Plane,
}

/// A number that no other test of this process has.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The engine that most tests share, with the small system.
pub(crate) fn shared() -> &'static Dockerd {
    static READY: std::sync::Once = std::sync::Once::new();
    let dockerd = Dockerd::shared();
    READY.call_once(|| dockerd.import_image(BUSYBOX, &Image::busybox()));
    dockerd
}

/// How containers are made on a network, with the real agent.
pub(crate) fn options(stack: &str, network: Network, agent_url: String) -> DockerOptions {
    DockerOptions {
        stack: stack.to_owned(),
        network,
        agent_url,
        agent: Bytes::from(agent()),
        default_image: Some(BUSYBOX.parse().unwrap()),
        cpu: DockerOptions::CPU,
        memory: DockerOptions::MEMORY,
        pids_limit: DockerOptions::PIDS_LIMIT,
        root: RootStyle::Writable,
        docker_config: None,
    }
}

impl Stage {
    /// On the engine that most tests share.
    pub(crate) async fn new() -> Self {
        Self::on(shared()).await
    }

    pub(crate) async fn on(dockerd: &Dockerd) -> Self {
        Self::with(dockerd, |_| {}).await
    }

    /// With changed options.
    pub(crate) async fn with(dockerd: &Dockerd, change: impl FnOnce(&mut DockerOptions)) -> Self {
        let stack = format!("{:04x}{:04x}", std::process::id() & 0xffff, unique());
        let engine = Engine::connect(Some(&dockerd.host())).await.unwrap();
        let network = engine.network(&stack).await.unwrap();
        let plane = Plane::default();
        let url = plane.serve(network.gateway).await;
        let mut options = options(&stack, network, url);
        change(&mut options);
        Self {
            launcher: DockerLauncher::new(engine.clone(), options.clone()),
            engine,
            options,
            plane,
        }
    }

    /// Another launcher of the same control plane, as after its restart.
    pub(crate) fn again(&self) -> DockerLauncher {
        DockerLauncher::new(self.engine.clone(), self.options.clone())
    }

    /// An attempt that runs a program in an image; not launched yet.
    pub(crate) fn run<'a>(&'a self, image: &str, argv: &[&str]) -> Run<'a> {
        let attempt: AttemptId = format!("{:032x}-1", unique()).parse().unwrap();
        self.plane.order(&attempt, argv);
        let wish = ContainerWish {
            image: Some(image.parse().unwrap()),
            ..ContainerWish::default()
        };
        Run {
            stage: self,
            container: self.launcher.plan(&wish).unwrap().unwrap(),
            attempt,
        }
    }

    /// The next attempt of the same execution, which runs this program.
    pub(crate) fn next(&self, run: &Run<'_>, argv: &[&str]) -> Run<'_> {
        let (execution, number) = (run.attempt.execution().clone(), run.attempt.number() + 1);
        let attempt = AttemptId::new(execution, number);
        self.plane.order(&attempt, argv);
        Run {
            stage: self,
            container: run.container.clone(),
            attempt,
        }
    }

    /// A script in the small system.
    pub(crate) fn script(&self, script: &str) -> Run<'_> {
        self.run(BUSYBOX, &["/bin/sh", "-c", script])
    }
}

/// One attempt.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) attempt: AttemptId,
    pub(crate) container: Container,
}

impl Run<'_> {
    pub(crate) fn name(&self) -> String {
        format!("runvoy-{}", self.attempt)
    }

    pub(crate) fn request(&self) -> LaunchRequest {
        LaunchRequest {
            attempt: self.attempt.clone(),
            token: "boot-token".into(),
            container: Some(self.container.clone()),
        }
    }

    pub(crate) fn placement(&self) -> Placement {
        Placement {
            attempt: self.attempt.clone(),
            place: None,
        }
    }

    pub(crate) async fn try_launch(&self) -> Result<(), LaunchError> {
        self.stage.launcher.launch(&self.request()).await
    }

    pub(crate) async fn launch(&self) {
        self.try_launch().await.unwrap();
    }

    pub(crate) async fn probe(&self) -> Presence {
        self.stage.launcher.probe(&self.placement()).await
    }

    pub(crate) async fn stop(&self) {
        self.stage.launcher.stop(&self.placement()).await;
    }

    pub(crate) async fn clean_up(&self) {
        self.stage.launcher.clean_up(&self.attempt).await.unwrap();
    }

    /// Waits until its agent has started the command and this line is in its log.
    pub(crate) async fn says(&self, line: &str) {
        eventually(SOON, || async {
            let known = self.stage.plane.known(&self.attempt);
            known
                .entries
                .iter()
                .any(|entry| entry.text == line)
                .then_some(())
        })
        .await;
    }

    /// Waits until this is in what is told of its launch.
    pub(crate) async fn tells(&self, words: &str) {
        eventually(SOON, || async {
            let told = self.stage.launcher.progress(&self.attempt);
            told.filter(|told| told.contains(words))
        })
        .await;
    }

    /// Waits until nothing of it runs.
    pub(crate) async fn gone(&self) -> Evidence {
        eventually(SOON, || async {
            match self.probe().await {
                Presence::Gone(evidence) => Some(evidence),
                Presence::Running | Presence::Unknown => None,
            }
        })
        .await
    }

    /// Launches it, waits for its end, and answers what its agent reported.
    pub(crate) async fn to_the_end(&self) -> FinishRequest {
        self.launch().await;
        let evidence = self.gone().await;
        let known = self.stage.plane.known(&self.attempt);
        known
            .finish
            .unwrap_or_else(|| panic!("it never finished: {evidence:?}"))
    }

    /// The whole second copy, read in pages of about so many bytes.
    pub(crate) async fn copy(&self, page_bytes: usize) -> (Vec<Entry>, Option<CopyEnd>) {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(Seq::START, |last| last.seq);
            let launcher = &self.stage.launcher;
            let page = launcher
                .read_copy(&self.placement(), after, page_bytes)
                .await;
            let page = page.unwrap();
            if page.entries.is_empty() {
                return (entries, page.end);
            }
            entries.extend(page.entries);
        }
    }
}
