//! `runvoy server`.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use runvoy_app::{App, Parts, Tuning};
use runvoy_http::{Gate, agent_router, user_router};
use runvoy_ports::{Store, SystemClock};
use runvoy_process::{Home, Options, ProcessLauncher};
use runvoy_sql::Durability;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::data_dir::DataDir;
use crate::{admin, agents, listen, owners, pool};

/// How often everything that is not closed is looked after.
const RECONCILE_EVERY: Duration = Duration::from_secs(5);

/// How much the server's log says, in the manner of `tracing`: `debug`, `info`, `warn`.
const LOG_VARIABLE: &str = "RUNVOY_LOG";

/// What a server is told.
#[derive(Debug)]
pub struct ServerOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where people's clients call.
    pub listen: SocketAddr,
    /// Certificate and key, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy in front speaks TLS.
    pub behind_proxy: bool,
    /// Run commands as plain processes with the server's own rights.
    pub unsafe_process_launcher: bool,
    /// This program.
    pub executable: PathBuf,
    /// PATH of commands.
    pub path: String,
    /// LANG of commands.
    pub lang: String,
    /// The first admin's address.
    pub admin_email: Option<String>,
}

/// What a test puts between the parts of a server. The shipped program puts nothing.
#[derive(Debug, Clone, Copy)]
pub struct Seams {
    /// Around the store.
    pub store: fn(Arc<dyn Store>) -> Arc<dyn Store>,
    /// Around what agents call.
    pub agents: fn(Router) -> Router,
}

impl Seams {
    const NONE: Self = Self {
        store: |store| store,
        agents: |router| router,
    };
}

/// Serves until SIGTERM or SIGINT. Running executions go on without it and are found again by the next.
pub fn serve(options: ServerOptions) -> anyhow::Result<()> {
    serve_with(options, Seams::NONE)
}

/// [`serve`], with something of a test's between the parts.
pub fn serve_with(options: ServerOptions, seams: Seams) -> anyhow::Result<()> {
    if !options.unsafe_process_launcher {
        bail!(
            "this server can run commands only as plain processes, and those have the server's own rights: they can read \
             its database and its keys; if everybody who may run commands may also have those, add --unsafe-process-launcher"
        );
    }
    listen::check(options.listen, options.tls.is_some(), options.behind_proxy)?;
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .compact()
        .try_init()
        .ok();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(options, seams))
}

async fn run(options: ServerOptions, seams: Seams) -> anyhow::Result<()> {
    let data = DataDir::open(&options.data_dir)?;
    let _claim = data.claim()?;
    let tls = listen::tls(options.tls.as_ref()).await?;
    let people = listen::bind(options.listen)?;
    let address = people.local_addr()?;
    let socket = data.socket("agent.sock")?;
    let agents_listener = match agents::inherited()? {
        Some(listener) => listener,
        None => agents::bind(&socket)
            .with_context(|| format!("{} cannot be listened on", socket.display()))?,
    };
    let (tasks, moved) = mpsc::unbounded_channel();
    let owners_dir = data.path().join("owners");
    owners::sweep(&owners_dir);
    let app = App::new(Parts {
        store: (seams.store)(Arc::new(data.store(Durability::Full).await?)),
        launcher: Arc::new(launcher(&options, &data, &agents_listener, &socket)),
        clock: Arc::new(SystemClock),
        key: data.stack_key()?,
        tasks,
        owner: None,
        // Commands with `--local` may share the directory; what they leave is settled here too.
        is_owner_alive: Arc::new(move |id| owners::is_alive(&owners_dir, id)),
        tuning: Tuning::default(),
    });
    let url = format!(
        "{}://{address}",
        if tls.is_some() { "https" } else { "http" }
    );
    admin::first_admin(&app, &data, options.admin_email.as_deref(), &url).await?;

    let stop = CancellationToken::new();
    let mut work = JoinSet::new();
    work.spawn(agents::serve(
        agents_listener,
        (seams.agents)(agent_router(app.clone())),
        stop.clone(),
    ));
    work.spawn(pool::run(app.clone(), moved, RECONCILE_EVERY, stop.clone()));
    // From the moment on that it says it is there, it ends as it should when asked to.
    let asked_to_stop = asked_to_stop()?;
    writeln!(
        io::stdout(),
        "runvoy server {} listens on {url}",
        env!("CARGO_PKG_VERSION")
    )?;
    let serving = listen::serve(people, tls, user_router(app, Gate::Key), stop.clone());
    let asked = async {
        asked_to_stop.await;
        tracing::info!("stopping; running executions go on and are found again at the next start");
        stop.cancel();
    };
    let (served, ()) = tokio::join!(serving, asked);
    while work.join_next().await.is_some() {}
    Ok(served?)
}

fn launcher(
    options: &ServerOptions,
    data: &DataDir,
    listener: &tokio::net::UnixListener,
    socket: &std::path::Path,
) -> ProcessLauncher {
    // An inherited socket may lie elsewhere.
    let bound = listener
        .local_addr()
        .ok()
        .and_then(|address| address.as_pathname().map(std::path::Path::to_owned));
    let socket = bound.unwrap_or_else(|| socket.to_owned());
    let variable = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    ProcessLauncher::new(Options {
        executable: options.executable.clone(),
        runs: data.runs(),
        agent_url: format!("unix:{}", socket.display()),
        environment: vec![
            variable("PATH", &options.path),
            variable("LANG", &options.lang),
        ],
        home: Home::OfTheRun,
        owner_lock: None,
    })
}

/// Listens for signals from now on; what it answers ends with the first.
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
