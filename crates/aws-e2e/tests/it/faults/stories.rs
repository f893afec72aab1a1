//! The stories: a submission, a finish, a hand-over, a stop, a tick of the reconciler.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use runvoy_aws_local::EventMode;

use super::account::{API, Account, Door, alone, elsewhere, within};
use super::story::{Run, Spoiler, at_each_call, judge};
use crate::world::RUNTIME;

/// A command that nothing stands in the way of has begun within this time.
const SOON: Duration = Duration::from_mins(2);

/// Each story, told of one caller. Those that may need a launch again come first: by the end its lease is over.
const STORIES: [fn(&Account) -> Vec<Run>; 9] = [
    |account| hand_overs(account, "events"),
    |account| at_each_call(account, "api", "a submission", submission(account)),
    |account| hand_overs(account, "agent"),
    |account| stops(account, "events"),
    |account| at_each_call(account, "events", "a finish", news(account)),
    |account| at_each_call(account, "events", "a tick", tick(account)),
    |account| stops(account, "agent"),
    |account| at_each_call(account, "agent", "a finish", finish(account)),
    |account| stops(account, "api"),
];

#[test]
fn whoever_dies_at_whichever_call_the_command_ran_once_and_nothing_is_left() {
    let told = AtomicUsize::new(0);
    let tell = |door: Door| {
        let account = door();
        let mut runs = Vec::new();
        while let Some(story) = STORIES.get(told.fetch_add(1, Ordering::Relaxed)) {
            runs.extend(story(&account));
        }
        drop(account);
        judge(door, &runs);
    };
    thread::scope(|threads| {
        threads.spawn(|| tell(elsewhere));
        tell(alone);
    });
}

/// Submits a command that leaves its trace, then does the rest.
fn submit(account: &Account, spoiler: &Spoiler<'_>, options: &[&str], rest: &str) -> Run {
    let trace = account.trace();
    let command = format!("echo ran >> {}; {rest}", trace.display());
    Run {
        id: account.submit(options, &command),
        trace,
        status: "SUCCEEDED",
        fault: spoiler.name.clone(),
    }
}

/// Waits for a gate to open.
fn gate(account: &Account) -> (PathBuf, String) {
    let gate = account.trace();
    let wait = format!("until [ -e {} ]; do sleep 0.05; done", gate.display());
    (gate, wait)
}

/// A name that nobody else uses.
fn lock_name(account: &Account) -> String {
    let trace = account.trace();
    format!("lock-{}", trace.file_name().unwrap().display())
}

/// Waits until its command has begun.
fn until_begun(run: &Run) {
    assert!(within(SOON, || run.trace.exists()), "{}", run.fault);
}

/// Waits until its task is over, or until there is none.
fn until_over(account: &Account, run: &Run) {
    account.until_over(
        || account.has_stopped(&run.id),
        || account.tasks(&run.id).is_empty(),
    );
}

/// Somebody submits a command with a free lock, to a function that has to start first.
fn submission(account: &Account) -> impl FnMut(&Spoiler<'_>) -> Vec<Run> {
    move |spoiler| {
        let lock = lock_name(account);
        account.aws().lambdas().crash(API);
        spoiler.arm();
        let run = submit(account, spoiler, &["--lock", &lock], "echo said");
        until_over(account, &run);
        vec![run]
    }
}

/// A command starts, writes and ends.
fn finish(account: &Account) -> impl FnMut(&Spoiler<'_>) -> Vec<Run> {
    move |spoiler| {
        spoiler.arm();
        let run = submit(account, spoiler, &[], "echo said");
        until_over(account, &run);
        vec![run]
    }
}

/// A command begins and ends, and ECS tells of each when everybody has come to rest: the calls are always the same.
fn news(account: &Account) -> impl FnMut(&Spoiler<'_>) -> Vec<Run> {
    let tell = |run: &Run| {
        account.until_idle();
        RUNTIME.block_on(async { account.aws().ecs().tell(&run.id) });
        account.until_idle();
    };
    move |spoiler| {
        account.aws().ecs().set_events(EventMode::Dropped);
        let (gate, wait) = gate(account);
        let run = submit(account, spoiler, &[], &format!("{wait}; echo said"));
        until_begun(&run);
        account.until_idle();
        spoiler.arm();
        tell(&run);
        fs::write(gate, "").unwrap();
        until_over(account, &run);
        tell(&run);
        account.aws().ecs().set_events(EventMode::InOrder);
        vec![run]
    }
}

