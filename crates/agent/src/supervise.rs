//! Watches the command until it has ended, and ends it where somebody wants that.

use std::time::Duration;

use runvoy_core::duration;
use runvoy_core::outcome::{EndedBy, ProcessEnd, Report};
use rustix::process::{Pid, Signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::journal::Journal;
use crate::orders::Orders;
use crate::reaper::Reaped;
use crate::sweep::signal_group;

/// A running command and what bounds it.
#[derive(Debug)]
pub(crate) struct Supervisor<'a> {
    /// The command's process and group.
    pub(crate) main: Pid,
    /// Who ended.
    pub(crate) reaped: watch::Receiver<Reaped>,
    /// What others want.
    pub(crate) orders: &'a Orders,
    /// Where stops are written down.
    pub(crate) journal: &'a Journal,
    /// The running time that it has.
    pub(crate) time_limit: Duration,
    /// When that is up.
    pub(crate) time_up: Option<Instant>,
    /// Time between TERM and KILL.
    pub(crate) grace: Duration,
}

impl Supervisor<'_> {
    /// Returns when the command's own process has ended.
    pub(crate) async fn run(mut self) -> Report {
        let (ended_by, why) = tokio::select! {
            biased;
            end = main_ended(&mut self.reaped) => return Report { ended_by: EndedBy::Itself, end },
            stop = stop_asked(self.orders, self.time_up, self.time_limit) => stop,
        };
        self.journal.note(&format!("Stopping: {why}"));
        signal_group(self.main, Signal::TERM);
        // Whoever is stopped hears nothing otherwise.
        signal_group(self.main, Signal::CONT);
        let why = tokio::select! {
            biased;
            end = main_ended(&mut self.reaped) => return Report { ended_by, end },
            () = self.orders.fence_reached.cancelled() => "the control plane has not been reached for too long".to_owned(),
            () = sleep(self.grace) => format!("it still runs after the grace period of {}", duration::show(self.grace)),
        };
        self.journal.note(&format!("Killing: {why}"));
        signal_group(self.main, Signal::KILL);
        let end = main_ended(&mut self.reaped).await;
        Report { ended_by, end }
    }
}

/// Who wants the command to end, and why.
async fn stop_asked(
    orders: &Orders,
    time_up: Option<Instant>,
    time_limit: Duration,
) -> (EndedBy, String) {
    let because = |ended_by, why: &str| (ended_by, why.to_owned());
    tokio::select! {
        biased;
        () = orders.cancel.cancelled() => because(EndedBy::Cancel, "cancelled"),
        () = orders.signal.cancelled() => because(EndedBy::Signal, "the agent was told to end"),
        () = orders.owner_gone.cancelled() => because(EndedBy::Signal, "the runvoy that started this is gone"),
        () = orders.fence_near.cancelled() => because(EndedBy::Signal, "the control plane is not reached"),
        () = at(time_up) => (EndedBy::Timeout, format!("the time limit of {} is up", show_limit(time_limit))),
    }
}

/// Waits for the moment; for ever where there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn main_ended(reaped: &mut watch::Receiver<Reaped>) -> ProcessEnd {
    match reaped
        .wait_for(|reaped| reaped.main.is_some())
        .await
        .map(|reaped| reaped.main)
    {
        Ok(Some(end)) => end,
        // Nobody waits for children any more, which happens in no order of things; nobody can tell how it ended then.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

/// The limit as it was given: what is left of it, to the second.
fn show_limit(limit: Duration) -> String {
    let seconds = (limit + Duration::from_millis(500)).as_secs();
    duration::show(if seconds == 0 {
        limit
    } else {
        Duration::from_secs(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shown_to_the_second() {
        assert_eq!(show_limit(Duration::from_millis(599_990)), "10m");
        assert_eq!(show_limit(Duration::from_millis(200)), "200ms");
    }
}
