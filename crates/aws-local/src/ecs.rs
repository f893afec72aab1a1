//! A simulator of ECS on Fargate: the API as the documentation and experience tell it, tasks that are real processes.

mod awslogs;
mod clock;
mod cluster;
mod container;
mod definition;
mod events;
mod leftovers;
mod life;
mod metadata;
mod query;
mod rate;
mod refusal;
mod run;
mod size;
mod task;
mod time;
mod token;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use clock::SimClock;
pub use events::{EventMode, EventSink};
pub use task::End;

use crate::call::{Call, Reply, json};
use crate::gateway::ACCOUNT;
use crate::sync::{lock, now};
use awslogs::Stream;
use cluster::Clusters;
use definition::Definitions;
use events::Events;
use rate::Rate;
use refusal::{Answered, Refusal};
use task::Task;
use token::Tokens;

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// From `RunTask` to PENDING.
    pub provisioning: Duration,
    /// The pull of the images.
    pub pull: Duration,
    /// From the pull's end to RUNNING.
    pub starting: Duration,
    /// From the container's end to STOPPED.
    pub deprovisioning: Duration,
    /// How long a new task is not to be seen yet, by the simulator's clock.
    pub visibility: Duration,
    /// How long the log driver gathers lines.
    pub log_flush: Duration,
    /// No task gets longer than this from TERM to KILL.
    pub most_stop_timeout: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        let short = Duration::from_millis(20);
        Self {
            provisioning: short,
            pull: short,
            starting: short,
            deprovisioning: short,
            visibility: Duration::ZERO,
            log_flush: Duration::from_millis(100),
            most_stop_timeout: Duration::from_mins(2),
        }
    }
}

/// What the simulator needs.
#[derive(Clone)]
pub struct EcsOptions {
    /// The region in ARNs.
    pub region: String,
    /// The program that stands at `/.runvoy/agent` in every container.
    pub agent: PathBuf,
    /// Where logs are put; without it nobody keeps them.
    pub logs_endpoint: Option<String>,
    /// How long things take.
    pub delays: Delays,
    /// Takes the events.
    pub events: EventSink,
    /// How many tasks a second may be started; none for no limit.
    pub run_tasks_per_second: Option<u32>,
}

impl fmt::Debug for EcsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcsOptions({}, {})", self.region, self.agent.display())
    }
}

/// The simulator. Its tasks end with [`Ecs::shut_down`].
#[derive(Debug, Clone)]
pub struct Ecs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: EcsOptions,
    client: reqwest::Client,
    clock: SimClock,
    delays: Mutex<Delays>,
    state: Mutex<State>,
    events: Arc<Events>,
    tracker: TaskTracker,
    stop: CancellationToken,
    metadata: String,
}

#[derive(Debug)]
struct State {
    clusters: Clusters,
    definitions: Definitions,
    tasks: BTreeMap<String, Task>,
    tokens: Tokens,
    tags: BTreeMap<String, Vec<Value>>,
    capacity_failures: u32,
    rate: Rate,
}

impl Ecs {
    /// Starts a simulator without clusters.
    pub async fn start(options: EcsOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen")?;
        let metadata = format!("http://{}", listener.local_addr().context("no address")?);
        let (events, delivery) = Events::new(Arc::clone(&options.events));
        let clock = SimClock::default();
        let ecs = Self(Arc::new(Inner {
            client: crate::engine::http_client()?,
            delays: Mutex::new(options.delays),
            state: Mutex::new(State {
                clusters: Clusters::default(),
                definitions: Definitions::default(),
                tasks: BTreeMap::new(),
                tokens: Tokens::default(),
                tags: BTreeMap::new(),
                capacity_failures: 0,
                rate: Rate::new(options.run_tasks_per_second, clock.now()),
            }),
            clock,
            events,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            metadata,
            options,
        }));
        ecs.tracker().spawn(delivery);
        ecs.tracker().spawn(metadata::serve(listener, ecs.clone()));
        Ok(ecs)
    }

    /// Answers a call.
    pub fn handle(&self, call: &Call) -> Reply {
        let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        match self.answer(&call.action, &request) {
            Ok(answer) => json(200, "application/x-amz-json-1.1", &answer),
            Err(refusal) => refusal.reply(),
        }
    }