/// The reconciler finds a run that is over, of which ECS told nothing.
fn tick(account: &Account) -> impl FnMut(&Spoiler<'_>) -> Vec<Run> {
    move |spoiler| {
        account.aws().ecs().set_events(EventMode::Dropped);
        let run = submit(account, spoiler, &[], "echo said");
        until_over(account, &run);
        account.until_idle();
        spoiler.arm();
        account.tick();
        account.until_idle();
        account.aws().ecs().set_events(EventMode::InOrder);
        vec![run]
    }
}

/// A lock that goes from each holder to the next; each ends when its gate opens.
struct Line<'a> {
    account: &'a Account,
    lock: String,
    holder: Option<(Run, PathBuf)>,
}

/// A holder ends while another waits, again and again. ECS tells nothing: what is called is called for the hand-over.
fn hand_overs(account: &Account, caller: &str) -> Vec<Run> {
    account.aws().ecs().set_events(EventMode::Dropped);
    let mut line = Line {
        account,
        lock: lock_name(account),
        holder: None,
    };
    let mut runs = at_each_call(account, caller, "a hand-over", |spoiler| {
        line.hand_over(spoiler)
    });
    runs.extend(line.end());
    account.aws().ecs().set_events(EventMode::InOrder);
    runs
}

impl Line<'_> {
    fn hand_over(&mut self, spoiler: &Spoiler<'_>) -> Vec<Run> {
        let account = self.account;
        let (holder, gate) = match self.holder.take() {
            Some(holder) => holder,
            None => self.join(spoiler),
        };
        until_begun(&holder);
        let (waiter, next_gate) = self.join(spoiler);
        account.until_idle();
        spoiler.arm();
        fs::write(gate, "").unwrap();
        let is_over = || waiter.trace.exists();
        let is_without_task = || account.tasks(&waiter.id).is_empty();
        account.until_over(is_over, || {
            account.has_stopped(&holder.id) && is_without_task()
        });
        if is_over() {
            self.holder = Some((waiter, next_gate));
            return vec![holder];
        }
        // It takes a repair: nobody stands in line behind it.
        fs::write(next_gate, "").unwrap();
        self.lock = lock_name(account);
        vec![holder, waiter]
    }

    fn join(&self, spoiler: &Spoiler<'_>) -> (Run, PathBuf) {
        let (gate, wait) = gate(self.account);
        let rest = format!("{wait}; echo said");
        let run = submit(self.account, spoiler, &["--lock", &self.lock], &rest);
        (run, gate)
    }

    /// Lets the last holder end.
    fn end(self) -> Option<Run> {
        let (holder, gate) = self.holder?;
        fs::write(gate, "").unwrap();
        Some(holder)
    }
}

/// Commands that have begun, and say nothing until their gates open: what they say then is sent at once. One that is
/// told to end before that, by the answer to a sign of life, says the same.
struct Begun<'a> {
    account: &'a Account,
    commands: VecDeque<(Run, PathBuf)>,
}

/// Somebody stops a command, again and again. Its agent hears of it with the answer to what the command says last, or
/// to a sign of life.
fn stops(account: &Account, caller: &str) -> Vec<Run> {
    let mut begun = Begun {
        account,
        commands: VecDeque::new(),
    };
    let mut runs = at_each_call(account, caller, "a stop", |spoiler| {
        let (run, gate) = begun.next(spoiler);
        spoiler.arm();
        account.world.admin.must(&["kill", &run.id]);
        fs::write(gate, "").unwrap();
        until_over(account, &run);
        vec![run]
    });
    runs.extend(begun.end());
    runs
}

/// So many have begun at a time: an agent gathers lines for a second after it has sent some.
const BEGUN: usize = 3;

impl Begun<'_> {
    fn next(&mut self, spoiler: &Spoiler<'_>) -> (Run, PathBuf) {
        let account = self.account;
        while self.commands.len() < BEGUN {
            let (gate, wait) = gate(account);
            // A shell would say of a child that was told to end before itself that it was.
            let said_once = format!(
                "exec 2>/dev/null; trap 'echo said; exit' TERM; {wait}; trap '' TERM; echo said; trap - TERM"
            );
            let run = submit(account, spoiler, &[], &format!("{said_once}; sleep 600"));
            until_begun(&run);
            self.commands.push_back((run, gate));
        }
        account.until_idle();
        let (run, gate) = self.commands.pop_front().unwrap();
        let run = Run {
            status: "STOPPED",
            fault: spoiler.name.clone(),
            ..run
        };
        (run, gate)
    }

    /// Stops the rest.
    fn end(mut self) -> Vec<Run> {
        let rest = self.commands.drain(..).map(|(run, gate)| {
            fs::write(gate, "").unwrap();
            self.account.world.admin.must(&["kill", &run.id]);
            Run {
                status: "STOPPED",
                ..run
            }
        });
        rest.collect()
    }
}
