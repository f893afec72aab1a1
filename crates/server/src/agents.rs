//! The listener that agents of this machine call: a Unix socket that nobody else can reach.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use axum::Router;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

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
pub(crate) async fn serve(listener: UnixListener, router: Router, stop: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "agents are no longer answered");
    }
}
