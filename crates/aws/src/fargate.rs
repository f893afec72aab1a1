//! Places agents as Fargate tasks.
//!
//! One task definition for each image and agent; sizes, roles and Spot are said at each launch. What ECS says of a
//! task is kept as facts, newer over older, since it forgets: facts speak first, then ECS itself is asked.

mod change;
mod definition;
mod facts;
mod failure;
mod launch;
mod presence;
mod provider;
mod size;
mod streams;
mod task;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use runvoy_core::container::{Architecture, Container, ContainerWish, ImageRef};
use runvoy_core::error::chain;
use runvoy_core::id::AttemptId;
use runvoy_core::log::Seq;
use runvoy_core::money::Cost;
use runvoy_ports::{
    Clock, CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit,
};
use thiserror::Error;

use crate::prices::{self, Basis};
pub use change::{BadTaskChange, TaskChange};
pub use facts::{FactsError, TaskFacts};
use streams::Streams;

/// Disk of every task, in gibibytes: what Fargate gives without asking more money for it.
const STORAGE_GIB: u32 = 20;

/// The clients that the launcher calls.
#[derive(Debug, Clone)]
pub struct FargateClients {
    /// Places and stops tasks.
    pub ecs: aws_sdk_ecs::Client,
    /// Keeps what ECS says of them.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Has the second copy of their logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
}

/// Where and how tasks run.
#[derive(Debug, Clone)]
pub struct FargateSettings {
    /// The project: the first part of every name.
    pub project: String,
    /// The name of the cluster.
    pub cluster: String,
    /// Where AWS runs it.
    pub region: String,
    /// Where tasks get their addresses.
    pub subnets: Vec<String>,
    /// What they may reach.
    pub security_groups: Vec<String>,
    /// Whether each gets a public address: needed in subnets without a way out of their own.
    pub assign_public_ip: bool,
    /// Where agents find their control plane.
    pub agent_url: String,
    /// The image that brings the agent.
    pub agent_image: String,
    /// The role by which ECS pulls images and writes logs.
    pub execution_role: String,
    /// The role that commands get.
    pub task_role: String,
    /// The log group of all tasks.
    pub task_log_group: String,
    /// The image where none is asked for.
    pub default_image: ImageRef,
    /// For which instruction set.
    pub architecture: Architecture,
    /// Whether tasks run on Spot capacity.
    pub is_spot: bool,
}

/// Why an event was not taken.
#[derive(Debug, Error)]
pub enum ObserveError {
    /// It makes no sense, now or later.
    #[error(transparent)]
    Malformed(#[from] BadTaskChange),
    /// It could not be kept; it may be told again.
    #[error(transparent)]
    Facts(#[from] FactsError),
}

/// Runs agents as Fargate tasks. Clones share their connections.
#[derive(Debug, Clone)]
pub struct FargateLauncher {
    ecs: aws_sdk_ecs::Client,
    facts: TaskFacts,
    streams: Arc<Streams>,
    settings: Arc<FargateSettings>,
    clock: Arc<dyn Clock>,
}

impl FargateLauncher {
    /// A launcher; nothing is called yet.
    pub fn new(clients: FargateClients, settings: FargateSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            ecs: clients.ecs,
            facts: TaskFacts::new(clients.dynamodb, &settings.project),
            streams: Arc::new(Streams::new(clients.logs, &settings.task_log_group)),
            settings: Arc::new(settings),
            clock,
        }
    }

    /// The facts that it keeps.
    pub fn facts(&self) -> &TaskFacts {
        &self.facts
    }

    /// Keeps what an event says, unless something newer is known, and answers the attempt to drive on. `None`: it is
    /// of another cluster, or of a task that is none of ours.
    pub async fn observe(&self, change: &TaskChange) -> Result<Option<AttemptId>, ObserveError> {
        let is_ours = is_cluster(&change.cluster, &self.settings.cluster);
        let Some(attempt) = change.attempt.as_ref().filter(|_| is_ours) else {
            return Ok(None);
        };
        // Old news are driven too: whoever brought them first may have got no further.
        self.facts
            .keep(attempt, &change.task, self.clock.now())
            .await?;
        Ok(Some(attempt.clone()))
    }
}

/// Whether an ARN names the cluster of this name.
fn is_cluster(arn: &str, name: &str) -> bool {
    arn.rsplit_once(":cluster/")
        .is_some_and(|(_, cluster)| cluster == name)
}

#[async_trait]
impl Launcher for FargateLauncher {
    fn name(&self, _: Option<&Container>) -> &'static str {
        "AWS"
    }

    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, Unfit> {
        let (cpu, memory) = size::choose(wish.cpu, wish.memory)?;
        let image = wish
            .image
            .clone()
            .unwrap_or_else(|| self.settings.default_image.clone());
        Ok(Some(Container {
            definition: definition::family(&self.settings, &image),
            image,
            architecture: self.settings.architecture,
            cpu,
            memory,
            storage_gib: STORAGE_GIB,
            is_spot: self.settings.is_spot,
            role: Some(self.settings.task_role.clone()),
        }))
    }

    fn price(&self, container: &Container, billed: Duration) -> Option<Cost> {
        let region = &self.settings.region;
        let address = self.settings.assign_public_ip;
        Some(Cost {
            amount: prices::price(container, region, billed)?,
            public_ipv4: address.then(|| prices::public_ipv4(billed)).flatten(),
            is_estimate: container.is_spot || prices::basis(region) != Basis::OfTheRegion,
        })
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        self.run_task(request).await
    }

    fn progress(&self, _: &AttemptId) -> Option<String> {
        None
    }

    async fn probe(&self, placement: &Placement) -> Presence {
        match self.look(placement).await {
            Ok(presence) => presence,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(attempt = %placement.attempt, error, "a task cannot be looked at");
                Presence::Unknown
            }
        }
    }

    async fn stop(&self, placement: &Placement) {
        if let Err(error) = self.stop_tasks(placement).await {
            let error = chain(&error);
            tracing::warn!(attempt = %placement.attempt, error, "a task cannot be stopped");
        }
    }

    async fn read_copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        self.copy(placement, after, max_bytes).await
    }

    async fn provider_lines(&self, attempt: &AttemptId) -> io::Result<Vec<String>> {
        self.lines_of_provider(attempt).await
    }

    /// Nothing is left where a task ran, and facts go by themselves.
    async fn clean_up(&self, _: &AttemptId) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_its_whole_name() {
        let arn = "arn:aws:ecs:us-east-1:123456789012:cluster/runvoy";
        assert!(is_cluster(arn, "runvoy"));
        assert!(!is_cluster(arn, "voy") && !is_cluster(arn, "runvoy2"));
        assert!(!is_cluster("runvoy", "runvoy"));
    }
}