    fn answer(&self, action: &str, request: &Value) -> Answered {
        let (prefix, now) = (self.prefix(), self.clock().now());
        match action {
            "RunTask" => self.run_task(request),
            "StopTask" => self.stop_task(request),
            "DescribeTasks" => self.describe_tasks(request),
            "ListTasks" => self.list_tasks(request),
            "RegisterTaskDefinition" => self.state().definitions.register(&prefix, request, now),
            "DescribeTaskDefinition" => self.state().definitions.describe(request),
            "ListTaskDefinitions" => Ok(self.state().definitions.list(request)),
            "DeregisterTaskDefinition" => self.state().definitions.deregister(request),
            "DeleteTaskDefinitions" => self.state().definitions.delete(request),
            "CreateCluster" => Ok(self.state().clusters.create(&prefix, request)),
            "PutClusterCapacityProviders" => self.state().clusters.put_providers(request),
            "DescribeClusters" => Ok(self.describe_clusters(request)),
            "DeleteCluster" => self.delete_cluster(request),
            "TagResource" => Ok(self.tag(request)),
            "ListTagsForResource" => Ok(self.tags(request)),
            _ => Err(Refusal::new(
                "UnknownOperationException",
                format!("The simulator has no {action}."),
            )),
        }
    }

    /// The simulator's clock.
    pub fn clock(&self) -> &SimClock {
        &self.0.clock
    }

    /// How events arrive from now on.
    pub fn set_events(&self, mode: EventMode) {
        self.0.events.set_mode(mode);
    }

    /// How long things take from now on.
    pub fn set_delays(&self, change: impl FnOnce(&mut Delays)) {
        change(&mut lock(&self.0.delays));
    }

    /// The next so many `RunTask` find no capacity.
    pub fn fail_capacity(&self, times: u32) {
        self.state().capacity_failures = times;
    }

    /// Every task there ever was, as `DescribeTasks` would answer it if it knew them all.
    pub fn tasks(&self) -> Vec<Value> {
        self.state().tasks.values().map(Task::described).collect()
    }

    /// Makes the tasks end that the name means (id, ARN or `startedBy`) and that have not ended; says how many.
    pub fn end(&self, name: &str, end: &End) -> usize {
        let mut state = self.state();
        let is_meant =
            |task: &Task| task.id == refusal::last_part(name) || task.is_started_by(name);
        let mut ordered = 0;
        for task in state
            .tasks
            .values_mut()
            .filter(|task| is_meant(task) && task.desired == "RUNNING")
        {
            self.order(task, end.clone());
            ordered += 1;
        }
        ordered
    }

    /// Kills all tasks and answers nothing any more.
    pub fn shut_down(&self) {
        self.0.stop.cancel();
        let mark = metadata::mark(self.metadata(), "");
        for task in self.state().tasks.values() {
            task.order.send_replace(Some(End::HostLoss));
            leftovers::kill(task.pid, &mark, None);
        }
    }

    fn order(&self, task: &mut Task, end: End) {
        task.desired = "STOPPED";
        task.times.stopping = Some(self.clock().now());
        task.version += 1;
        task.order.send_replace(Some(end));
        self.announce(task);
    }

    /// Changes the task and sends the event of it.
    fn change(&self, id: &str, change: impl FnOnce(&mut Task, Timestamp)) {
        let mut state = self.state();
        if let Some(task) = state.tasks.get_mut(id) {
            change(task, self.clock().now());
            task.version += 1;
            self.announce(task);
        }
    }

    fn announce(&self, task: &Task) {
        self.0.events.send(&new_id(), self.region(), &task.detail());
    }

    fn find(&self, id: &str) -> Option<Task> {
        self.state().tasks.get(id).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    fn delays(&self) -> Delays {
        *lock(&self.0.delays)
    }

    fn tracker(&self) -> &TaskTracker {
        &self.0.tracker
    }

    fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    fn agent(&self) -> &Path {
        &self.0.options.agent
    }

    fn metadata(&self) -> &str {
        &self.0.metadata
    }

    fn region(&self) -> &str {
        &self.0.options.region
    }

    /// What ARNs begin with.
    fn prefix(&self) -> String {
        format!("arn:aws:ecs:{}:{ACCOUNT}", self.region())
    }

    fn log_stream(&self, task: &Task) -> Option<Stream> {
        let endpoint = self.0.options.logs_endpoint.as_deref()?;
        Stream::of(
            task.essential()?,
            &task.id,
            endpoint,
            &self.0.client,
            self.delays().log_flush,
        )
    }
}

/// 32 hexadecimal digits that were not there before.
fn new_id() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let seed = format!("{} {} {number}", std::process::id(), now().as_nanosecond());
    let hex = format!("{:x}", Sha256::digest(seed));
    hex.chars().take(32).collect()
}
