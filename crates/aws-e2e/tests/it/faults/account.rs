//! An account of its own for tests that break things or count calls: one of them at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use runvoy_aws_local::{EventMode, FaultPlan, LocalAws};
use serde_json::Value;
use tempfile::TempDir;

use crate::world::{RUNTIME, World};

/// The function behind the rules.
pub(crate) const EVENT_PROCESSOR: &str = "runvoy-event-processor";
/// All functions.
pub(crate) const FUNCTIONS: [&str; 3] = ["runvoy-api", "runvoy-agent", EVENT_PROCESSOR];
/// The queues of what could not be done.
pub(crate) const QUEUES: [&str; 2] = ["runvoy-errors", "runvoy-delivery-failures"];
/// The rule whose ticks look after everything that is not closed.
const RECONCILE: &str = "runvoy-reconcile";
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// How long nothing may be called for everybody to count as idle.
const IDLE: Duration = Duration::from_millis(70);

/// The account, and where its commands leave their traces.
pub(crate) struct Account {
    pub(crate) world: World,
    traces: TempDir,
    number: AtomicU32,
}

/// The account, alone: no other test breaks or counts anything meanwhile. It ticks only when told to.
pub(crate) fn alone() -> MutexGuard<'static, Account> {
    static ACCOUNT: LazyLock<Mutex<Account>> = LazyLock::new(|| Mutex::new(Account::new()));
    let account = ACCOUNT.lock().unwrap_or_else(PoisonError::into_inner);
    account.calm();
    account
}

/// Whether it is so before the time is over.
pub(crate) fn within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        RUNTIME.block_on(async { tokio::time::sleep(LOOK).await });
    }
    true
}

impl Account {
    fn new() -> Self {
        let world = World::deployed();
        world.aws.lambdas().adjust(|settings| {
            settings.retry_delays = vec![Duration::from_millis(30)];
        });
        Self {
            world,
            traces: TempDir::new().unwrap(),
            number: AtomicU32::new(0),
        }
    }

    /// The simulators.
    pub(crate) fn aws(&self) -> &LocalAws {
        &self.world.aws
    }

    /// Nothing goes wrong, and nothing ticks.
    fn calm(&self) {
        self.aws().faults().clear();
        self.aws().ecs().set_events(EventMode::InOrder);
        self.aws().events().set_pace(Some(Duration::from_hours(24)));
        self.until_idle();
    }

    /// Everything is looked after once.
    pub(crate) fn tick(&self) {
        let _inside = RUNTIME.enter();
        assert!(self.aws().events().tick_now(RECONCILE), "it does not tick");
    }

    /// A file that is not there yet.
    pub(crate) fn trace(&self) -> PathBuf {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.traces.path().join(number.to_string())
    }

    /// Submits a command, and answers its id.
    pub(crate) fn submit(&self, options: &[&str], command: &str) -> String {
        let arguments = [&["run", "--detach"], options, &[command]].concat();
        self.world.admin.must(&arguments).trim().to_owned()
    }

    /// All executions as `list` shows them.
    pub(crate) fn list(&self) -> Vec<Value> {
        let said = self
            .world
            .admin
            .must(&["list", "--limit", "1000", "--output", "json"]);
        serde_json::from_str(&said).unwrap()
    }

    /// The execution as `status` shows it.
    pub(crate) fn status(&self, id: &str) -> Value {
        let said = self.world.admin.must(&["status", id, "--output", "json"]);
        serde_json::from_str(&said).unwrap()
    }

    /// From now on this plan is in force.
    pub(crate) fn spoil(&self, plan: FaultPlan) {
        self.aws().faults().set(plan);
    }

    /// The states of the tasks that the execution has had.
    pub(crate) fn tasks(&self, id: &str) -> Vec<String> {
        let tasks = self.aws().ecs().tasks().into_iter();
        let tasks = tasks.filter(|task| {
            let label = task["startedBy"].as_str();
            label.is_some_and(|label| label.starts_with(id))
        });
        let statuses = tasks.map(|task| task["lastStatus"].as_str().unwrap_or_default().to_owned());
        statuses.collect()
    }

    /// Whether the execution has had a task, and all of them have stopped.
    pub(crate) fn has_stopped(&self, id: &str) -> bool {
        let tasks = self.tasks(id);
        !tasks.is_empty() && tasks.iter().all(|status| status == "STOPPED")
    }

    /// Waits until nobody calls AWS any more.
    pub(crate) fn until_idle(&self) {
        let calls = self.aws().calls();
        let mut last = (calls.mark(), Instant::now());
        let is_idle = within(Duration::from_secs(20), || {
            let mark = calls.mark();
            if mark != last.0 {
                last = (mark, Instant::now());
            }
            last.1.elapsed() > IDLE
        });
        assert!(is_idle, "the functions never rest");
    }
}
