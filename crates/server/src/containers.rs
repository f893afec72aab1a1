//! Everything around containers: the engine, their network, the port that agents call, the agent itself.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use runvoy_core::container::{Cpu, ImageRef, Memory};
use runvoy_docker::{DockerLauncher, DockerOptions, Engine, EngineError, Network, RootStyle};
use tokio::net::TcpListener;

use crate::agent_program;
use crate::data_dir::DataDir;
use crate::firewall::Rules;
use crate::hinted::Hinted;
use crate::launchers::Connected;
use crate::marks::EngineName;

/// How long an engine that is just starting is waited for.
const ENGINE_PATIENCE: Duration = Duration::from_secs(30);
/// The same where a person waits.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);
/// How containers of Docker Desktop reach the machine, whose engine is in a machine of its own.
const DESKTOP_HOST: &str = "host.docker.internal";

/// How containers are made, as the operator says it.
#[derive(Debug, Clone, Default)]
pub struct ContainerOptions {
    /// Where the engine listens, as `DOCKER_HOST` has it; the usual socket where unset.
    pub docker_host: Option<String>,
    /// The image where a run names none.
    pub default_image: Option<ImageRef>,
    /// Processor time where a run names none.
    pub cpu: Option<Cpu>,
    /// Memory where a run names none.
    pub memory: Option<Memory>,
    /// How many processes and threads a container may have.
    pub pids_limit: Option<u32>,
    /// Containers may not write to their image's files.
    pub read_only_root: bool,
    /// Containers may ask the cloud for the machine's own credentials.
    pub allow_metadata: bool,
}

/// Which control plane asks. Each has a network of its own, so that the firewall of one is not the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    Server,
    Local,
}

impl Plane {
    fn purpose(self) -> &'static str {
        match self {
            Self::Server => "runvoy containers of a server v1",
            Self::Local => "runvoy containers of a command line v1",
        }
    }

    fn patience(self) -> Duration {
        match self {
            Self::Server => ENGINE_PATIENCE,
            Self::Local => SHORT_PATIENCE,
        }
    }

    /// What can be done without an engine.
    fn instead(self) -> &'static str {
        match self {
            Self::Server => {
                "or run commands as plain processes, with the server's own rights:  runvoy server --unsafe-process-launcher"
            }
            Self::Local => {
                "or run it as a process of this machine:  the same command without --image"
            }
        }
    }
}

/// What is there once containers can be launched.
#[derive(Debug)]
pub(crate) struct Containers {
    /// Launches them.
    pub(crate) launcher: DockerLauncher,
    /// Where their agents call.
    pub(crate) listener: TcpListener,
    /// What a firewall would have to let through.
    pub(crate) rules: Rules,
    /// Which engine it is.
    pub(crate) engine: EngineName,
}

/// Finds the engine, makes the network where it is not there, takes the port.
pub(crate) async fn open(
    options: &ContainerOptions,
    plane: Plane,
    data: &DataDir,
    executable: &Path,
) -> anyhow::Result<Containers> {
    let hinted = |error| with_hints(error, plane);
    let host = options.docker_host.as_deref();
    let engine = Engine::connect_patiently(host, plane.patience()).await;
    let engine = engine.map_err(hinted)?;
    let agent = agent_program::find(engine.architecture(), executable, data.path())?;
    let stack = data.stack_name(plane.purpose())?;
    let network = engine.network(&stack).await.map_err(hinted)?;
    let (listener, agent_url) = match plane {
        Plane::Server => listen_on_kept_port(&network, data).await?,
        Plane::Local => listen(&network, 0).await?,
    };
    let rules = Rules {
        stack: stack.clone(),
        bridge: network.bridge.clone(),
        agents: listener.local_addr()?,
        allows_metadata: options.allow_metadata,
    };
    let name = name(&engine);
    let launcher = DockerLauncher::new(
        engine,
        DockerOptions {
            agent_url,
            agent: match agent {
                std::borrow::Cow::Borrowed(agent) => Bytes::from_static(agent),
                std::borrow::Cow::Owned(agent) => Bytes::from(agent),
            },
            ..docker_options(options, stack, network)
        },
    );
    Ok(Containers {
        launcher,
        listener,
        rules,
        engine: name,
    })
}

