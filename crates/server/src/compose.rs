//! Puts the parts of a control plane together: the same for a server, a single command, and the way back in.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use runvoy_app::{App, Parts, Task, Tuning};
use runvoy_core::id::OwnerId;
use runvoy_ports::{Launcher, Store, SystemClock};
use runvoy_process::{Home, Options, ProcessLauncher};
use tokio::sync::{OnceCell, mpsc};

use crate::containers::{self, ContainerOptions, Plane};
use crate::data_dir::DataDir;
use crate::launchers::{Launchers, Launches};
use crate::marks::Marks;
use crate::owners;

/// In what control planes differ.
pub(crate) struct Differences {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) owner: Option<OwnerId>,
    pub(crate) tuning: Tuning,
}

/// The application, and what it has moved.
pub(crate) fn app(
    data: &DataDir,
    differences: Differences,
) -> anyhow::Result<(App, mpsc::UnboundedReceiver<Task>)> {
    let (tasks, moved) = mpsc::unbounded_channel();
    let owners_dir = data.owners();
    let app = App::new(Parts {
        store: differences.store,
        launcher: differences.launcher,
        clock: Arc::new(SystemClock),
        key: data.stack_key()?,
        tasks,
        owner: differences.owner,
        // A server and commands with `--local` may share the directory; what the dead leave is settled by either.
        is_owner_alive: Arc::new(move |id| owners::is_alive(&owners_dir, id)),
        tuning: differences.tuning,
    });
    Ok((app, moved))
}

/// The launchers of a control plane in this directory. Those of containers are connected to when they are needed,
/// unless they are here already.
pub(crate) fn launchers(
    data: &DataDir,
    plane: Plane,
    options: &ContainerOptions,
    processes: Options,
    owner: Option<OwnerId>,
) -> Launchers {
    let (late_data, late_options) = (data.clone(), options.clone());
    let owners_dir = data.owners();
    Launchers {
        launches: Launches::Processes,
        processes: Arc::new(ProcessLauncher::new(processes)),
        containers: OnceCell::new(),
        connect: Box::new(move |address| {
            let (data, options) = (late_data.clone(), late_options.clone());
            async move { containers::look_after(&options, plane, &data, &address).await }.boxed()
        }),
        marks: Marks::new(data.containers(), owner),
        is_alive: Arc::new(move |id| owners::is_alive(&owners_dir, id)),
    }
}

/// A launcher for a control plane that launches nothing.
pub(crate) fn idle(data: &DataDir) -> Launchers {
    let processes = Options {
        executable: Path::new("runvoy").to_owned(),
        runs: data.runs(),
        agent_url: String::new(),
        environment: Vec::new(),
        home: Home::OfTheRun,
        owner_lock: None,
    };
    let options = ContainerOptions::default();
    launchers(data, Plane::Server, &options, processes, None)
}
