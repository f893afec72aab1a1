//! Removes containers and volumes that no open execution stands for: what a removal that failed, a restored backup or a
//! lost database has left.

use std::io;
use std::time::Duration;

use runvoy_core::id::AttemptId;
use runvoy_docker::DockerLauncher;
use runvoy_ports::{Launcher, Placement, Presence, Store};

use crate::launchers::Launchers;

/// Time between two looks at a container that is being stopped.
const PAUSE: Duration = Duration::from_millis(200);
/// How often it is looked at.
const LOOKS: u32 = 50;

/// Looks at every container that is marked in the data directory.
pub(crate) async fn of_marks(launchers: &Launchers, store: &dyn Store) {
    let nothing_is_left = "nothing is left of a container that was marked and that nobody knows";
    sweep(launchers, store, launchers.marks.list(), nothing_is_left).await;
}

/// Looks at every container and every volume that the engine has of this control plane.
pub(crate) async fn of_engine(containers: &DockerLauncher, store: &dyn Store) {
    let attempts = containers.attempts().await;
    let removed = "removed a container or a volume that nobody knows";
    sweep(containers, store, attempts, removed).await;
    if let Err(error) = containers.tidy().await {
        tracing::warn!(%error, "containers and volumes that nobody needs are not all removed");
    }
}

/// Whatever is looked at by now had its record before.
async fn sweep(
    launcher: &dyn Launcher,
    store: &dyn Store,
    found: io::Result<Vec<AttemptId>>,
    done: &str,
) {
    let attempts = found.unwrap_or_else(|error| {
        tracing::warn!(%error, "containers that nobody knows are not looked for");
        Vec::new()
    });
    for attempt in attempts {
        let is_open = match store.find_execution(attempt.execution()).await {
            Ok(found) => found.is_some_and(|found| !found.value.is_closed()),
            Err(_) => true,
        };
        if is_open {
            continue;
        }
        match remove(launcher, &attempt).await {
            Ok(()) => tracing::info!(%attempt, "{done}"),
            Err(error) => {
                tracing::warn!(%attempt, %error, "a container that nobody knows stays");
            }
        }
    }
}

async fn remove(launcher: &dyn Launcher, attempt: &AttemptId) -> io::Result<()> {
    let placement = Placement {
        attempt: attempt.clone(),
        place: None,
    };
    for _ in 0..LOOKS {
        match launcher.probe(&placement).await {
            Presence::Gone(_) => return launcher.clean_up(attempt).await,
            Presence::Running => launcher.stop(&placement).await,
            Presence::Unknown => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
    let why = "it cannot be stopped";
    Err(io::Error::new(io::ErrorKind::TimedOut, why))
}
