//! The task definition: one for each image and agent. Everything else is said at each launch.

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::types::{
    Compatibility, ContainerCondition, ContainerDefinition, ContainerDependency, CpuArchitecture,
    LogConfiguration, LogDriver, MountPoint, NetworkMode, OsFamily, RuntimePlatform, Tag, Volume,
};
use runvoy_core::container::{Architecture, Container, ImageRef};
use sha2::{Digest as _, Sha256};

use super::FargateSettings;

/// What the definition means; another number makes other families.
const FORMAT: &str = "1";
/// The size of the definition itself: each launch says its own.
const SIZE: (&str, &str) = ("256", "512");
/// The container of the command.
pub(super) const MAIN: &str = "main";
/// The container that brings the agent.
pub(super) const COPIER: &str = "copier";
/// First part of the names of log streams: `run/{container}/{task id}`.
pub(super) const STREAM_PREFIX: &str = "run";
/// What both containers see of each other.
const VOLUME: &str = "runvoy";
/// Where they see it.
const MOUNT: &str = "/.runvoy";
/// Where the command runs unless told otherwise; everybody may write there.
pub(super) const WORK: &str = "/.runvoy/work";
/// The agent in the agent's image.
const AGENT_IN_IMAGE: &str = "/runvoy-agent";
/// The agent where the copier puts it.
const AGENT: &str = "/.runvoy/agent";
/// Seconds between ECS's TERM and its KILL: the most that Fargate has.
const STOP_TIMEOUT: i32 = 120;
/// The tag that tells deployments apart.
pub(super) const PROJECT_TAG: &str = "runvoy:project";

/// The name of the definition for an image: the same for the same content, so that it is found again.
pub(super) fn family(settings: &FargateSettings, image: &ImageRef) -> String {
    let content = [
        image.as_str(),
        settings.architecture.as_str(),
        &settings.agent_image,
        &settings.task_log_group,
        &settings.execution_role,
        SIZE.0,
        SIZE.1,
        FORMAT,
    ];
    let digest = Sha256::digest(content.join("\n"));
    let half = digest
        .iter()
        .take(16)
        .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{}-{half:032x}", settings.project)
}

/// The request that registers the container's definition. It holds nothing of an execution, so two that race make the
/// same revision twice.
pub(super) fn registration(
    client: &aws_sdk_ecs::Client,
    settings: &FargateSettings,
    container: &Container,
) -> Result<RegisterTaskDefinitionFluentBuilder, BuildError> {
    let platform = RuntimePlatform::builder()
        .cpu_architecture(match container.architecture {
            Architecture::Arm64 => CpuArchitecture::Arm64,
            Architecture::X86 => CpuArchitecture::X8664,
        })
        .operating_system_family(OsFamily::Linux);
    Ok(client
        .register_task_definition()
        .family(&container.definition)
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .runtime_platform(platform.build())
        .cpu(SIZE.0)
        .memory(SIZE.1)
        .execution_role_arn(&settings.execution_role)
        .volumes(Volume::builder().name(VOLUME).build())
        .container_definitions(copier(settings)?)
        .container_definitions(main(settings, container)?)
        .tags(tag(PROJECT_TAG, &settings.project)))
}

/// A tag.
pub(super) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn copier(settings: &FargateSettings) -> Result<ContainerDefinition, BuildError> {
    Ok(ContainerDefinition::builder()
        .name(COPIER)
        .image(&settings.agent_image)
        .essential(false)
        .entry_point(AGENT_IN_IMAGE)
        .set_command(Some(vec!["install".to_owned(), MOUNT.to_owned()]))
        .mount_points(mount())
        .log_configuration(log(settings)?)
        .build())
}

fn main(
    settings: &FargateSettings,
    container: &Container,
) -> Result<ContainerDefinition, BuildError> {
    let after_copier = ContainerDependency::builder()
        .container_name(COPIER)
        .condition(ContainerCondition::Success)
        .build()?;
    Ok(ContainerDefinition::builder()
        .name(MAIN)
        .image(container.image.as_str())
        .essential(true)
        .depends_on(after_copier)
        .entry_point(AGENT)
        .command("exec")
        .working_directory(WORK)
        .mount_points(mount())
        .stop_timeout(STOP_TIMEOUT)
        .log_configuration(log(settings)?)
        .build())
}

fn mount() -> MountPoint {
    MountPoint::builder()
        .source_volume(VOLUME)
        .container_path(MOUNT)
        .read_only(false)
        .build()
}

/// Blocking: what the agent writes is a copy of the log that must not lose lines while there is any way to keep them.
fn log(settings: &FargateSettings) -> Result<LogConfiguration, BuildError> {
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", &settings.task_log_group)
        .options("awslogs-region", &settings.region)
        .options("awslogs-stream-prefix", STREAM_PREFIX)
        .options("mode", "blocking")
        .build()
}
