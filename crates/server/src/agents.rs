//! The listeners that agents call: a Unix socket that nobody else can reach, and a port on the containers' network.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use crate::bounded::Bounded;

/// Where agents call.
#[derive(Debug)]
pub(crate) enum AgentListener {
    /// For processes of this machine.
    Unix(UnixListener),
    /// For containers.
    Tcp(TcpListener),
}

/// Takes the socket at `path`; one that a dead server left is replaced.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The socket that the service manager keeps over restarts and hands on, if it does (`sd_listen_fds(3)`).
pub(crate) fn inherited() -> io::Result<Option<UnixListener>> {
    let mut handed_on = listenfd::ListenFd::from_env();
    let Some(listener) = handed_on.take_unix_listener(0)? else {
        return Ok(None);
    };
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener).map(Some)
}

/// Answers agents until `stop`.
pub(crate) async fn serve(listener: AgentListener, router: Router, stop: CancellationToken) {
    let stopped = stop.cancelled_owned();
    let served = match listener {
        AgentListener::Unix(listener) => {
            let serving = axum::serve(listener, router);
            serving.with_graceful_shutdown(stopped).await
        }
        AgentListener::Tcp(listener) => {
            let serving = axum::serve(Bounded::new(listener), router);
            serving.with_graceful_shutdown(stopped).await
        }
    };
    if let Err(error) = served {
        tracing::error!(%error, "agents are no longer answered");
    }
}
