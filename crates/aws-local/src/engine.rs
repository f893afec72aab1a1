//! Other people's servers as children of this process: found, started, awaited, and gone with their parent.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};

/// How long a server may take to answer first; virtual machines for Java wake slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Runs the server, and kills it when this process lets go of the other end of standard input, however it ends.
const WATCHDOG: &str =
    r#"exec 3<&0; "$@" 3<&- & pid=$!; (cat <&3 >/dev/null; kill -9 $pid) & wait $pid"#;

/// A server in a child process, until dropped.
#[derive(Debug)]
pub(crate) struct Engine {
    base: String,
    // Closed on drop, which is what the watchdog waits for.
    _lifeline: ChildStdin,
    _watchdog: Child,
    _dir: TempDir,
}

impl Engine {
    /// Starts `command(port, directory)` on a free port, and waits until it answers HTTP.
    pub(crate) async fn start(
        name: &str,
        command: impl Fn(u16, &Path) -> Vec<String>,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("no temporary directory")?;
        let port = free_port()?;
        let output = dir.path().join("output");
        let file = std::fs::File::create(&output).context("cannot write")?;
        let mut watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, name])
            .args(command(port, dir.path()))
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(file.try_clone().context("cannot write")?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let lifeline = watchdog.stdin.take().context("no pipe")?;
        let base = format!("http://127.0.0.1:{port}");
        if let Err(error) = answers(&base, &mut watchdog).await {
            let said = std::fs::read_to_string(&output).unwrap_or_default();
            let lines: Vec<&str> = said.lines().rev().take(20).collect();
            let last: Vec<&str> = lines.into_iter().rev().collect();
            bail!("{name} does not come up: {error}\n{}", last.join("\n"));
        }
        Ok(Self {
            base,
            _lifeline: lifeline,
            _watchdog: watchdog,
            _dir: dir,
        })
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }
}

async fn answers(base: &str, server: &mut Child) -> anyhow::Result<()> {
    let client = http_client()?;
    let end = Instant::now() + PATIENCE;
    loop {
        match client
            .get(base)
            .timeout(Duration::from_secs(5))
            .send()
            .await
        {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > end => return Err(error).context("no answer in time"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        if let Some(status) = server.try_wait().context("no news of it")? {
            bail!("it ended with {status}");
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
    Ok(listener.local_addr().context("no address")?.port())
}

/// Where `cargo xtask aws install` puts things, unless the variable names another place.
pub(crate) fn tool(variable: &str, name: &str) -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads where the tools are"
    )]
    let named = std::env::var_os(variable);
    named.map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../target/tools")
                .join(name)
        },
        PathBuf::from,
    )
}

/// A client for servers on this machine: no proxy, no certificates.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("no TLS")?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .no_proxy();
    builder
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("no HTTP client")
}
