//! Places an agent: a container is made, made ready and started, and its image fetched first where that is missing.

use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{CreateContainerOptions, KillContainerOptions};
use runvoy_ports::{LaunchError, LaunchRequest};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::agent_volume::{Maker, put};
use crate::attempt;
use crate::call::CallError;
use crate::engine::EngineError;
use crate::image::{is_identity, is_reserved};
use crate::launcher::Inner;
use crate::obstacle::Obstacle;
use crate::ongoing::{Failure, Work};
use crate::pull::pull;
use crate::spec::{AGENT, Order, RUN_DIR, WORK, body};
use crate::tar::Archive;
use crate::words::fit;

/// How often a container is made whose name is taken and that is not there, and the time between two tries: a name is
/// taken before the container is there, and given back after it is gone.
const CREATE_TRIES: u32 = 50;
const CREATE_PAUSE: Duration = Duration::from_millis(100);

impl Inner {
    /// Answers once it is placed, refused or being pulled. What is begun goes on though nobody waits for the answer:
    /// a request that is cut off in the middle may still do its work.
    #[expect(
        clippy::disallowed_methods,
        reason = "it lives in `ongoing` until its end, and a process that ends before finds the container by its name"
    )]
    pub(crate) async fn launch(
        self: &Arc<Self>,
        request: &LaunchRequest,
    ) -> Result<(), LaunchError> {
        let Some(container) = request.container.clone() else {
            let words = "it was planned without a container".to_owned();
            return Err(LaunchError::Impossible(words));
        };
        let Some(work) = self.ongoing.begin(&request.attempt) else {
            return Ok(());
        };
        let order = Order {
            attempt: request.attempt.clone(),
            token: request.token.clone(),
            container,
        };
        let (answer, answered) = oneshot::channel();
        tokio::spawn(run(self.clone(), order, work, answer));
        let lost = |_| Err(LaunchError::Unknown("nobody answered".into()));
        answered.await.unwrap_or_else(lost)
    }

    async fn place(self: &Arc<Self>, order: &Order, work: &Work) -> Result<(), Obstacle> {
        work.tell("creating the container".to_owned());
        let found = self.create(order).await?;
        if !is_created(&found) {
            return Ok(());
        }
        match self.start(order, &found, work).await {
            Err(obstacle @ (Obstacle::Unknown(_) | Obstacle::InTheWay)) => Err(obstacle),
            Err(refusal) => {
                self.remove_for_good(&order.attempt).await;
                Err(refusal)
            }
            Ok(()) => Ok(()),
        }
    }

    /// The attempt's container, made now or before.
    async fn create(&self, order: &Order) -> Result<ContainerInspectResponse, Obstacle> {
        let name = attempt::container(&order.attempt);
        let options = CreateContainerOptions {
            name: Some(name.clone()),
            ..CreateContainerOptions::default()
        };
        let body = body(order, &self.options, self.engine.id(), self.agent.mount());
        let (docker, worker) = (self.engine.docker(), self.engine.worker());
        for _ in 0..CREATE_TRIES {
            let created = worker.create_container(Some(options.clone()), body.clone());
            let created = created.await.map_err(CallError::from);
            match created {
                Err(error) if error.is_wrong() => {
                    return Err(Obstacle::Impossible(error.to_string()));
                }
                Err(error) if !error.is_conflict() => return Err(error.into()),
                Ok(_) | Err(_) => {}
            }
            let found = docker.inspect_container(&name, None).await;
            match found.map_err(CallError::from) {
                Ok(found) => return Ok(found),
                Err(error) if error.is_absent() => sleep(CREATE_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Obstacle::InTheWay)
    }

    async fn start(
        &self,
        order: &Order,
        found: &ContainerInspectResponse,
        work: &Work,
    ) -> Result<(), Obstacle> {
        if let Some(path) = reserved_volume(found) {
            let (image, path) = (&order.container.image, fit(path));
            let words =
                format!("the image {image} has a volume at {path}; /.runvoy is the agent's own");
            return Err(Obstacle::Impossible(words));
        }
        let name = attempt::container(&order.attempt);
        if !is_roots(found) {
            // The engine has made it, owned by root.
            let archive = Archive::new().directory(WORK, 0o1777).finish();
            put(&self.engine, &name, RUN_DIR, archive).await?;
        }
        if work.stop.is_cancelled() {
            return Err(Obstacle::stopped());
        }
        work.tell("starting the container".to_owned());
        self.start_mended(order, &name).await?;
        if work.stop.is_cancelled() {
            self.kill(&name).await?;
        }
        Ok(())
    }

    fn maker<'a>(&'a self, order: &'a Order) -> Maker<'a> {
        Maker {
            image: order.container.image.as_str(),
            stack: &self.options.stack,
            attempt: &order.attempt,
        }
    }

    /// Starts it, once more after what it lacks was brought: the network, which somebody has removed or of which an
    /// engine that came back knows the name and no more, and the agent.
    async fn start_mended(&self, order: &Order, name: &str) -> Result<(), Obstacle> {
        let mut started = self.start_once(name).await;
        if self.is_without_network(&started) {
            // One launch after the other: each would take away what another has just made.
            let _alone = self.restoring.lock().await;
            let (stack, network) = (&self.options.stack, &self.options.network);
            let cannot = |error: EngineError| Obstacle::Refused(error.to_string());
            self.engine.restore(stack, network).await.map_err(cannot)?;
            started = self.start_once(name).await;
            if self.is_without_network(&started) {
                self.engine.replace(stack, network).await.map_err(cannot)?;
                started = self.start_once(name).await;
            }
        }
        if matches!(&started, Err(error) if error.says(AGENT)) {
            self.agent.fill(&self.engine, self.maker(order)).await?;
            started = self.start_once(name).await;
        }
        match started {
            Err(error)
                if error.says("unable to find user") || error.says("unable to find group") =>
            {
                Err(Obstacle::Impossible(error.to_string()))
            }
            answer => Ok(answer?),
        }
    }

    fn is_without_network(&self, started: &Result<(), CallError>) -> bool {
        let network = format!("network {}", self.options.network.name);
        started.as_ref().is_err_and(|error| {
            error.says(&network) && (error.says("not found") || error.says("does not exist"))
        })
    }

    async fn start_once(&self, name: &str) -> Result<(), CallError> {
        self.engine.worker().start_container(name, None).await?;
        Ok(())
    }

    /// Ends a container now; one that does not run is left as it is.
    pub(crate) async fn kill(&self, name: &str) -> Result<(), CallError> {
        let options = KillContainerOptions {
            signal: "SIGKILL".to_owned(),
        };
        let killed = self.engine.docker().kill_container(name, Some(options));
        match killed.await.map_err(CallError::from) {
            Err(error) if !error.is_absent() && !error.is_conflict() => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

async fn run(
    inner: Arc<Inner>,
    order: Order,
    work: Work,
    answer: oneshot::Sender<Result<(), LaunchError>>,
) {
    let placed = inner.place(&order, &work).await;
    let is_pullable = !is_identity(&order.container.image);
    if !(is_pullable && matches!(placed, Err(Obstacle::NoImage(_)))) {
        drop(work);
        let _nobody_waits = answer.send(placed.map_err(LaunchError::from));
        return;
    }
    let _nobody_waits = answer.send(Ok(()));
    if let Err(obstacle) = inner.pull_and_place(&order, &work).await {
        tracing::warn!(attempt = %order.attempt, %obstacle, "an image was not pulled, or its container not started");
        work.fail(Failure {
            words: fit(&obstacle.to_string()),
            is_final: matches!(obstacle, Obstacle::Impossible(_)),
        });
    }
}

impl Inner {
    async fn pull_and_place(self: &Arc<Self>, order: &Order, work: &Work) -> Result<(), Obstacle> {
        let config = self.options.docker_config.as_deref();
        pull(&self.engine, &order.container.image, config, work).await?;
        if work.stop.is_cancelled() {
            return Err(Obstacle::stopped());
        }
        self.place(order, work).await
    }
}

/// Whether it has never been started.
fn is_created(found: &ContainerInspectResponse) -> bool {
    let state = found.state.as_ref();
    state.and_then(|state| state.status) == Some(ContainerStateStatusEnum::CREATED)
}

/// A volume of the image that would lie among the launcher's own. Nothing is mounted yet.
fn reserved_volume(found: &ContainerInspectResponse) -> Option<&str> {
    let volumes = found.config.as_ref()?.volumes.as_ref()?;
    volumes
        .iter()
        .map(String::as_str)
        .find(|path| is_reserved(path))
}

fn is_roots(found: &ContainerInspectResponse) -> bool {
    let config = found.config.as_ref();
    let user = config
        .and_then(|config| config.user.as_deref())
        .unwrap_or_default();
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "" | "0" | "root")
}
