//! How containers are made.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use runvoy_core::container::{Cpu, ImageRef, Memory};

use crate::network::Network;

/// Which control plane something belongs to.
pub(crate) const STACK_LABEL: &str = "runvoy.stack";
/// Which execution.
pub(crate) const EXECUTION_LABEL: &str = "runvoy.execution";
/// Which attempt.
pub(crate) const ATTEMPT_LABEL: &str = "runvoy.attempt";
/// Which agent a volume holds.
pub(crate) const AGENT_LABEL: &str = "runvoy.agent";

/// Whether containers may write to their image's files; their working directory they always may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RootStyle {
    /// They may; it is gone with the container.
    #[default]
    Writable,
    /// They may not, but for `/tmp`.
    ReadOnly,
}

/// How the containers of a control plane are made.
#[derive(Debug, Clone)]
pub struct DockerOptions {
    /// Which control plane: 8 hex digits.
    pub stack: String,
    /// Its network.
    pub network: Network,
    /// Where agents find it.
    pub agent_url: String,
    /// The agent, a static program for the engine's machine.
    pub agent: Bytes,
    /// The image where none is asked for.
    pub default_image: Option<ImageRef>,
    /// Processor time where none is asked for.
    pub cpu: Cpu,
    /// Memory where none is asked for.
    pub memory: Memory,
    /// How many processes and threads a container may have.
    pub pids_limit: u32,
    /// Whether it may write to its image's files.
    pub root: RootStyle,
    /// The directory of Docker's `config.json`, which has the registries' credentials; `None` where nobody has one.
    pub docker_config: Option<PathBuf>,
}

impl DockerOptions {
    /// Processor time that suits most commands.
    pub const CPU: Cpu = Cpu::from_units(1024);
    /// Memory that suits most commands.
    pub const MEMORY: Memory = Memory::from_mib(2048);
    /// Processes that suit most commands.
    pub const PIDS_LIMIT: u32 = 1024;

    /// Where Docker's own command line looks for `config.json`: `DOCKER_CONFIG`, or `.docker` in the home.
    #[expect(
        clippy::disallowed_methods,
        reason = "where Docker's own tools look; no setting of runvoy's"
    )]
    pub fn usual_docker_config() -> Option<PathBuf> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let named = variable("DOCKER_CONFIG").map(PathBuf::from);
        named.or_else(|| Some(Path::new(&variable("HOME")?).join(".docker")))
    }
}
