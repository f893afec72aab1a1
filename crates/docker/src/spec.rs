//! What a container is asked for.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, RestartPolicy, RestartPolicyNameEnum,
};
use runvoy_core::container::Container;
use runvoy_core::id::AttemptId;
use runvoy_wire::agent::{
    ATTEMPT_VARIABLE, PLACE_VARIABLE, SPOOL_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::attempt;
use crate::options::{ATTEMPT_LABEL, DockerOptions, EXECUTION_LABEL, RootStyle, STACK_LABEL};

/// Where the agent's volume lies in every container.
pub(crate) const AGENT_DIR: &str = "/.runvoy/bin";
/// The agent there.
pub(crate) const AGENT: &str = "/.runvoy/bin/runvoy-agent";
/// What it is called in its volume.
pub(crate) const PROGRAM: &str = "runvoy-agent";
/// Where the container's own volume lies.
pub(crate) const RUN_DIR: &str = "/.runvoy/run";
/// The directory in it that commands begin in.
pub(crate) const WORK: &str = "work";

/// What is left of root's rights: what package managers and servers need on their own files and processes.
const CAPABILITIES: [&str; 8] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
];
/// The second copy of the log must be whole, whatever the engine's defaults are; the agent bounds it itself.
const LOG_OPTIONS: [(&str, &str); 4] = [
    ("max-size", "1000g"),
    ("max-file", "1"),
    ("compress", "false"),
    ("mode", "blocking"),
];
/// Bytes in a mebibyte.
const MIB: i64 = 1024 * 1024;
/// Billionths of a processor, and units of processor time in it.
const NANOS_PER_CPU: i64 = 1_000_000_000;
const UNITS_PER_CPU: i64 = 1024;

/// What is to be placed.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) attempt: AttemptId,
    pub(crate) token: SecretString,
    pub(crate) container: Container,
}

/// The container of an order. The image's own entry point and command are not used, nor its health check.
pub(crate) fn body(
    order: &Order,
    options: &DockerOptions,
    engine: &str,
    agent: Mount,
) -> ContainerCreateBody {
    let work = format!("{RUN_DIR}/{WORK}");
    let environment = [
        (URL_VARIABLE, options.agent_url.clone()),
        (TOKEN_VARIABLE, order.token.expose_secret().to_owned()),
        (ATTEMPT_VARIABLE, order.attempt.to_string()),
        (PLACE_VARIABLE, attempt::place(engine, &order.attempt)),
        (SPOOL_VARIABLE, work.clone()),
    ];
    let environment = environment.map(|(name, value)| format!("{name}={value}"));
    ContainerCreateBody {
        image: Some(order.container.image.to_string()),
        entrypoint: Some(vec![AGENT.to_owned(), "exec".to_owned()]),
        cmd: Some(Vec::new()),
        env: Some(environment.into()),
        labels: Some(labels(&order.attempt, options)),
        working_dir: Some(work),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        // An engine that shuts down asks the agent to end, whatever the image would be asked with.
        stop_signal: Some("SIGTERM".to_owned()),
        host_config: Some(host_config(order, options, agent)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(order: &Order, options: &DockerOptions, agent: Mount) -> HostConfig {
    let memory = i64::from(order.container.memory.mib()) * MIB;
    let is_read_only = options.root == RootStyle::ReadOnly;
    HostConfig {
        memory: Some(memory),
        // The same: no swap.
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(order.container.cpu.units()) * NANOS_PER_CPU / UNITS_PER_CPU),
        pids_limit: Some(i64::from(options.pids_limit)),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(CAPABILITIES.map(str::to_owned).into()),
        privileged: Some(false),
        init: Some(false),
        oom_kill_disable: Some(false),
        network_mode: Some(options.network.name.clone()),
        readonly_rootfs: Some(is_read_only),
        tmpfs: is_read_only.then(|| owned([("/tmp", "rw,nosuid,nodev,mode=1777".to_owned())])),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(owned(
                LOG_OPTIONS.map(|(name, value)| (name, value.to_owned())),
            )),
        }),
        mounts: Some(vec![agent, run_mount(&order.attempt, options)]),
        ..HostConfig::default()
    }
}

/// A volume with a name can be found though somebody has removed its container. The engine makes the working directory
/// in it, owned by root.
fn run_mount(attempt: &AttemptId, options: &DockerOptions) -> Mount {
    Mount {
        target: Some(RUN_DIR.to_owned()),
        source: Some(attempt::volume(attempt)),
        typ: Some(MountType::VOLUME),
        volume_options: Some(MountVolumeOptions {
            labels: Some(labels(attempt, options)),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

fn labels(attempt: &AttemptId, options: &DockerOptions) -> HashMap<String, String> {
    owned([
        (STACK_LABEL, options.stack.clone()),
        (EXECUTION_LABEL, attempt.execution().to_string()),
        (ATTEMPT_LABEL, attempt.to_string()),
    ])
}

fn owned<const N: usize>(pairs: [(&str, String); N]) -> HashMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}
