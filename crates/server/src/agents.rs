//! The listeners that agents call: a Unix socket that nobody else can reach, and a port on the containers' network.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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

/// Answers agents until `stop`, then lets requests under way end.
pub(crate) async fn serve(listener: AgentListener, router: Router, stop: CancellationToken) {
    match listener {
        AgentListener::Unix(listener) => answer(listener, router, Limits::USUAL, stop).await,
        AgentListener::Tcp(listener) => {
            answer(Bounded::new(listener), router, Limits::USUAL, stop).await;
        }
    }
}

/// How long is waited for callers. What runs in a container may call, and means no good.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For the head of a request, also between two of them.
    head: Duration,
    /// For requests under way to end, once the server is told to stop.
    drain: Duration,
}

impl Limits {
    const USUAL: Self = Self {
        head: Duration::from_secs(10),
        drain: Duration::from_secs(3),
    };
}

async fn answer<L: Listener>(
    mut listener: L,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    let (graceful, connections) = (GracefulShutdown::new(), TaskTracker::new());
    let hang_up = CancellationToken::new();
    while let Some((stream, _)) = stop.run_until_cancelled(listener.accept()).await {
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection.into_owned());
        // It outlives this task where that is aborted: the last answer of a command's control plane is under way then.
        connections.spawn(hang_up.clone().run_until_cancelled_owned(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection of an agent broke");
            }
        }));
    }
    drop(listener);
    let drained = tokio::time::timeout(limits.drain, graceful.shutdown()).await;
    if drained.is_err() {
        tracing::debug!("agents that have not ended are hung up on");
    }
    hang_up.cancel();
    connections.close();
    connections.wait().await;
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::task::JoinSet;

    use super::*;

    /// Longer than any test may take.
    const EVER: Duration = Duration::from_hours(1);
    const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
    const QUICK: &[u8] = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n";

    /// A listener, and how it is told to stop.
    async fn answers(limits: Limits) -> (SocketAddr, CancellationToken, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let slow = async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            "answered"
        };
        let router = Router::new()
            .route("/slow", get(slow))
            .route("/quick", get(async || "answered"))
            .route("/never", get(std::future::pending::<()>));
        let stop = CancellationToken::new();
        let answering = answer(Bounded::new(listener), router, limits, stop.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(answering);
        (address, stop, tasks)
    }

    async fn sends(address: SocketAddr, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// All that comes until the other side hangs up.
    async fn hears(mut stream: TcpStream) -> String {
        let mut heard = Vec::new();
        // To be hung up on in the middle is an end like any other.
        let _broken = stream.read_to_end(&mut heard).await;
        String::from_utf8(heard).unwrap()
    }

    /// Fails where it takes for ever.
    async fn soon<T>(future: impl Future<Output = T>) -> T {
        let soon = tokio::time::timeout(Duration::from_secs(20), future);
        soon.await.expect("it ends soon")
    }

    #[tokio::test]
    async fn who_never_finishes_a_head_is_hung_up_on() {
        let head = Duration::from_millis(100);
        let limits = Limits { head, drain: EVER };
        let (address, _stop, _answering) = answers(limits).await;
        let half = sends(address, b"GET /slow HTTP/1.1\r\nHost").await;
        let silent = sends(address, b"").await;
        soon(hears(half)).await;
        soon(hears(silent)).await;
    }

    #[tokio::test]
    async fn an_end_waits_for_answers_under_way() {
        let limits = Limits {
            head: EVER,
            drain: EVER,
        };
        let (address, stop, mut answering) = answers(limits).await;
        // The slower one is under way once a later one is answered.
        let slow = sends(address, SLOW).await;
        let mut quick = sends(address, QUICK).await;
        soon(quick.read_u8()).await.unwrap();
        stop.cancel();
        assert!(soon(hears(slow)).await.ends_with("answered"));
        soon(answering.join_next()).await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn an_end_does_not_wait_for_ever() {
        let drain = Duration::from_millis(100);
        let (address, stop, mut answering) = answers(Limits { head: EVER, drain }).await;
        let half = sends(address, b"GET /slow HTTP/1.1\r\nHost").await;
        let hanging = sends(address, b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
        // Both are there once one that came later is answered.
        let mut quick = sends(address, QUICK).await;
        soon(quick.read_u8()).await.unwrap();
        stop.cancel();
        soon(answering.join_next()).await.unwrap().unwrap();
        assert_eq!(soon(hears(half)).await, "");
        assert_eq!(soon(hears(hanging)).await, "");
    }
}
