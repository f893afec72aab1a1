//! `runvoy server`.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use futures_util::FutureExt as _;
use runvoy_app::{App, Tuning};
use runvoy_core::error::chain;
use runvoy_http::{Gate, agent_router, limited_user_router};
use runvoy_ports::Store;
use runvoy_sql::Durability;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::claim::Claim;
use crate::compose::{self, Differences};
use crate::data_dir::DataDir;
use crate::door::Bounds;
use crate::firewall::Firewall;
use crate::launchers::Launchers;
use crate::options::{Seams, ServerOptions};
use crate::place::{self, Docker, Place};
use crate::{admin, agents, descriptors, listen, owners, pool, sweep};

/// How often everything that is not closed is looked after.
const RECONCILE_EVERY: Duration = Duration::from_secs(5);

/// How long what is left of its threads may hold up the end.
const LEAVE: Duration = Duration::from_secs(1);

/// How much the server's log says, in the manner of `tracing`: `debug`, `info`, `warn`.
const LOG_VARIABLE: &str = "RUNVOY_LOG";

/// Serves until SIGTERM or SIGINT. Running executions go on without it and are found again by the next.
pub fn serve(options: ServerOptions) -> anyhow::Result<()> {
    serve_with(options, Seams::NONE)
}

/// [`serve`], with something of a test's between the parts.
pub fn serve_with(options: ServerOptions, seams: Seams) -> anyhow::Result<()> {
    listen::check(options.listen, options.tls.is_some(), options.behind_proxy)?;
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .compact()
        .try_init()
        .ok();
    let bounds = Bounds::of_people(descriptors::raise(), options.behind_proxy);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(run(options, seams, bounds));
    // Threads that wait for another program, as a credential helper that hangs, are not waited for.
    runtime.shutdown_timeout(LEAVE);
    served
}

async fn run(options: ServerOptions, seams: Seams, bounds: Bounds) -> anyhow::Result<()> {
    let data = DataDir::open(&options.data_dir)?;
    let _claim = Claim::new(&data)?;
    let tls = listen::tls(options.tls.as_ref()).await?;
    let people = listen::bind(options.listen)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", people.local_addr()?);
    owners::sweep(&data.owners());
    let Place {
        launchers,
        listeners,
        containers,
    } = place::open(&options, &data).await?;
    let store = (seams.store)(Arc::new(data.store(Durability::Full).await?));
    let launchers = Arc::new(launchers);
    let differences = Differences {
        store: Arc::clone(&store),
        launcher: launchers.clone(),
        owner: None,
        tuning: Tuning::default(),
    };
    let (app, moved) = compose::app(&data, differences)?;
    let app = app.with_run_limits(options.limits.of_runs());
    admin::first_admin(&app, &data, options.admin_email.as_deref(), &url).await?;

    let stop = CancellationToken::new();
    let mut work = JoinSet::new();
    // Before an agent can be answered: no command runs outside of it.
    let firewall = containers
        .as_ref()
        .and_then(|containers| place::close_the_host(&containers.rules, &data));
    if let Some(firewall) = &firewall {
        work.spawn(firewall.clone().watch(stop.clone()));
    }
    let swept = sweep(launchers, containers, store);
    work.spawn(stop.clone().run_until_cancelled_owned(swept).map(drop));
    for listener in listeners {
        let router = (seams.agents)(agent_router(app.clone()));
        work.spawn(agents::serve(listener, router, stop.clone()));
    }
    work.spawn(pool::run(app.clone(), moved, RECONCILE_EVERY, stop.clone()));
    let rates = options.limits.of_requests(options.behind_proxy);
    let router = limited_user_router(app.clone(), Gate::Key, rates);
    let people = People {
        listener: people,
        tls,
        bounds,
    };
    let served = serve_people(router, people, &url, stop).await;
    while work.join_next().await.is_some() {}
    if let Some(firewall) = firewall {
        open_the_host(&app, firewall).await;
    }
    served
}

/// Looks for containers that nobody knows.
async fn sweep(launchers: Arc<Launchers>, containers: Option<Docker>, store: Arc<dyn Store>) {
    sweep::of_marks(&launchers, store.as_ref()).await;
    if let Some(containers) = containers {
        sweep::of_engine(&containers.launcher, store.as_ref()).await;
    }
}

/// Where people call.
struct People {
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    bounds: Bounds,
}

/// Answers people until a signal asks to stop, and tells the others to stop then.
async fn serve_people(
    router: Router,
    people: People,
    url: &str,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    // From the moment on that it says it is there, it ends as it should when asked to.
    let asked_to_stop = asked_to_stop()?;
    writeln!(
        io::stdout(),
        "runvoy server {} listens on {url}",
        env!("CARGO_PKG_VERSION")
    )?;
    let serving = listen::serve(
        people.listener,
        people.tls,
        people.bounds,
        router,
        stop.clone(),
    );
    let asked = async {
        asked_to_stop.await;
        tracing::info!("stopping; running executions go on and are found again at the next start");
        stop.cancel();
    };
    let (served, ()) = tokio::join!(serving, asked);
    Ok(served?)
}

/// Takes the firewall away, unless a run goes on behind it.
async fn open_the_host(app: &App, firewall: Firewall) {
    if app.has_own_open().await.unwrap_or(true) {
        return;
    }
    if let Err(error) = firewall.remove() {
        tracing::warn!(error = %chain(&error), "the firewall cannot be removed");
    }
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
