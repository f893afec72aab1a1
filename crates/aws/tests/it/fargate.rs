//! The launcher against a stand-in for ECS and CloudWatch Logs, with its facts on DynamoDB Local.

mod copies;
mod launches;
mod observations;
mod probes;
mod stand_in;

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use runvoy_aws::{FargateClients, FargateLauncher, FargateSettings, TaskChange};
use runvoy_core::container::{Architecture, Container, ContainerWish};
use runvoy_core::id::AttemptId;
use runvoy_ports::{LaunchRequest, Launcher as _, Placement};
use runvoy_testkit::{ManualClock, sample};
use serde_json::{Value, json};

use crate::database::Database;
use stand_in::StandIn;

pub(crate) const ARN: &str = "arn:aws:ecs:us-east-1:123456789012:task/runvoy/00ff";
pub(crate) const TOKEN: &str = "bootstrap-token-of-the-attempt";

/// A launcher and what it stands on.
pub(crate) struct Stage {
    pub(crate) launcher: FargateLauncher,
    pub(crate) aws: StandIn,
    pub(crate) clock: Arc<ManualClock>,
    _database: Database,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A stage whose settings are changed first.
    pub(crate) async fn with(change: impl FnOnce(&mut FargateSettings)) -> Self {
        let (aws, database) = (StandIn::new().await, Database::new().await);
        let config = config(&aws.endpoint);
        let clients = FargateClients {
            ecs: aws_sdk_ecs::Client::new(&config),
            dynamodb: database.client.clone(),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        };
        let clock = Arc::new(ManualClock::default());
        let mut settings = settings(&database.project);
        change(&mut settings);
        let launcher = FargateLauncher::new(clients, settings, clock.clone());
        Self {
            launcher,
            aws,
            clock,
            _database: database,
        }
    }

    /// The container without any wish.
    pub(crate) fn container(&self) -> Container {
        self.launcher
            .plan(&ContainerWish::default())
            .unwrap()
            .unwrap()
    }

    /// ECS tells of the task.
    pub(crate) async fn tell(&self, task: Value) -> Option<AttemptId> {
        let change = TaskChange::parse(&task).unwrap();
        self.launcher.observe(&change).await.unwrap()
    }
}

/// The launch of the attempt in a container.
pub(crate) fn request(container: Container) -> LaunchRequest {
    LaunchRequest {
        attempt: attempt(),
        token: TOKEN.into(),
        container: Some(container),
    }
}

pub(crate) fn attempt() -> AttemptId {
    AttemptId::new(sample::execution_id(1), 1)
}

/// The attempt before its agent has called.
pub(crate) fn unnamed() -> Placement {
    Placement {
        attempt: attempt(),
        place: None,
    }
}

/// The attempt after its agent has called from the task.
pub(crate) fn named(arn: &str) -> Placement {
    Placement {
        attempt: attempt(),
        place: Some(arn.parse().unwrap()),
    }
}

/// What an event says of the task, or ECS itself (which writes its times as numbers).
pub(crate) fn task(version: i64, last_status: &str) -> Value {
    json!({
        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/runvoy",
        "taskArn": ARN,
        "startedBy": attempt().to_string(),
        "version": version,
        "lastStatus": last_status,
        "containers": [],
    })
}

/// The same at its end.
pub(crate) fn stopped(version: i64) -> Value {
    let mut task = task(version, "STOPPED");
    task["stopCode"] = "EssentialContainerExited".into();
    task["stoppedReason"] = "Essential container in task exited".into();
    task["pullStartedAt"] = "2026-11-01T10:00:05Z".into();
    task["stoppedAt"] = "2026-11-01T10:01:35Z".into();
    task
}

fn settings(project: &str) -> FargateSettings {
    FargateSettings {
        project: project.to_owned(),
        cluster: "runvoy".to_owned(),
        region: "us-east-1".to_owned(),
        subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
        security_groups: vec!["sg-1".to_owned()],
        assign_public_ip: true,
        agent_url: "https://agent.example".to_owned(),
        agent_image: "registry.example/agent@sha256:00".to_owned(),
        execution_role: "arn:aws:iam::123456789012:role/execution".to_owned(),
        task_role: "arn:aws:iam::123456789012:role/task".to_owned(),
        task_log_group: "/runvoy/runvoy/tasks".to_owned(),
        default_image: "public.ecr.aws/docker/library/alpine:3.22".parse().unwrap(),
        architecture: Architecture::Arm64,
        is_spot: false,
    }
}

fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIALOCALTEST", "secret", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .build()
}
