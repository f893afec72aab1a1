//! Accounts of their own for tests that break things or count calls: one of them at a time in each.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use runvoy_aws_local::{EventMode, FaultPlan, LocalAws, Mark};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{RUNTIME, World};

/// The function behind the rules.
pub(crate) const EVENT_PROCESSOR: &str = "runvoy-event-processor";
/// The function that answers people.
pub(crate) const API: &str = "runvoy-api";
/// All functions.
pub(crate) const FUNCTIONS: [&str; 3] = [API, "runvoy-agent", EVENT_PROCESSOR];
/// The queues of what could not be done.
pub(crate) const QUEUES: [&str; 2] = ["runvoy-errors", "runvoy-delivery-failures"];
/// The rule whose ticks look after everything that is not closed.
const RECONCILE: &str = "runvoy-reconcile";
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// What needs no repair is over within this time.
const USUAL: Duration = Duration::from_secs(3);
/// How long nothing may be called and no function invoked for everybody to count as idle.
const IDLE: Duration = Duration::from_millis(50);

/// Gives an account to one caller at a time.
pub(crate) type Door = fn() -> MutexGuard<'static, Account>;

/// The account, and where its commands leave their traces.
pub(crate) struct Account {
    pub(crate) world: World,
    key: String,
    traces: TempDir,
    number: AtomicU32,
}

/// The account, alone: no other test breaks or counts anything meanwhile. It ticks only when told to.
pub(crate) fn alone() -> MutexGuard<'static, Account> {
    static ACCOUNT: LazyLock<Mutex<Account>> = LazyLock::new(|| Mutex::new(Account::new()));
    enter(&ACCOUNT)
}

/// Another account, alone: for what goes on at the same time.
pub(crate) fn elsewhere() -> MutexGuard<'static, Account> {
    static ACCOUNT: LazyLock<Mutex<Account>> = LazyLock::new(|| Mutex::new(Account::new()));
    enter(&ACCOUNT)
}

fn enter(account: &'static Mutex<Account>) -> MutexGuard<'static, Account> {
    let account = account.lock().unwrap_or_else(PoisonError::into_inner);
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
        let line = [
            "users",
            "create",
            "judge@example.com",
            "--role",
            "admin",
            "--show-key",
        ];
        let key = world.admin.must(&line).trim_end().to_owned();
        Self {
            world,
            key,
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
    pub(crate) fn tasks(&self, id: &str) -> Vec<&'static str> {
        self.aws().ecs().states(id)
    }

    /// Whether the execution has had a task, and all of them have stopped.
    pub(crate) fn has_stopped(&self, id: &str) -> bool {
        let tasks = self.tasks(id);
        !tasks.is_empty() && tasks.iter().all(|status| *status == "STOPPED")
    }

    /// Submits as no command line would, under a key of the caller's own; answers status and body.
    pub(crate) fn post(&self, once: &str, body: &Value) -> (u16, Value) {
        let headers = [("x-api-key", self.key.as_str()), ("idempotency-key", once)];
        self.world.send("POST /api/v1/run", &headers, body)
    }

    /// What the command has written, as far as the API has it.
    pub(crate) fn log(&self, id: &str) -> String {
        let line = format!("GET /api/v1/executions/{id}/logs?after=0&limit=1000");
        let headers = [("x-api-key", self.key.as_str())];
        let (status, answer) = self.world.send(&line, &headers, &json!({}));
        assert_eq!(status, 200, "{answer}");
        let entries = answer["events"].as_array().cloned().unwrap_or_default();
        let said = entries.iter().filter(|entry| entry["stream"] != "system");
        let texts = said.flat_map(|entry| [&entry["message"], &entry["end"]]);
        texts.filter_map(Value::as_str).collect()
    }

    /// Waits until no function works or is about to, and nobody calls AWS any more.
    pub(crate) fn until_idle(&self) {
        let mut rest = Rest::of(self);
        let is_idle = within(Duration::from_mins(2), || rest.is_long_enough());
        assert!(is_idle, "the functions never rest");
    }

    /// Waits until it is over, or until it is stuck, which only shows when everybody is idle.
    pub(crate) fn until_over(&self, is_over: impl Fn() -> bool, is_stuck: impl Fn() -> bool) {
        let mut rest = Rest::of(self);
        within(USUAL, || is_over() || rest.is_long_enough() && is_stuck());
    }
}

/// Since when everybody has been idle.
struct Rest<'a> {
    account: &'a Account,
    last: (Mark, Instant),
}

impl<'a> Rest<'a> {
    fn of(account: &'a Account) -> Self {
        let mark = account.aws().calls().mark();
        let last = (mark, Instant::now());
        Self { account, last }
    }

    fn is_long_enough(&mut self) -> bool {
        let mark = self.account.aws().calls().mark();
        if mark != self.last.0 || !self.account.aws().lambdas().are_idle() {
            self.last = (mark, Instant::now());
        }
        self.last.1.elapsed() > IDLE
    }
}
