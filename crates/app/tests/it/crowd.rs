//! Many at once on one lock.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runvoy_app::Task;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::{AttemptId, ExecutionId};
use runvoy_testkit::{eventually, sample};
use tokio::task::JoinSet;

use crate::world::{Agent, World, wish};

const MANY: usize = 50;
const WORKERS: usize = 4;

/// Everybody who does something, and what they have seen.
struct Crowd {
    world: World,
    inside: AtomicUsize,
    seen: Mutex<HashSet<AttemptId>>,
    served: Mutex<Vec<ExecutionId>>,
}

impl Crowd {
    async fn new() -> Arc<Self> {
        Arc::new(Self {
            world: World::new().await,
            inside: AtomicUsize::new(0),
            seen: Mutex::default(),
            served: Mutex::default(),
        })
    }

    /// Does what has moved, beside others who do so, and advances the lock without being asked.
    async fn work(self: Arc<Self>) {
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        loop {
            pace.tick().await;
            while let Some(task) = self.world.next_task() {
                let done = match &task {
                    Task::Drive(id) => self.world.app.drive(id).await.map(drop),
                    Task::Advance(name) => self.world.app.advance(name).await,
                };
                done.unwrap();
            }
            let prod = sample::lock_name("prod");
            self.world.app.advance(&prod).await.unwrap();
        }
    }

    /// Runs whatever is placed; between start and finish nobody else may be.
    async fn run_agents(self: Arc<Self>) {
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        let mut agents = JoinSet::new();
        loop {
            pace.tick().await;
            for attempt in self.world.launcher.launched() {
                if self.seen.lock().unwrap().insert(attempt.clone()) {
                    agents.spawn(Arc::clone(&self).run_agent(attempt));
                }
            }
            while let Some(agent) = agents.try_join_next() {
                agent.unwrap();
            }
        }
    }

    async fn run_agent(self: Arc<Self>, attempt: AttemptId) {
        let mut agent = Agent::new(attempt, 1);
        agent.start(&self.world).await.unwrap();
        assert_eq!(self.inside.fetch_add(1, Ordering::SeqCst), 0);
        let holder = self.world.holder().await;
        assert_eq!(holder.as_ref(), Some(agent.attempt.execution()));
        self.served
            .lock()
            .unwrap()
            .push(agent.attempt.execution().clone());
        agent.say(&self.world, &["inside"]).await.unwrap();
        assert_eq!(self.inside.fetch_sub(1, Ordering::SeqCst), 1);
        agent.exit(&self.world, 0).await.unwrap();
        agent.leave(&self.world);
    }

    /// Works until everybody was served.
    async fn serve(self: &Arc<Self>) {
        let mut working = JoinSet::new();
        for _ in 0..WORKERS {
            working.spawn(Arc::clone(self).work());
        }
        working.spawn(Arc::clone(self).run_agents());
        let all_closed = eventually(Duration::from_mins(1), || {
            assert!(working.try_join_next().is_none(), "a worker failed");
            self.are_all_closed()
        });
        all_closed.await;
    }

    async fn are_all_closed(&self) -> Option<()> {
        let served = self.served.lock().unwrap().clone();
        for id in &served {
            if !self.world.find(id).await.is_closed() {
                return None;
            }
        }
        (served.len() == MANY).then_some(())
    }

    async fn check(&self, submitted: &BTreeSet<ExecutionId>) {
        let served = self.served.lock().unwrap().clone();
        assert_eq!(served.iter().cloned().collect::<BTreeSet<_>>(), *submitted);
        for (place, id) in served.iter().enumerate() {
            let found = self.world.find(id).await;
            assert_eq!(found.status(), Status::Succeeded);
            assert_eq!(found.fence().unwrap().number(), place as u64 + 1);
            self.world.assert_over(&found).await;
        }
        assert_eq!(self.world.holder().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_submitted_at_once_each_holds_the_lock_alone_and_once() {
    let crowd = Crowd::new().await;
    let mut submitting = JoinSet::new();
    for _ in 0..MANY {
        let crowd = Arc::clone(&crowd);
        submitting.spawn(async move {
            let submitted = crowd.world.submit(wish(Some("prod"))).await.unwrap();
            submitted.execution.id().clone()
        });
    }
    let serving = crowd.serve();
    let (submitted, ()) = tokio::join!(submitting.join_all(), serving);
    crowd.check(&submitted.into_iter().collect()).await;
}

#[tokio::test(start_paused = true)]
async fn those_who_submit_one_after_the_other_are_served_in_that_order() {
    let crowd = Crowd::new().await;
    let submitting = async {
        let mut submitted: Vec<Execution> = Vec::new();
        for _ in 0..MANY {
            let one = crowd.world.submit(wish(Some("prod"))).await.unwrap();
            submitted.push(one.execution);
        }
        submitted
    };
    let (submitted, ()) = tokio::join!(submitting, crowd.serve());
    let ids: Vec<_> = submitted.iter().map(|one| one.id().clone()).collect();
    assert!(ids.is_sorted());
    assert_eq!(*crowd.served.lock().unwrap(), ids);
    crowd.check(&ids.into_iter().collect()).await;
}