/// A launcher that can say what became of an engine's containers, and remove them, but launches none.
pub(crate) async fn look_after(
    options: &ContainerOptions,
    plane: Plane,
    data: &DataDir,
    address: &str,
) -> anyhow::Result<Connected> {
    let engine = Engine::connect(Some(address)).await?;
    let name = name(&engine);
    let stack = data.stack_name(plane.purpose())?;
    // Nothing is launched into it.
    let network = Network {
        name: format!("runvoy-{stack}"),
        bridge: String::new(),
        gateway: std::net::Ipv4Addr::UNSPECIFIED.into(),
        subnet: String::new(),
    };
    let options = docker_options(options, stack, network);
    Ok(Connected {
        launcher: Arc::new(DockerLauncher::new(engine, options)),
        engine: name,
    })
}

fn name(engine: &Engine) -> EngineName {
    EngineName {
        id: engine.id().to_owned(),
        address: engine.address(),
    }
}

fn docker_options(options: &ContainerOptions, stack: String, network: Network) -> DockerOptions {
    DockerOptions {
        stack,
        network,
        agent_url: String::new(),
        agent: Bytes::new(),
        default_image: options.default_image.clone(),
        cpu: options.cpu.unwrap_or(DockerOptions::CPU),
        memory: options.memory.unwrap_or(DockerOptions::MEMORY),
        pids_limit: options.pids_limit.unwrap_or(DockerOptions::PIDS_LIMIT),
        root: if options.read_only_root {
            RootStyle::ReadOnly
        } else {
            RootStyle::Writable
        },
        docker_config: DockerOptions::usual_docker_config(),
    }
}

fn with_hints(error: EngineError, plane: Plane) -> Hinted {
    let mut hinted = Hinted::new("commands cannot run in containers");
    if let Some(hint) = error.hint() {
        hinted = hinted.hint(hint);
    }
    hinted.hint(plane.instead()).because(error)
}

/// The port of the last time, so that what has been running since then finds this server.
async fn listen_on_kept_port(
    network: &Network,
    data: &DataDir,
) -> anyhow::Result<(TcpListener, String)> {
    if let Some(port) = data.agent_port()? {
        return listen(network, port).await.with_context(|| {
            format!(
                "containers call port {port}, which cannot be taken; stop what uses it, or remove {} if no run is open",
                data.path().join("agent.port").display()
            )
        });
    }
    let (listener, url) = listen(network, 0).await?;
    data.keep_agent_port(listener.local_addr()?.port())?;
    Ok((listener, url))
}

/// A listener at the network's gateway, and the address at which containers find it.
async fn listen(network: &Network, port: u16) -> anyhow::Result<(TcpListener, String)> {
    let gateway = SocketAddr::new(network.gateway, port);
    match TcpListener::bind(gateway).await {
        Ok(listener) => {
            let url = format!("http://{}", listener.local_addr()?);
            Ok((listener, url))
        }
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            if cfg!(target_os = "macos") {
                let listener = TcpListener::bind(("127.0.0.1", port)).await?;
                let port = listener.local_addr()?.port();
                return Ok((listener, format!("http://{DESKTOP_HOST}:{port}")));
            }
            Err(elsewhere(network, error).into())
        }
        Err(error) => {
            Err(error).with_context(|| format!("the address {gateway} cannot be listened on"))
        }
    }
}

fn elsewhere(network: &Network, error: io::Error) -> Hinted {
    Hinted::new(format!(
        "the gateway {} of the containers' network {} is not on this machine",
        network.gateway, network.name
    ))
    .because(error)
    .hint("use the Docker Engine of this very machine: one elsewhere, a rootless one, or one from inside a container")
    .hint("without its host's network (docker run --network host) has its networks where this program cannot listen")
}
