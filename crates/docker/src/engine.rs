//! The engine: where it is, and what it can do.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use http::HeaderValue;
use runvoy_core::container::{Architecture, Memory};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use crate::address::Address;
use crate::call::CallError;

/// How long a call may take that only looks or tells, in seconds.
const CALL_SECONDS: u64 = 10;
/// How long one may take that makes, starts or removes something.
const WORK_LIMIT: Duration = Duration::from_mins(1);
/// How long the first try to connect may take, however short the patience is.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
/// The oldest API that has all that is needed here (Docker 19.03).
const OLDEST_API: (usize, usize) = (1, 40);
/// Time between two looks for an engine that is just starting.
const START_PAUSE: Duration = Duration::from_millis(200);
/// The header with a registry's credentials.
const REGISTRY_AUTH: &str = "x-registry-auth";

/// Why there is no engine to work with.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The address is of a kind that is not supported.
    #[error(
        "{0:?} is no address of a Docker Engine that can be used: it must begin with unix://, tcp:// or http://"
    )]
    Address(String),
    /// There is no socket.
    #[error("no Docker Engine found: there is no {0}")]
    NoSocket(String),
    /// The socket is there, and not for this user.
    #[error("no permission to use the Docker Engine at {0}")]
    NoPermission(String),
    /// Nobody answers.
    #[error("the Docker Engine at {address} does not answer")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// Why nobody answers.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is too old, or something else.
    #[error(
        "the Docker Engine at {address} is too old: its API is {api}, and 1.40 (Docker 19.03) is needed"
    )]
    TooOld {
        /// Where it is.
        address: String,
        /// The newest API that it speaks.
        api: String,
    },
    /// No agent runs on its processor.
    #[error("the Docker Engine runs on {0}, for which there is no agent")]
    Architecture(String),
    /// The network could not be had.
    #[error("the network {name} cannot be had: {why}")]
    Network {
        /// Which network.
        name: String,
        /// In the engine's words.
        why: String,
    },
}

impl EngineError {
    /// Whether it may only be starting.
    pub fn is_starting(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// What can be done about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Address(_) => None,
            Self::NoSocket(_) | Self::Unreachable { .. } => {
                Some("start Docker, or say where it listens with DOCKER_HOST")
            }
            Self::NoPermission(_) => Some(
                "become a member of the group docker (sudo usermod -aG docker \"$USER\", then log in again), or root",
            ),
            Self::TooOld { .. } => Some("update Docker"),
            Self::Architecture(_) => Some("use an engine on x86_64 or arm64"),
            Self::Network { .. } => Some(
                "look at docker network ls; docker network prune removes those that nobody uses",
            ),
        }
    }
}

/// A Docker Engine that has answered once. Clones share all.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    facts: Arc<Facts>,
}

/// What an engine says of itself.
#[derive(Debug)]
struct Facts {
    address: Address,
    id: String,
    architecture: Architecture,
    cpus: u32,
    memory: Memory,
}

impl Engine {
    /// The engine at `host`, an address as `DOCKER_HOST` has it; without one, at the first of the usual sockets that is there.
    pub async fn connect(host: Option<&str>) -> Result<Self, EngineError> {
        Self::connect_to(find(host)?).await
    }

    async fn connect_to(address: Address) -> Result<Self, EngineError> {
        let docker = client(&address)?;
        let unreachable = |error| unreachable(&address, error);
        let docker = docker.negotiate_version().await.map_err(unreachable)?;
        let version = docker.client_version();
        if (version.major_version, version.minor_version) < OLDEST_API {
            return Err(EngineError::TooOld {
                address: address.to_string(),
                api: version.to_string(),
            });
        }
        let info = docker.info().await.map_err(unreachable)?;
        let machine = info.architecture.unwrap_or_default();
        let architecture =
            architecture(&machine).ok_or_else(|| EngineError::Architecture(machine.clone()))?;
        let mib = info.mem_total.unwrap_or_default() / (1024 * 1024);
        let facts = Facts {
            address,
            id: info.id.unwrap_or_default(),
            architecture,
            cpus: info
                .ncpu
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(1)
                .max(1),
            memory: Memory::from_mib(u32::try_from(mib).unwrap_or(u32::MAX)),
        };
        Ok(Self {
            docker,
            facts: Arc::new(facts),
        })
    }

