//! Removes what attempts have left, and tries again where the engine is away.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerSummary, Volume};
use bollard::query_parameters::{
    ListContainersOptions, ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions,
};
use jiff::Timestamp;
use runvoy_core::error::chain;
use runvoy_core::id::AttemptId;
use tokio::time::sleep;

use crate::agent_volume::{self, FILL_PATIENCE, FILLER};
use crate::attempt;
use crate::call::CallError;
use crate::copy::failed;
use crate::launcher::Inner;
use crate::options::{AGENT_LABEL, ATTEMPT_LABEL, STACK_LABEL};

/// Time between two tries.
const PAUSE: Duration = Duration::from_secs(5);
/// How often it is tried: for an hour.
const TRIES: u32 = 720;

impl Inner {
    /// Removes the attempt's container and its volumes. What cannot be removed now is removed later, while this
    /// process lives: nobody asks a second time.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is not done when the process ends is named by the containers' labels"
    )]
    pub(crate) async fn clean_up(self: &Arc<Self>, attempt: &AttemptId) -> io::Result<()> {
        self.copies.forget(attempt);
        self.ongoing.forget(attempt);
        match self.remove(attempt).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tokio::spawn(remove_later(self.clone(), attempt.clone()));
                Err(failed(&error))
            }
        }
    }

    /// Removes what was made for a start that was refused, now or later: nobody will start it.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is not done when the process ends is named by the containers' labels"
    )]
    pub(crate) async fn remove_for_good(self: &Arc<Self>, attempt: &AttemptId) {
        if let Err(error) = self.remove(attempt).await {
            let error = chain(&error);
            tracing::warn!(%attempt, error, "what was not started cannot be removed yet");
            tokio::spawn(remove_later(self.clone(), attempt.clone()));
        }
    }

    /// Removes what the attempt has on the engine, none of which runs. Not there: nothing happens.
    pub(crate) async fn remove(&self, attempt: &AttemptId) -> Result<(), CallError> {
        self.remove_container(attempt).await?;
        self.remove_volume(&attempt::volume(attempt)).await
    }

    /// Removes a container that does not run, and its volumes without a name. Not there: nothing happens.
    pub(crate) async fn remove_container(&self, attempt: &AttemptId) -> Result<(), CallError> {
        let options = RemoveContainerOptions {
            v: true,
            ..RemoveContainerOptions::default()
        };
        let name = attempt::container(attempt);
        let worker = self.engine.worker();
        let removed = worker.remove_container(&name, Some(options));
        match removed.await.map_err(CallError::from) {
            Ok(()) => Ok(()),
            Err(error) if error.is_absent() || error.says("already in progress") => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn remove_volume(&self, name: &str) -> Result<(), CallError> {
        let removed = self
            .engine
            .docker()
            .remove_volume(name, None::<RemoveVolumeOptions>);
        match removed.await.map_err(CallError::from) {
            Err(error) if !error.is_absent() => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The attempts of this control plane that have a container or a volume.
    pub(crate) async fn attempts(&self) -> Result<Vec<AttemptId>, CallError> {
        let containers = self.containers().await?.into_iter();
        let containers = containers.filter_map(|container| container.labels);
        let label = format!("{STACK_LABEL}={}", self.options.stack);
        let volumes = self.volumes(label).await?.into_iter();
        let labels = containers.chain(volumes.map(|volume| volume.labels));
        let attempts: HashSet<AttemptId> = labels
            .filter_map(|labels| labels.get(ATTEMPT_LABEL)?.parse().ok())
            .collect();
        Ok(attempts.into_iter().collect())
    }

    /// Removes what belongs to no attempt and that nobody needs: containers of this control plane that were to fill an
    /// agent's volume, and other agents' volumes. The engine keeps those that are in use; whoever still needs one of
    /// the others fills it again.
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the engine's clock, and with nothing of the control plane's"
    )]
    pub(crate) async fn tidy(&self) -> Result<(), CallError> {
        let now = Timestamp::now().as_second();
        for container in self.containers().await? {
            if let Some(name) = dead_filler(&container, now) {
                agent_volume::remove(&self.engine, name).await?;
                tracing::info!(name, "removed a container that nobody needs");
            }
        }
        for volume in self.volumes(AGENT_LABEL.to_owned()).await? {
            if volume.name == self.agent.name() {
                continue;
            }
            match self.remove_volume(&volume.name).await {
                Ok(()) => tracing::info!(volume.name, "removed a volume that nobody needs"),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn containers(&self) -> Result<Vec<ContainerSummary>, CallError> {
        let label = format!("{STACK_LABEL}={}", self.options.stack);
        let options = ListContainersOptions {
            all: true,
            filters: Some([("label".to_owned(), vec![label])].into()),
            ..ListContainersOptions::default()
        };
        Ok(self.engine.docker().list_containers(Some(options)).await?)
    }

    async fn volumes(&self, label: String) -> Result<Vec<Volume>, CallError> {
        let options = ListVolumesOptions {
            filters: Some([("label".to_owned(), vec![label])].into()),
        };
        let found = self.engine.docker().list_volumes(Some(options)).await?;
        Ok(found.volumes.unwrap_or_default())
    }
}

/// The name of a container that was to fill a volume and was made so long ago that whoever made it is dead.
fn dead_filler(container: &ContainerSummary, now: i64) -> Option<&str> {
    let name = container.names.as_ref()?.first()?.trim_start_matches('/');
    let age = u64::try_from(now.saturating_sub(container.created?)).ok()?;
    let is_dead = Duration::from_secs(age) > FILL_PATIENCE;
    (is_dead && name.ends_with(FILLER)).then_some(name)
}

async fn remove_later(inner: Arc<Inner>, attempt: AttemptId) {
    for _ in 0..TRIES {
        sleep(PAUSE).await;
        if inner.remove(&attempt).await.is_ok() {
            return;
        }
    }
    tracing::warn!(%attempt, "a container or its volume is left behind");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_has_had_its_time_to_fill_a_volume_is_dead() {
        let now = 1_772_000_000;
        let made = |name: &str, age: i64| ContainerSummary {
            names: Some(vec![format!("/{name}")]),
            created: Some(now - age),
            ..ContainerSummary::default()
        };
        let filler = "runvoy-agent-0f-fill";
        assert_eq!(dead_filler(&made(filler, 31), now), Some(filler));
        assert_eq!(dead_filler(&made(filler, 30), now), None);
        assert_eq!(dead_filler(&made(filler, -31), now), None);
        assert_eq!(dead_filler(&made("runvoy-1-1", 31), now), None);
    }
}
