//! The stories: a submission, a finish, a hand-over, a stop, a tick of the reconciler.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use runvoy_aws_local::EventMode;

use super::account::{Account, alone, within};
use super::story::{Run, Spoiler, at_each_call, judge};

/// A story that needs no repair is over within this time.
const USUAL: Duration = Duration::from_millis(1500);

#[test]
fn whoever_dies_at_whichever_call_the_command_ran_once_and_nothing_is_left() {
    let account = alone();
    let mut runs = at_each_call(&account, "events", "a tick", |spoiler| {
        tick(&account, spoiler)
    });
    let mut line = Line::new(&account);
    runs.extend(at_each_call(&account, "events", "a hand-over", |spoiler| {
        line.hand_over(spoiler)
    }));
    runs.extend(line.end());
    runs.extend(at_each_call(&account, "api", "a submission", |spoiler| {
        submission(&account, spoiler)
    }));
    runs.extend(at_each_call(&account, "agent", "a finish", |spoiler| {
        finish(&account, spoiler)
    }));
    runs.extend(at_each_call(&account, "api", "a stop", |spoiler| {
        stop(&account, spoiler)
    }));
    drop(account);
    judge(&runs);
}

/// Submits a command that leaves its trace, then does the rest.
fn submit(account: &Account, spoiler: &Spoiler<'_>, options: &[&str], rest: &str) -> Run {
    let trace = account.trace();
    let command = format!("echo ran >> {}; echo said; {rest}", trace.display());
    Run {
        id: account.submit(options, &command),
        trace,
        status: "SUCCEEDED",
        fault: spoiler.name.clone(),
    }
}

/// A name that nobody else uses.
fn lock_name(account: &Account) -> String {
    let trace = account.trace();
    format!("lock-{}", trace.file_name().unwrap().display())
}

/// Somebody submits a command with a free lock.
fn submission(account: &Account, spoiler: &Spoiler<'_>) -> Vec<Run> {
    let lock = lock_name(account);
    spoiler.arm();
    let run = submit(account, spoiler, &["--lock", &lock], "true");
    within(USUAL, || account.has_stopped(&run.id));
    vec![run]
}

/// A command starts, writes and ends.
fn finish(account: &Account, spoiler: &Spoiler<'_>) -> Vec<Run> {
    spoiler.arm();
    let run = submit(account, spoiler, &[], "true");
    within(USUAL, || account.has_stopped(&run.id));
    vec![run]
}

/// A lock that goes from each holder to the next; each ends when its gate opens.
struct Line<'a> {
    account: &'a Account,
    lock: String,
    holder: Option<(Run, PathBuf)>,
}

impl<'a> Line<'a> {
    fn new(account: &'a Account) -> Self {
        Self {
            account,
            lock: lock_name(account),
            holder: None,
        }
    }

    /// The holder ends while another waits. ECS tells nothing: what is called is called for the hand-over.
    fn hand_over(&mut self, spoiler: &Spoiler<'_>) -> Vec<Run> {
        self.account.aws().ecs().set_events(EventMode::Dropped);
        let (holder, gate) = match self.holder.take() {
            Some(holder) => holder,
            None => self.join(spoiler),
        };
        within(USUAL, || holder.trace.exists());
        let (waiter, next_gate) = self.join(spoiler);
        self.account.until_idle();
        spoiler.arm();
        fs::write(gate, "").unwrap();
        if within(USUAL, || waiter.trace.exists()) {
            self.holder = Some((waiter, next_gate));
            return vec![holder];
        }
        // It takes a repair: nobody stands in line behind it.
        fs::write(next_gate, "").unwrap();
        self.lock = lock_name(self.account);
        vec![holder, waiter]
    }

    fn join(&self, spoiler: &Spoiler<'_>) -> (Run, PathBuf) {
        let gate = self.account.trace();
        let rest = format!("until [ -e {} ]; do sleep 0.05; done", gate.display());
        let run = submit(self.account, spoiler, &["--lock", &self.lock], &rest);
        (run, gate)
    }

    /// Lets the last holder end.
    fn end(self) -> Option<Run> {
        self.account.aws().ecs().set_events(EventMode::InOrder);
        let (holder, gate) = self.holder?;
        fs::write(gate, "").unwrap();
        Some(holder)
    }
}

/// Somebody stops a command that runs.
fn stop(account: &Account, spoiler: &Spoiler<'_>) -> Vec<Run> {
    let run = submit(account, spoiler, &[], "sleep 600");
    within(USUAL, || run.trace.exists());
    spoiler.arm();
    account.world.admin.must(&["kill", &run.id]);
    vec![Run {
        status: "STOPPED",
        ..run
    }]
}

/// The reconciler finds a run that is over, of which ECS told nothing.
fn tick(account: &Account, spoiler: &Spoiler<'_>) -> Vec<Run> {
    account.aws().ecs().set_events(EventMode::Dropped);
    let run = submit(account, spoiler, &[], "true");
    within(USUAL, || account.has_stopped(&run.id));
    account.until_idle();
    spoiler.arm();
    account.tick();
    account.until_idle();
    account.aws().ecs().set_events(EventMode::InOrder);
    vec![run]
}
