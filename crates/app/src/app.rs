//! The application: its parts, and how it hands on what a change has moved.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::execution::Execution;
use runvoy_core::id::{ExecutionId, OwnerId};
use runvoy_core::lock::LockName;
use runvoy_ports::{Clock, Launcher, Store};
use tokio::sync::mpsc;

use crate::authentication::{KeyTouches, KeyUseStyle};
use crate::ids::Ids;
use crate::run_limits::{RunLimiter, RunLimits};
use crate::stack_key::StackKey;
use crate::wakeups::Wakeups;

/// Something that a change has moved and that must be looked after at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Task {
    /// Do what an execution's state asks for.
    Drive(ExecutionId),
    /// Give a free lock to the first in its line.
    Advance(LockName),
}

/// Answers whether the process of this name still lives.
pub type IsOwnerAlive = Arc<dyn Fn(&OwnerId) -> bool + Send + Sync>;

/// What an application is made of.
pub struct Parts {
    /// Everything that is kept.
    pub store: Arc<dyn Store>,
    /// Where commands run.
    pub launcher: Arc<dyn Launcher>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The deployment's secret.
    pub key: StackKey,
    /// Who takes what has moved; the reconciler finds what is lost here.
    pub tasks: mpsc::UnboundedSender<Task>,
    /// This process, where several share a store and each drives only its own.
    pub owner: Option<OwnerId>,
    /// Whether another owner lives.
    pub is_owner_alive: IsOwnerAlive,
    /// Intervals.
    pub tuning: Tuning,
}

/// Intervals that differ between a server and a single command.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// How often agents send heartbeats; a cancel reaches them within this time.
    pub heartbeat: Duration,
    /// How long agents gather lines while somebody reads.
    pub flush_read: Duration,
    /// How long agents gather lines while nobody reads.
    pub flush_unread: Duration,
    /// How often a waiting reader looks for news that no wake-up tells of.
    pub poll: Duration,
    /// Until when a launch may be in flight.
    pub launch_lease: Duration,
    /// How long after a stop's grace, or the end of the running time and its grace, the launcher itself stops the place.
    pub backstop: Duration,
    /// The longest that one request may wait for news.
    pub longest_wait: Duration,
    /// How soon to look again at a place that is just ending.
    pub ending_poll: Duration,
    /// How long after its submission an execution's log is kept; `None` for as long as its record.
    pub log_retention: Option<Duration>,
    /// How much is written around a launch.
    pub launch_style: LaunchStyle,
    /// When the use of a key is written down.
    pub key_use_style: KeyUseStyle,
}

/// How much is read and written around a launch beside asking for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchStyle {
    /// The record is read again right before, so that what was cancelled meanwhile is not placed, and the launcher's
    /// yes is written down right after, so that a place that dies at once is noticed at once.
    Careful,
    /// Neither: every round trip counts, and the provider's events tell what became of the place.
    Swift,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(2),
            flush_read: Duration::from_millis(5),
            flush_unread: Duration::from_millis(500),
            poll: Duration::from_secs(1),
            launch_lease: Duration::from_secs(20),
            backstop: Duration::from_mins(1),
            longest_wait: Duration::from_secs(30),
            ending_poll: Duration::from_millis(5),
            log_retention: None,
            launch_style: LaunchStyle::Careful,
            key_use_style: KeyUseStyle::AtOnce,
        }
    }
}

/// The control plane's use cases. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) parts: Arc<Parts>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) wakeups: Wakeups,
    pub(crate) touches: Arc<KeyTouches>,
    pub(crate) owed: OwedLaunches,
    pub(crate) run_limiter: Arc<RunLimiter>,
}

/// First launches that this process has recorded and not made yet. What is lost here is made when its lease ends.
#[derive(Debug, Default, Clone)]
pub(crate) struct OwedLaunches(Arc<Mutex<HashMap<ExecutionId, Execution>>>);

impl OwedLaunches {
    /// Notes the launch of an execution as it was just recorded.
    pub(crate) fn insert(&self, execution: Execution) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(execution.id().clone(), execution);
    }

    fn contains(&self, id: &ExecutionId) -> bool {
        let owed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owed.contains_key(id)
    }

    /// The execution whose launch is owed, if it is; whoever asks makes it, so it is owed no more.
    pub(crate) fn take(&self, id: &ExecutionId) -> Option<Execution> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
    }
}

impl App {
    /// Composes an application.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            ids: Arc::new(Ids::new()),
            wakeups: Wakeups::default(),
            touches: Arc::default(),
            owed: OwedLaunches::default(),
            run_limiter: Arc::default(),
        }
    }

    /// The same, accepting no more executions than these at once. Needs a store whose lists are exact, and counts
    /// what this process alone submits: several processes before one store may together pass a limit by a few.
    #[must_use]
    pub fn with_run_limits(mut self, limits: RunLimits) -> Self {
        self.run_limiter = Arc::new(RunLimiter::new(limits));
        self
    }

    /// Makes identities, for requests too.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Name of the place where commands run.
    pub fn provider(&self) -> &'static str {
        self.parts.launcher.name(None)
    }

    /// Name of the place where the execution runs or ran.
    pub fn provider_of(&self, execution: &Execution) -> &'static str {
        let container = execution.submission().container.as_ref();
        self.parts.launcher.name(container)
    }

    /// What the launcher is doing for an execution that starts, for people.
    pub fn progress(&self, execution: &Execution) -> Option<String> {
        self.parts.launcher.progress(&execution.attempt()?)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    /// Whether this process recorded the execution's first launch and has yet to make it.
    pub fn owes_launch(&self, id: &ExecutionId) -> bool {
        self.owed.contains(id)
    }

    /// Hands on what has moved. Nobody there (shutting down): the reconciler finds it after the next start.
    pub(crate) fn hand_on(&self, task: Task) {
        let _accepted = self.parts.tasks.send(task);
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("launcher", &self.launcher)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("App").field(&self.parts).finish()
    }
}
