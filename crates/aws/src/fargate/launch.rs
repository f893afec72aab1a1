//! One launch: a single call where the task definition is known.

use std::time::Duration;

use aws_sdk_ecs::error::{BuildError, SdkError};
use aws_sdk_ecs::operation::run_task::builders::RunTaskFluentBuilder;
use aws_sdk_ecs::operation::run_task::{RunTaskError, RunTaskOutput};
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride,
    EphemeralStorage, Failure, KeyValuePair, LaunchType, NetworkConfiguration, TaskOverride,
};
use runvoy_core::container::Container;
use runvoy_ports::{LaunchError, LaunchRequest};
use runvoy_wire::agent::{ATTEMPT_VARIABLE, SPOOL_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE};
use secrecy::ExposeSecret as _;
use thiserror::Error;
use tokio::time::timeout;

use super::definition::{self, MAIN, PROJECT_TAG, WORK, tag};
use super::failure::EcsError;
use super::task::Task;
use super::{FargateLauncher, STORAGE_GIB};

/// All tries of a launch together: less than its lease, within which nobody else launches.
const LIMIT: Duration = Duration::from_secs(18);
/// The tag that names the execution.
const EXECUTION_TAG: &str = "runvoy:execution";
/// The capacity provider of Spot.
const SPOT: &str = "FARGATE_SPOT";

/// Why nobody knows whether a task was placed.
#[derive(Debug, Error)]
enum NoAnswer {
    #[error("ECS did not answer within {} seconds", LIMIT.as_secs())]
    Late(#[source] tokio::time::error::Elapsed),
    #[error("ECS named neither a task nor a failure")]
    Empty,
}

impl FargateLauncher {
    /// Runs the attempt's task. The token makes ECS answer a repeated call with the task that is there.
    pub(super) async fn run_task(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        let Some(container) = &request.container else {
            return Err(LaunchError::Impossible(
                "no container was planned for it".to_owned(),
            ));
        };
        match timeout(LIMIT, self.place(request, container)).await {
            Ok(answer) => answer,
            Err(late) => Err(LaunchError::Unknown(Box::new(NoAnswer::Late(late)))),
        }
    }

    async fn place(
        &self,
        request: &LaunchRequest,
        container: &Container,
    ) -> Result<(), LaunchError> {
        match self.ask(request, container).await? {
            Err(error) if error.is_unknown_definition() => {
                self.register(container).await?;
                self.ask(request, container).await?.map_err(refusal)
            }
            answer => answer.map_err(refusal),
        }
    }

    /// The outer error is no error of ECS's, but the end of the matter all the same.
    async fn ask(
        &self,
        request: &LaunchRequest,
        container: &Container,
    ) -> Result<Result<(), EcsError>, LaunchError> {
        let call = self
            .call(request, container)
            .map_err(|error| impossible(&error))?;
        match call.send().await {
            Ok(answer) => judge(&answer).map(Ok),
            Err(error) if was_launched_before(&error) => Ok(Ok(())),
            Err(error) => Ok(Err(EcsError::of(error))),
        }
    }

    async fn register(&self, container: &Container) -> Result<(), LaunchError> {
        let call = definition::registration(&self.ecs, &self.settings, container);
        let call = call.map_err(|error| impossible(&error))?;
        call.send()
            .await
            .map_err(|error| refusal(EcsError::of(error)))?;
        tracing::info!(family = container.definition, "task definition registered");
        Ok(())
    }

