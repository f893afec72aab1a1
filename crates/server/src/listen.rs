//! The listener that people's clients call.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::door::{Bounds, Door};

/// How long a client may take over a TLS handshake, and then over the head of each request, from when it could begin.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// How much of a request that is not read yet is kept, and with it the longest head.
const BUFFER: usize = 64 * 1024;
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
    Ok(Some(http1_only(&config)))
}

/// The same, but no client is told that it may speak HTTP/2.
fn http1_only(config: &RustlsConfig) -> RustlsConfig {
    let mut inner = ServerConfig::clone(&config.get_inner());
    inner.alpn_protocols = vec![b"http/1.1".to_vec()];
    RustlsConfig::from_config(Arc::new(inner))
}

/// Answers people until `stop`, then lets requests under way end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    bounds: Bounds,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let handle = Handle::new();
    let watched = handle.clone();
    let door = Door::new(bounds);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = async {
        if let Some(config) = tls {
            let server = axum_server::from_tcp_rustls(listener, config)?
                .map(|tls| tls.handshake_timeout(HEADER_LIMIT).acceptor(door));
            return limited(server).handle(handle).serve(service).await;
        }
        let server = axum_server::from_tcp(listener)?.acceptor(door);
        limited(server).handle(handle).serve(service).await
    };
    let stopping = async {
        stop.cancelled().await;
        watched.graceful_shutdown(Some(DRAIN));
    };
    tokio::join!(serving, stopping).0
}

/// Hangs up on a client that does not send a request's head, be it the first or another.
///
/// HTTP/1 alone: nothing here needs HTTP/2, and where both are spoken no time limit holds until a client has chosen.
fn limited<A>(server: Server<SocketAddr, A>) -> Server<SocketAddr, A> {
    let mut server = server.http1_only();
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(BUFFER);
    server
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use rustls::crypto::aws_lc_rs;
    use rustls::server::ResolvesServerCertUsingSni;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::task::JoinSet;
    use tokio::time::{Instant, timeout};

    use super::*;

    const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nhost: here\r\n\r\n";

    /// A server for as long as the set lives.
    fn serving(serving: &mut JoinSet<io::Result<()>>, tls: Option<RustlsConfig>) -> SocketAddr {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/health", get(async || "well"));
        let bounds = Bounds::of_people(16, false);
        serving.spawn(serve(
            listener,
            tls,
            bounds,
            router,
            CancellationToken::new(),
        ));
        address
    }

    /// TLS with a certificate for nobody.
    fn without_certificate() -> RustlsConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        RustlsConfig::from_config(Arc::new(config))
    }

    /// Says something and then nothing; answers what came until the server hung up.
    async fn until_hung_up(address: SocketAddr, said: &[u8]) -> String {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let _end = timeout(2 * HEADER_LIMIT, reading)
            .await
            .unwrap_or_else(|_| panic!("nobody hung up after {said:?}"));
        assert!(began.elapsed() < HEADER_LIMIT + Duration::from_secs(1));
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_no_head_is_hung_up_on() {
        let mut tasks = JoinSet::new();
        let address = serving(&mut tasks, None);
        for said in [
            &b""[..],
            b"P",
            b"PRI * HTTP/2.0\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            b"GET /health HTTP/1.1\r\nhost:",
        ] {
            let answer = until_hung_up(address, said).await;
            assert!(!answer.contains("well"), "{answer}");
        }
        let idle = until_hung_up(address, REQUEST).await;
        assert!(idle.ends_with("well"), "{idle}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_the_handshake_is_hung_up_on() {
        let mut tasks = JoinSet::new();
        let address = serving(&mut tasks, Some(without_certificate()));
        // The beginning of a record that does not go on.
        for said in [&b""[..], b"\x16\x03\x01\x02\x00"] {
            assert_eq!(until_hung_up(address, said).await, "");
        }
    }

    #[test]
    fn tls_does_not_offer_http_2() {
        let config = http1_only(&without_certificate());
        assert_eq!(config.get_inner().alpn_protocols, [b"http/1.1"]);
    }

    #[tokio::test]
    async fn who_has_its_share_of_connections_is_hung_up_on_and_gets_others_when_they_end() {
        let mut tasks = JoinSet::new();
        let address = serving(&mut tasks, None);
        let is_answered = async |stream: &mut TcpStream| {
            let mut answer = [0; 12];
            let written = stream.write_all(REQUEST).await;
            written.is_ok() && stream.read_exact(&mut answer).await.is_ok()
        };
        let mut open = Vec::new();
        // A quarter of the descriptors that the server is told it has.
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert!(is_answered(&mut stream).await);
            open.push(stream);
        }
        let mut more = TcpStream::connect(address).await.unwrap();
        assert!(!is_answered(&mut more).await);
        open.pop();
        runvoy_testkit::eventually(Duration::from_secs(10), async || {
            let mut stream = TcpStream::connect(address).await.ok()?;
            is_answered(&mut stream).await.then_some(())
        })
        .await;
    }
}
