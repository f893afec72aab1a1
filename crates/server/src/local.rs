//! A control plane inside one command: `runvoy --local`.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use runvoy_app::{Actor, App, Ids, KeyUseStyle, LaunchStyle, Tuning};
use runvoy_core::role::Role;
use runvoy_core::user::UserEmail;
use runvoy_http::{Gate, agent_router, user_router};
use runvoy_ports::{Clock as _, Store, SystemClock};
use runvoy_process::{Home, Options};
use runvoy_sql::Durability;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::agents::{self, AgentListener};
use crate::compose::{self, Differences};
use crate::containers::{self, ContainerOptions, Plane};
use crate::data_dir::DataDir;
use crate::launchers::{Launchers, Launches};
use crate::owners::Owner;
use crate::{pool, sweep};

/// Intervals of a control plane whose agents are next door and that lives for one command.
const TUNING: Tuning = Tuning {
    heartbeat: Duration::from_millis(200),
    flush_read: Duration::from_millis(2),
    flush_unread: Duration::from_millis(50),
    poll: Duration::from_millis(100),
    launch_lease: Duration::from_secs(20),
    backstop: Duration::from_secs(5),
    longest_wait: Duration::from_secs(30),
    ending_poll: Duration::from_millis(5),
    log_retention: None,
    launch_style: LaunchStyle::Careful,
    key_use_style: KeyUseStyle::AtOnce,
};
/// How often to look at what other commands may have moved.
const RECONCILE_EVERY: Duration = Duration::from_millis(250);
/// How long settling what dead owners left may hold a command up.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);
/// How long a command waits for its executions to be closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// How often it looks.
const CLOSE_POLL: Duration = Duration::from_millis(3);

/// What one command brings.
#[derive(Debug)]
pub struct LocalOptions {
    /// Where everything is kept; shared safely with other commands.
    pub data_dir: PathBuf,
    /// This program.
    pub executable: PathBuf,
    /// The operating system's user, as `user@host`.
    pub actor: String,
    /// HOME, PATH, LANG and TERM of the caller, for processes.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether this command runs in a container.
    pub is_in_container: bool,
    /// How containers are made.
    pub containers: ContainerOptions,
}

/// The control plane of one command.
#[derive(Debug)]
pub struct Local {
    app: App,
    actor: Actor,
    owner: Owner,
    socket: PathBuf,
    stop: CancellationToken,
    work: JoinSet<()>,
}

impl Local {
    /// Composes it, begins to answer agents, and settles what dead owners left.
    pub async fn start(options: LocalOptions) -> anyhow::Result<Self> {
        let data = DataDir::open(&options.data_dir)?;
        let store = data.store(Durability::Normal).await?;
        let owner_name = Ids::new()
            .operation(SystemClock.now())
            .to_string()
            .parse()?;
        let owner =
            Owner::new(&data.owners(), owner_name).context("the owner's lock cannot be taken")?;
        let socket = data.socket(&format!("owners/{}.sock", owner.id()))?;
        let (launchers, listeners) = place(&options, &data, &owner, &socket).await?;
        let (store, launchers): (Arc<dyn Store>, _) = (Arc::new(store), Arc::new(launchers));
        let differences = Differences {
            store: Arc::clone(&store),
            launcher: launchers.clone(),
            owner: Some(owner.id().clone()),
            tuning: TUNING,
        };
        let (app, moved) = compose::app(&data, differences)?;
        let stop = CancellationToken::new();
        let mut work = JoinSet::new();
        for listener in listeners {
            let router = agent_router(app.clone());
            work.spawn(agents::serve(listener, router, stop.clone()));
        }
        let settling = async {
            // What cannot be settled now the next command tries again.
            let _settled = app.reconcile().await;
            sweep::of_marks(&launchers, store.as_ref()).await;
        };
        // What takes longer goes on beside the command.
        let _settled_or_late = tokio::time::timeout(SETTLE_LIMIT, settling).await;
        work.spawn(pool::run(app.clone(), moved, RECONCILE_EVERY, stop.clone()));
        let actor = Actor {
            email: UserEmail::from_typed(&options.actor)?,
            role: Role::Admin,
            key: None,
        };
        Ok(Self {
            app,
            actor,
            owner,
            socket,
            stop,
            work,
        })
    }

    /// The users' API of this control plane, for its one user.
    pub fn service(&self) -> BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Infallible> {
        let router = user_router(self.app.clone(), Gate::Only(self.actor.clone()));
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
            let router = router.clone();
            async move {
                let Ok(response) = router.oneshot(request.map(Body::from)).await;
                let (parts, body) = response.into_parts();
                // Bodies made in this process do not break off.
                let bytes = axum::body::to_bytes(body, usize::MAX)
                    .await
                    .unwrap_or_default();
                Ok(Response::from_parts(parts, bytes))
            }
        }))
    }

    /// Kills what runs of an execution at once, without asking its agent.
    pub async fn kill_now(&self, execution_id: &str) {
        let Ok(id) = execution_id.parse() else { return };
        if let Err(error) = self.app.kill_place(&id).await {
            tracing::warn!(%error, "the execution cannot be killed");
        }
    }

    /// Waits until this command's executions are closed, then ends. What is not closed in time the next command settles.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        let closing = async {
            while self.app.has_own_open().await? {
                tokio::time::sleep(CLOSE_POLL).await;
            }
            anyhow::Ok(())
        };
        let closed = tokio::time::timeout(CLOSE_LIMIT, closing).await;
        self.stop.cancel();
        self.work.abort_all();
        while self.work.join_next().await.is_some() {}
        // What cannot be removed is found to be nobody's.
        let _removed = std::fs::remove_file(&self.socket);
        drop(self.owner);
        closed.unwrap_or(Ok(()))
    }
}

/// Where this command's runs go, and where their agents call.
async fn place(
    options: &LocalOptions,
    data: &DataDir,
    owner: &Owner,
    socket: &Path,
) -> anyhow::Result<(Launchers, Vec<AgentListener>)> {
    let listener = agents::bind(socket)
        .with_context(|| format!("{} cannot be listened on", socket.display()))?;
    let processes = Options {
        executable: options.executable.clone(),
        runs: data.runs(),
        agent_url: format!("unix:{}", socket.display()),
        environment: options.environment.clone(),
        home: Home::OfTheCaller,
        owner_lock: Some(owner.path().to_owned()),
    };
    let id = Some(owner.id().clone());
    let mut launchers = compose::launchers(data, Plane::Local, &options.containers, processes, id);
    let mut listeners = vec![AgentListener::Unix(listener)];
    if options.is_in_container {
        let open = containers::open(&options.containers, Plane::Local, data, &options.executable);
        let here = open.await?;
        launchers = launchers.launching(Launches::AsWished, here.launcher, here.engine);
        listeners.push(AgentListener::Tcp(here.listener));
    }
    Ok((launchers, listeners))
}