    /// The same, and where nobody answers yet, asks again for so long.
    pub async fn connect_patiently(
        host: Option<&str>,
        patience: Duration,
    ) -> Result<Self, EngineError> {
        let deadline = Instant::now() + patience;
        let limit = deadline.max(Instant::now() + LEAST_PATIENCE);
        loop {
            let address = find(host)?;
            let late = |_| EngineError::Unreachable {
                address: address.to_string(),
                source: bollard::errors::Error::RequestTimeoutError.into(),
            };
            let connected = timeout_at(limit, Self::connect_to(address.clone())).await;
            match connected.unwrap_or_else(|elapsed| Err(late(elapsed))) {
                Err(error) if error.is_starting() && Instant::now() < deadline => {
                    sleep(START_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    /// Its identity, which stays over restarts.
    pub fn id(&self) -> &str {
        &self.facts.id
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.facts.address.to_string()
    }

    /// The instruction set of its machine.
    pub fn architecture(&self) -> Architecture {
        self.facts.architecture
    }

    /// How many processors its machine has.
    pub fn cpus(&self) -> u32 {
        self.facts.cpus
    }

    /// How much memory its machine has.
    pub fn memory(&self) -> Memory {
        self.facts.memory
    }

    /// For calls that only look or tell.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// For calls that make, start or remove something.
    pub(crate) fn worker(&self) -> Docker {
        self.docker.clone().with_timeout(WORK_LIMIT)
    }

    /// Whether who answers is still the engine that was connected to: another one knows nothing of its containers.
    pub(crate) async fn is_same(&self) -> Result<bool, CallError> {
        let info = self.docker.info().await?;
        Ok(info.id.unwrap_or_default() == self.facts.id)
    }
}

fn find(host: Option<&str>) -> Result<Address, EngineError> {
    match host.filter(|host| !host.trim().is_empty()) {
        Some(host) => Address::parse(host).map_err(EngineError::Address),
        None => usual(),
    }
}

fn usual() -> Result<Address, EngineError> {
    let sockets = Address::usual();
    // One that may not be looked at is there all the same.
    let is_there = |path: &PathBuf| path.try_exists().unwrap_or(true);
    if let Some(path) = sockets.iter().find(|path| is_there(path)) {
        return Ok(Address::Unix(path.clone()));
    }
    let looked = sockets.iter().map(|path| path.display().to_string());
    let looked: Vec<_> = looked.collect();
    Err(EngineError::NoSocket(looked.join(" and no ")))
}

fn client(address: &Address) -> Result<Docker, EngineError> {
    let connected = match address {
        Address::Unix(path) => {
            let path = path.display().to_string();
            if matches!(PathBuf::from(&path).try_exists(), Ok(false)) {
                return Err(EngineError::NoSocket(path));
            }
            Docker::connect_with_unix(&path, CALL_SECONDS, API_DEFAULT_VERSION)
        }
        Address::Http(host) => Docker::connect_with_http(host, CALL_SECONDS, API_DEFAULT_VERSION),
    };
    let docker = connected.map_err(|error| unreachable(address, error))?;
    Ok(docker.with_request_modifier(|mut request| {
        // The client writes credentials in the standard base64, and the engine reads the one for addresses.
        if let Some(value) = request.headers_mut().get_mut(REGISTRY_AUTH)
            && let Ok(text) = value.to_str()
            && let Ok(safe) = HeaderValue::from_str(&text.replace('+', "-").replace('/', "_"))
        {
            *value = safe;
        }
        request
    }))
}

fn unreachable(address: &Address, error: bollard::errors::Error) -> EngineError {
    if is_denied(&error) {
        return EngineError::NoPermission(address.to_string());
    }
    let source = match CallError::from(error) {
        CallError::Silence(error) => error.into(),
        answer @ (CallError::Answer { .. } | CallError::Unusable(_)) => answer.into(),
    };
    EngineError::Unreachable {
        address: address.to_string(),
        source,
    }
}

fn is_denied(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        next = error.source();
    }
    false
}

fn architecture(machine: &str) -> Option<Architecture> {
    match machine {
        "x86_64" | "amd64" => Some(Architecture::X86),
        "aarch64" | "arm64" => Some(Architecture::Arm64),
        _ => None,
    }
}