    fn call(
        &self,
        request: &LaunchRequest,
        container: &Container,
    ) -> Result<RunTaskFluentBuilder, BuildError> {
        let attempt = request.attempt.to_string();
        let call = self
            .ecs
            .run_task()
            .cluster(&self.settings.cluster)
            .task_definition(&container.definition)
            .count(1)
            .client_token(&attempt)
            .started_by(&attempt)
            .enable_execute_command(false)
            .network_configuration(self.network()?)
            .overrides(self.overrides(request, container))
            .tags(tag(EXECUTION_TAG, request.attempt.execution().as_str()))
            .tags(tag(PROJECT_TAG, &self.settings.project));
        if container.is_spot {
            let spot = CapacityProviderStrategyItem::builder()
                .capacity_provider(SPOT)
                .weight(1);
            return Ok(call.capacity_provider_strategy(spot.build()?));
        }
        Ok(call.launch_type(LaunchType::Fargate))
    }

    fn network(&self) -> Result<NetworkConfiguration, BuildError> {
        let address = if self.settings.assign_public_ip {
            AssignPublicIp::Enabled
        } else {
            AssignPublicIp::Disabled
        };
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(self.settings.subnets.clone()))
            .set_security_groups(Some(self.settings.security_groups.clone()))
            .assign_public_ip(address);
        Ok(NetworkConfiguration::builder()
            .awsvpc_configuration(vpc.build()?)
            .build())
    }

    /// Everybody who may look at tasks reads this: no command, no secret but the token, which is good for one start.
    fn overrides(&self, request: &LaunchRequest, container: &Container) -> TaskOverride {
        let attempt = request.attempt.to_string();
        let variables = [
            (URL_VARIABLE, self.settings.agent_url.as_str()),
            (TOKEN_VARIABLE, request.token.expose_secret()),
            (ATTEMPT_VARIABLE, attempt.as_str()),
            (SPOOL_VARIABLE, WORK),
        ];
        let variables =
            variables.map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
        let main = ContainerOverride::builder()
            .name(MAIN)
            .set_environment(Some(variables.into()));
        let storage = i32::try_from(container.storage_gib).ok();
        let storage = storage.filter(|_| container.storage_gib > STORAGE_GIB);
        TaskOverride::builder()
            .container_overrides(main.build())
            .cpu(container.cpu.units().to_string())
            .memory(container.memory.mib().to_string())
            .set_ephemeral_storage(
                storage.map(|gib| EphemeralStorage::builder().size_in_gib(gib).build()),
            )
            .set_task_role_arn(container.role.clone())
            .execution_role_arn(&self.settings.execution_role)
            .build()
    }
}

/// What ECS's answer means. A task that has stopped is that of an earlier call with the same token: nothing runs.
fn judge(answer: &RunTaskOutput) -> Result<(), LaunchError> {
    let failures: Vec<String> = answer.failures().iter().map(words).collect();
    match answer.tasks().first() {
        Some(task) => match Task::from_sdk(task).filter(Task::is_stopped) {
            Some(stopped) => {
                let words = stopped.words();
                let words = words.unwrap_or_else(|| "its task has stopped".to_owned());
                Err(if stopped.is_without_image() {
                    LaunchError::Impossible(words)
                } else {
                    LaunchError::Refused(words)
                })
            }
            None => Ok(()),
        },
        None if failures.is_empty() => Err(LaunchError::Unknown(Box::new(NoAnswer::Empty))),
        None => Err(LaunchError::Refused(failures.join("; "))),
    }
}

/// Whether ECS has made a task for this token, with other parameters. Where it names none, the token only failed
/// before: it is spent, and the next attempt has another.
fn was_launched_before<R>(error: &SdkError<RunTaskError, R>) -> bool {
    match error.as_service_error() {
        Some(RunTaskError::ConflictException(conflict)) => !conflict.resource_ids().is_empty(),
        _ => false,
    }
}

fn words(failure: &Failure) -> String {
    let words = [failure.reason(), failure.detail()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    words.join(": ")
}

fn refusal(error: EcsError) -> LaunchError {
    if error.is_definite {
        LaunchError::Refused(error.words)
    } else {
        LaunchError::Unknown(Box::new(error))
    }
}

fn impossible(error: &BuildError) -> LaunchError {
    LaunchError::Impossible(format!("the request cannot be made: {error}"))
}
