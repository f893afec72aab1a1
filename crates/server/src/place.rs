//! Where a server's commands run, and where their agents call.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use runvoy_core::command::quote;
use runvoy_core::error::chain;
use runvoy_docker::DockerLauncher;
use runvoy_process::{Home, Options};
use tokio::net::UnixListener;

use crate::agents::{self, AgentListener};
use crate::compose;
use crate::containers::{self, Containers, Plane};
use crate::data_dir::DataDir;
use crate::firewall::{Firewall, Rules};
use crate::launchers::{Launchers, Launches};
use crate::options::ServerOptions;

/// What a server has to run commands.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) launchers: Launchers,
    pub(crate) listeners: Vec<AgentListener>,
    /// None where commands run as plain processes.
    pub(crate) containers: Option<Docker>,
}

/// What a server of containers has beside.
#[derive(Debug)]
pub(crate) struct Docker {
    pub(crate) launcher: DockerLauncher,
    /// What containers may reach.
    pub(crate) rules: Rules,
}

/// Finds the engine, unless commands are to run as plain processes, and takes the listeners.
pub(crate) async fn open(options: &ServerOptions, data: &DataDir) -> anyhow::Result<Place> {
    // Agents that are processes of an earlier server report here whatever this one launches.
    let (socket, path) = unix_listener(data)?;
    let launchers = compose::launchers(
        data,
        Plane::Server,
        &options.containers,
        processes(options, data, &path),
        None,
    );
    if options.unsafe_process_launcher {
        return Ok(Place {
            launchers,
            listeners: vec![AgentListener::Unix(socket)],
            containers: None,
        });
    }
    let Containers {
        launcher,
        listener,
        rules,
        engine,
    } = containers::open(
        &options.containers,
        Plane::Server,
        data,
        &options.executable,
    )
    .await?;
    tracing::info!(engine = engine.address, bridge = rules.bridge, agents = %rules.agents, "commands run in containers");
    Ok(Place {
        launchers: launchers.launching(Launches::Containers, launcher.clone(), engine),
        listeners: vec![AgentListener::Tcp(listener), AgentListener::Unix(socket)],
        containers: Some(Docker { launcher, rules }),
    })
}

/// The socket for processes, and where it lies: an inherited one may lie elsewhere.
fn unix_listener(data: &DataDir) -> anyhow::Result<(UnixListener, PathBuf)> {
    let path = data.socket("agent.sock")?;
    let Some(listener) = agents::inherited()? else {
        let listener = agents::bind(&path)
            .with_context(|| format!("{} cannot be listened on", path.display()))?;
        return Ok((listener, path));
    };
    let bound = listener.local_addr()?.as_pathname().map(Path::to_owned);
    Ok((listener, bound.unwrap_or(path)))
}

fn processes(options: &ServerOptions, data: &DataDir, socket: &Path) -> Options {
    let variable = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    Options {
        executable: options.executable.clone(),
        runs: data.runs(),
        agent_url: format!("unix:{}", socket.display()),
        environment: vec![
            variable("PATH", &options.path),
            variable("LANG", &options.lang),
        ],
        home: Home::OfTheRun,
        owner_lock: None,
    }
}

/// Closes the host to containers, or says once that it is open and how to close it.
pub(crate) fn close_the_host(rules: &Rules, data: &DataDir) -> Option<Firewall> {
    let error = match Firewall::put(rules.clone()) {
        Ok(firewall) => return Some(firewall),
        Err(error) => error,
    };
    let file = data.path().join("firewall.nft");
    let what_to_type = match fs::write(&file, rules.text()) {
        Ok(()) => format!(
            "sudo nft -f {} (again after each start of this machine, and when the file has changed)",
            quote(&file.to_string_lossy())
        ),
        Err(_) => "start the server as root, with nftables installed".to_owned(),
    };
    tracing::warn!(
        why = %chain(&error),
        close_it_with = %what_to_type,
        "no firewall: containers reach every port of this machine that listens on more than the loopback, \
         and on a cloud's machine its credentials"
    );
    None
}
