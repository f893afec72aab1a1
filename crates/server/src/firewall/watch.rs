//! Keeps the rules in force: whatever loads a machine's own rules often begins with `flush ruleset`.

use std::time::Duration;

use runvoy_core::error::chain;
use tokio_util::sync::CancellationToken;

use super::{Firewall, FirewallError};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(5);

impl Firewall {
    /// Looks again and again whether the rules are in force and puts them back where they are not, until `stop`.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        self.watch_every(EVERY, stop).await;
    }

    pub(super) async fn watch_every(mut self, every: Duration, stop: CancellationToken) {
        let mut has_failed = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            let looking = tokio::task::spawn_blocking(move || {
                let repaired = self.repair();
                (self, repaired)
            });
            // It is there, unless the process ends meanwhile.
            let Ok((looked_at, repaired)) = looking.await else {
                return;
            };
            self = looked_at;
            tell(&repaired, has_failed);
            has_failed = repaired.is_err();
        }
    }

    /// Answers whether something had to be done.
    fn repair(&mut self) -> Result<bool, FirewallError> {
        if self.is_whole()? {
            return Ok(false);
        }
        *self = Self::put(self.rules.clone())?;
        Ok(true)
    }
}

/// Tells what has happened, but of a failure that lasts only once.
fn tell(repaired: &Result<bool, FirewallError>, has_failed: bool) {
    match repaired {
        Ok(true) => tracing::warn!(
            "the firewall was taken away or changed, and is back: for a moment containers could reach this machine"
        ),
        Err(error) if !has_failed => tracing::warn!(
            error = %chain(error),
            "the firewall cannot be kept up: containers may reach this machine"
        ),
        Ok(false) | Err(_) => {}
    }
}
