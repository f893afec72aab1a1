//! An application in a small world: a store in memory, a launcher and a clock that do what they are told.

mod agent;
mod launcher;
mod watched;
mod wishes;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runvoy_app::{
    App, AppError, IsOwnerAlive, KeyUseStyle, LaunchStyle, NewExecution, Parts, StackKey,
    Submitted, Task, Tuning,
};
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::{ExecutionId, OwnerId};
use runvoy_core::lock::Lock;
use runvoy_core::log::{Entry, LogHead, Seq};
use runvoy_core::outcome::Reason;
use runvoy_ports::{
    AuditQuery, AuditReads as _, ExecutionReads as _, LockReads as _, LogReads as _,
};
use runvoy_sql::SqliteStore;
use runvoy_testkit::{FaultPlan, FaultyStore, ManualClock, eventually, sample};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) use agent::Agent;
pub(crate) use launcher::{Asked, TestLauncher};
pub(crate) use watched::WatchedStore;
pub(crate) use wishes::{alice, keyed, less, person, standard, wish};

/// For how long logs are kept.
pub(crate) const LOG_RETENTION: Duration = Duration::from_hours(24 * 92);

/// Tasks that hand on ever new ones are a fault of their own.
const MAX_TASKS: usize = 2000;

/// Every style of launching.
pub(crate) const STYLES: [LaunchStyle; 2] = [LaunchStyle::Careful, LaunchStyle::Swift];

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) watched: Arc<WatchedStore>,
    pub(crate) launcher: Arc<TestLauncher>,
    pub(crate) clock: Arc<ManualClock>,
    tasks: Mutex<mpsc::UnboundedReceiver<Task>>,
    loses_tasks: AtomicBool,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(FaultPlan::none()).await
    }

    pub(crate) async fn with(plan: FaultPlan) -> Self {
        Self::styled(LaunchStyle::Careful, plan).await
    }

    /// A world that launches in this style; where that is swift, it runs containers.
    pub(crate) async fn styled(launch_style: LaunchStyle, plan: FaultPlan) -> Self {
        let inner = SqliteStore::in_memory().await.unwrap();
        let watched = Arc::new(WatchedStore::new(inner));
        let launcher = TestLauncher::default();
        if launch_style == LaunchStyle::Swift {
            launcher.run_containers(standard());
        }
        let store = FaultyStore::new(watched.clone(), plan);
        Self::of(
            (Arc::new(store), watched),
            (Arc::new(launcher), Arc::default()),
            (None, Arc::new(|_| false)),
            Tuning {
                launch_style,
                log_retention: Some(LOG_RETENTION),
                key_use_style: match launch_style {
                    LaunchStyle::Careful => KeyUseStyle::AtOnce,
                    LaunchStyle::Swift => KeyUseStyle::Later,
                },
                ..Tuning::default()
            },
        )
    }

    /// Another process on the same machine and store, driving for `owner`.
    pub(crate) fn beside(&self, owner: Option<OwnerId>, is_owner_alive: IsOwnerAlive) -> Self {
        Self::of(
            (Arc::clone(&self.store), Arc::clone(&self.watched)),
            (Arc::clone(&self.launcher), Arc::clone(&self.clock)),
            (owner, is_owner_alive),
            *self.app.tuning(),
        )
    }

    fn of(
        (store, watched): (Arc<FaultyStore>, Arc<WatchedStore>),
        (launcher, clock): (Arc<TestLauncher>, Arc<ManualClock>),
        (owner, is_owner_alive): (Option<OwnerId>, IsOwnerAlive),
        tuning: Tuning,
    ) -> Self {
        let (sender, tasks) = mpsc::unbounded_channel();
        let app = App::new(Parts {
            store: store.clone(),
            launcher: launcher.clone(),
            clock: clock.clone(),
            key: StackKey::new(&[7; 32]),
            tasks: sender,
            owner,
            is_owner_alive,
            tuning,
        });
        Self {
            app,
            store,
            watched,
            launcher,
            clock,
            tasks: Mutex::new(tasks),
            loses_tasks: AtomicBool::new(false),
        }
    }

    /// From now on nobody does what is handed on.
    pub(crate) fn lose_tasks(&self) {
        self.loses_tasks.store(true, Ordering::SeqCst);
    }

    /// What has moved since the last look.
    pub(crate) fn next_task(&self) -> Option<Task> {
        self.tasks.lock().unwrap().try_recv().ok()
    }

    /// Does what has moved, and what that moves, as a server does at once; what fails is left to the reconciler.
    pub(crate) async fn work(&self) {
        for _ in 0..MAX_TASKS {
            let Some(task) = self.next_task() else {
                return;
            };
            if self.loses_tasks.load(Ordering::SeqCst) {
                continue;
            }
            let _left: Result<(), AppError> = match &task {
                Task::Drive(id) => self.app.drive(id).await.map(drop),
                Task::Advance(name) => self.app.advance(name).await,
            };
        }
        panic!("tasks without end");
    }

    /// Works beside the test, until an answer of the launcher's is held back.
    pub(crate) async fn work_until_held(self: &Arc<Self>) -> JoinSet<()> {
        let mut working = JoinSet::new();
        let world = Arc::clone(self);
        working.spawn(async move { world.later(Duration::ZERO).await });
        eventually(Duration::from_mins(1), || async {
            (self.launcher.held() == 1).then_some(())
        })
        .await;
        working
    }

    /// What the reconciler does when `by` has passed.
    pub(crate) async fn later(&self, by: Duration) {
        self.clock.advance(by);
        let _left: Result<(), AppError> = self.app.reconcile().await;
        self.work().await;
    }

    /// Submits without a lock, and has it driven.
    pub(crate) async fn run(&self) -> Execution {
        let submitted = self.submit(wish(None)).await.unwrap();
        self.work().await;
        self.find(submitted.execution.id()).await
    }

    /// Submits under the lock `prod`, and has it driven.
    pub(crate) async fn run_locked(&self) -> Execution {
        let submitted = self.submit(wish(Some("prod"))).await.unwrap();
        self.work().await;
        self.find(submitted.execution.id()).await
    }

    pub(crate) async fn submit(&self, wish: NewExecution) -> Result<Submitted, AppError> {
        self.app.submit(&alice(), wish).await
    }

    /// The agent of a submitted execution, started.
    pub(crate) async fn started(&self, execution: &Execution) -> Agent {
        let mut agent = Agent::of(execution);
        agent.start(self).await.unwrap();
        self.work().await;
        agent
    }

    pub(crate) async fn find(&self, id: &ExecutionId) -> Execution {
        self.store.find_execution(id).await.unwrap().unwrap().value
    }

    pub(crate) async fn status(&self, execution: &Execution) -> Status {
        self.find(execution.id()).await.status()
    }

    /// Why the execution ended, its exit code, and the words.
    pub(crate) async fn outcome(
        &self,
        execution: &Execution,
    ) -> Option<(Reason, Option<i32>, Option<String>)> {
        let found = self.find(execution.id()).await;
        let (outcome, _) = found.ended()?;
        let words = outcome.words().map(str::to_owned);
        Some((outcome.reason(), outcome.exit_code(), words))
    }

    pub(crate) async fn reason(&self, execution: &Execution) -> Option<Reason> {
        Some(self.outcome(execution).await?.0)
    }

    pub(crate) async fn head(&self, execution: &Execution) -> LogHead {
        let head = self.store.find_head(execution.id()).await;
        head.unwrap().unwrap()
    }

    pub(crate) async fn entries(&self, execution: &Execution) -> Vec<Entry> {
        let all = self
            .store
            .read_entries(execution.id(), Seq::START, usize::MAX);
        all.await.unwrap()
    }

    pub(crate) async fn texts(&self, execution: &Execution) -> Vec<String> {
        let entries = self.entries(execution).await.into_iter();
        entries.map(|entry| entry.text).collect()
    }

    /// The lock `prod`.
    pub(crate) async fn prod(&self) -> Lock {
        let found = self.store.find_lock(&sample::lock_name("prod")).await;
        found.unwrap().unwrap().value
    }

    pub(crate) async fn holder(&self) -> Option<ExecutionId> {
        let lock = self.prod().await;
        lock.holder().map(|holder| holder.execution.clone())
    }

    /// How often the trail says that this was done to the execution.
    pub(crate) async fn count(&self, execution: &Execution, action: AuditAction) -> usize {
        let query = AuditQuery {
            execution: Some(execution.id().clone()),
            limit: 1000,
            ..AuditQuery::default()
        };
        let trail = self.store.list_audit(&query).await.unwrap();
        trail.iter().filter(|entry| entry.action == action).count()
    }

    /// Fails unless nothing of the execution is left: closed, its lock free, its values and its log closed.
    pub(crate) async fn assert_over(&self, execution: &Execution) {
        let found = self.find(execution.id()).await;
        assert!(found.is_closed(), "{found:?}");
        assert_eq!(found.sealed(), None);
        assert!(self.head(execution).await.is_closed);
        if let Some(wanted) = &found.submission().lock {
            let lock = self.store.find_lock(&wanted.name).await.unwrap().unwrap();
            let holder = lock.value.holder().map(|holder| &holder.execution);
            assert_ne!(holder, Some(found.id()));
            let line = self.store.list_waiters(&wanted.name, 1000).await.unwrap();
            assert!(line.iter().all(|one| one.value.execution != *found.id()));
        }
        assert!(self.count(execution, AuditAction::ExecutionStarted).await <= 1);
        assert!(self.count(execution, AuditAction::ExecutionEnded).await <= 1);
        assert_eq!(self.count(execution, AuditAction::ExecutionClosed).await, 1);
        assert!(self.launcher.has_cleaned_up_all_of(&found));
    }
}
