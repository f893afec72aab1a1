//! Everything the host keeps of one function: its code, its environments, its logs.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Stats;
use super::environment::Environment;
use super::function::Code;
use super::process::Process;
use super::url::Url;
use crate::sync::lock;

/// How long a newcomer waits for an environment that has just answered, before it starts another.
const SETTLING: Duration = Duration::from_millis(100);
/// The most log lines kept.
const LOG_LINES: usize = 100_000;

/// One function.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: String,
    state: Mutex<State>,
    options: Mutex<FunctionOptions>,
    settled: Notify,
    logs: Mutex<VecDeque<String>>,
    stats: Mutex<Stats>,
}

#[derive(Debug)]
struct State {
    code: Arc<Code>,
    idle: Vec<Environment>,
    members: BTreeMap<u64, Process>,
    settling: usize,
    next_id: u64,
    url: Option<Url>,
    is_closed: bool,
}

/// How a function is treated, apart from its code.
#[derive(Debug, Clone)]
pub(crate) struct FunctionOptions {
    /// Its reserved concurrency.
    pub(crate) reserved: Option<usize>,
    /// Where asynchronous invocations go that failed for good.
    pub(crate) destination: Option<String>,
    /// How often a failed asynchronous invocation is tried again.
    pub(crate) retries: usize,
    /// Whether the public may use its URL.
    pub(crate) is_public: bool,
    /// Whether asynchronous invocations are refused at the door.
    pub(crate) refuses: bool,
}

impl Slot {
    pub(crate) fn new(code: Code) -> Self {
        let name = code.name.clone();
        let state = State {
            code: Arc::new(code),
            idle: Vec::new(),
            members: BTreeMap::new(),
            settling: 0,
            next_id: 0,
            url: None,
            is_closed: false,
        };
        let options = FunctionOptions {
            reserved: None,
            destination: None,
            retries: 2,
            is_public: true,
            refuses: false,
        };
        Self {
            name,
            state: Mutex::new(state),
            options: Mutex::new(options),
            settled: Notify::new(),
            logs: Mutex::default(),
            stats: Mutex::default(),
        }
    }

    /// Replaces the code: environments of the old one end, busy ones after their invocation.
    pub(crate) fn update(&self, code: Code) {
        let mut state = lock(&self.state);
        state.code = Arc::new(code);
        for environment in std::mem::take(&mut state.idle) {
            state.members.remove(&environment.id());
        }
    }

    pub(crate) fn code(&self) -> Arc<Code> {
        Arc::clone(&lock(&self.state).code)
    }

    pub(crate) fn options(&self) -> FunctionOptions {
        lock(&self.options).clone()
    }

    pub(crate) fn adjust(&self, change: impl FnOnce(&mut FunctionOptions)) {
        change(&mut lock(&self.options));
    }

    pub(crate) fn url(&self) -> Option<String> {
        lock(&self.state)
            .url
            .as_ref()
            .map(|url| url.address().to_owned())
    }

    pub(crate) fn set_url(&self, url: Option<Url>) {
        lock(&self.state).url = url;
    }

    /// Enters a process among the function's, and gives its environment an id.
    pub(crate) fn admit(&self, process: &Process) -> u64 {
        let mut state = lock(&self.state);
        state.next_id += 1;
        let id = state.next_id;
        state.members.insert(id, process.clone());
        id
    }

    /// A frozen environment of the present code, if there is one or one is just about to be.
    pub(crate) async fn idle(&self) -> Option<Environment> {
        let deadline = Instant::now() + SETTLING;
        loop {
            let mut settled = pin!(self.settled.notified());
            settled.as_mut().enable();
            if let Some(environment) = self.take_idle() {
                return Some(environment);
            }
            if lock(&self.state).settling == 0 || timeout_at(deadline, settled).await.is_err() {
                return self.take_idle();
            }
        }
    }

    fn take_idle(&self) -> Option<Environment> {
        let mut state = lock(&self.state);
        while let Some(environment) = state.idle.pop() {
            if environment.is_alive() {
                return Some(environment);
            }
            state.members.remove(&environment.id());
        }
        None
    }

    /// An environment has answered and will soon poll again.
    pub(crate) fn begin_settling(&self) {
        lock(&self.state).settling += 1;
    }

    /// It has polled again, or (`None`) it never will.
    pub(crate) fn end_settling(&self, environment: Option<Environment>) {
        let mut state = lock(&self.state);
        state.settling = state.settling.saturating_sub(1);
        if let Some(environment) = environment {
            let is_present = !state.is_closed && Arc::ptr_eq(environment.code(), &state.code);
            if is_present && state.members.contains_key(&environment.id()) {
                state.idle.push(environment);
            } else {
                state.members.remove(&environment.id());
            }
        }
        drop(state);
        self.settled.notify_waiters();
    }

    /// Ends an environment.
    pub(crate) fn retire(&self, environment: Environment) {
        lock(&self.state).members.remove(&environment.id());
        drop(environment);
    }

    /// Kills all environments now, whatever they do; how many lived.
    pub(crate) fn crash(&self) -> usize {
        let mut state = lock(&self.state);
        state.idle.clear();
        let members = std::mem::take(&mut state.members);
        for process in members.values() {
            process.kill();
        }
        members.len()
    }

    /// Ends everything of a function that is no more.
    pub(crate) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.set_url(None);
        self.crash();
    }

    pub(crate) fn log(&self, line: String) {
        let mut logs = lock(&self.logs);
        if logs.len() == LOG_LINES {
            logs.pop_front();
        }
        logs.push_back(line);
    }

    pub(crate) fn logs(&self) -> Vec<String> {
        lock(&self.logs).iter().cloned().collect()
    }

    pub(crate) fn record(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut lock(&self.stats));
    }

    pub(crate) fn stats(&self) -> Stats {
        let environments = lock(&self.state).members.len();
        Stats {
            environments,
            ..lock(&self.stats).clone()
        }
    }
}
