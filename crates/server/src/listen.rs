//! The listener that people's clients call.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio_util::sync::CancellationToken;

/// How long a client may take over the head of a request.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// How long requests under way may take to end once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(3);

/// Takes the address, before anything else is done that would be in vain.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "the address {address} is in use; stop what uses it, or choose another with --listen"
        ),
        io::ErrorKind::PermissionDenied => anyhow::anyhow!(
            "the address {address} may not be used by this user; choose a port above 1023 with --listen"
        ),
        _ => anyhow::Error::new(error).context(format!("the address {address} cannot be listened on")),
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Refuses to speak plain HTTP to a network.
pub(crate) fn check(address: SocketAddr, has_tls: bool, behind_proxy: bool) -> anyhow::Result<()> {
    if address.ip().is_loopback() || has_tls || behind_proxy {
        return Ok(());
    }
    bail!(
        "{address} can be reached from elsewhere, and API keys would travel in clear; give --tls-cert and --tls-key, \
         or --behind-proxy where a proxy in front of it speaks TLS"
    )
}

/// Reads certificate and key, where TLS is wanted.
pub(crate) async fn tls(
    files: Option<&(PathBuf, PathBuf)>,
) -> anyhow::Result<Option<RustlsConfig>> {
    let Some((certificate, key)) = files else {
        return Ok(None);
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // Installed twice it stays the same one.
    let _installed_before =
        rustls::crypto::CryptoProvider::install_default(provider.as_ref().clone());
    let config = RustlsConfig::from_pem_file(certificate, key)
        .await
        .with_context(|| {
            format!(
                "{} and {} cannot be used for TLS",
                certificate.display(),
                key.display()
            )
        })?;
    Ok(Some(config))
}

/// Answers people until `stop`, then lets requests under way end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let handle = Handle::new();
    let watched = handle.clone();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = async {
        if let Some(config) = tls {
            let mut server = axum_server::from_tcp_rustls(listener, config)?.handle(handle);
            limit_headers(server.http_builder());
            return server.serve(service).await;
        }
        let mut server = axum_server::from_tcp(listener)?.handle(handle);
        limit_headers(server.http_builder());
        server.serve(service).await
    };
    let stopping = async {
        stop.cancelled().await;
        watched.graceful_shutdown(Some(DRAIN));
    };
    tokio::join!(serving, stopping).0
}

/// A client that never finishes its request's head is hung up on.
fn limit_headers(builder: &mut Builder<TokioExecutor>) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT);
}
