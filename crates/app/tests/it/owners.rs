//! Several processes share a store, and each drives only what it has submitted itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::OwnerId;
use runvoy_core::log::Seq;
use runvoy_core::outcome::Reason;
use runvoy_testkit::sample;

use crate::world::{Agent, World, wish};

const TICK: Duration = Duration::from_millis(1);

/// Two command lines on one machine, and which of them live.
struct Pair {
    first: World,
    second: World,
    living: Arc<Mutex<BTreeSet<String>>>,
}

impl Pair {
    async fn new() -> Self {
        let living = Arc::new(Mutex::new(BTreeSet::from([name('a'), name('b')])));
        let world = World::new().await;
        let one = |letter: char| {
            let living = Arc::clone(&living);
            let owner: OwnerId = name(letter).parse().unwrap();
            world.beside(
                Some(owner),
                Arc::new(move |owner| living.lock().unwrap().contains(owner.as_str())),
            )
        };
        Self {
            first: one('a'),
            second: one('b'),
            living,
        }
    }

    /// The first process dies, and with it everything that it was about to do.
    fn first_dies(&self) {
        self.living.lock().unwrap().remove(&name('a'));
        while self.first.next_task().is_some() {}
    }

    async fn queued_by_the_first(&self) -> Execution {
        let submitted = self.first.submit(wish(Some("prod"))).await.unwrap();
        self.first.work().await;
        assert_eq!(submitted.execution.status(), Status::Queued);
        submitted.execution
    }
}

fn name(letter: char) -> String {
    letter.to_string().repeat(32)
}

#[tokio::test(start_paused = true)]
async fn nobody_drives_what_a_living_owner_has_submitted() {
    let pair = Pair::new().await;
    let run = pair.first.submit(wish(None)).await.unwrap().execution;
    pair.second.later(Duration::from_mins(1)).await;
    assert_eq!(pair.second.launcher.launched(), []);
    assert_eq!(pair.second.find(run.id()).await, run);
    pair.first.work().await;
    assert_eq!(pair.first.launcher.launched().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_lists_only_its_own_as_open() {
    let pair = Pair::new().await;
    pair.first.run().await;
    assert!(pair.first.app.has_own_open().await.unwrap());
    assert!(!pair.second.app.has_own_open().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_owner_had_queued_is_cancelled_and_the_next_moves_up() {
    let pair = Pair::new().await;
    let holder = pair.second.run_locked().await;
    let queued = pair.queued_by_the_first().await;
    let next = pair.second.run_locked().await;
    pair.first_dies();
    pair.second.later(TICK).await;
    assert_eq!(pair.second.reason(&queued).await, Some(Reason::Cancelled));
    pair.second.assert_over(&queued).await;
    assert_eq!(pair.second.holder().await.as_ref(), Some(holder.id()));
    let agent = pair.second.started(&holder).await;
    agent.exit(&pair.second, 0).await.unwrap();
    pair.second.work().await;
    assert_eq!(pair.second.holder().await.as_ref(), Some(next.id()));
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_not_handed_to_what_a_dead_owner_had_queued() {
    let pair = Pair::new().await;
    let holder = pair.second.run_locked().await;
    let queued = pair.queued_by_the_first().await;
    pair.first_dies();
    // Nobody has reconciled yet: the hand-over itself must see it.
    let agent = pair.second.started(&holder).await;
    agent.exit(&pair.second, 0).await.unwrap();
    pair.second.work().await;
    assert_eq!(pair.second.reason(&queued).await, Some(Reason::Cancelled));
    assert_eq!(pair.second.holder().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_owner_had_launched_but_not_started_is_cancelled() {
    let pair = Pair::new().await;
    let run = pair.first.run_locked().await;
    pair.first_dies();
    pair.second.later(TICK).await;
    assert_eq!(pair.second.reason(&run).await, Some(Reason::Cancelled));
    assert_eq!(pair.second.holder().await, None);
    let agent = Agent::of(&run);
    assert!(pair.second.launcher.was_stopped(&agent.attempt));
    agent.leave(&pair.second);
    pair.second.later(TICK).await;
    pair.second.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_owner_had_started_ends_as_the_copy_says() {
    let pair = Pair::new().await;
    let run = pair.first.run_locked().await;
    let agent = pair.first.started(&run).await;
    pair.first_dies();
    let end = (Seq::new(2), "none exit 0".parse().unwrap());
    let copy = sample::entries(1, 2);
    pair.second
        .launcher
        .set_copy(&agent.attempt, copy, Some(end));
    agent.leave(&pair.second);
    pair.second.later(TICK).await;
    assert_eq!(pair.second.status(&run).await, Status::Succeeded);
    assert_eq!(pair.second.texts(&run).await, ["line 1", "line 2"]);
    pair.second.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_owner_had_started_was_interrupted_where_the_copy_says_nothing() {
    let pair = Pair::new().await;
    let run = pair.first.run_locked().await;
    let agent = pair.first.started(&run).await;
    pair.first_dies();
    // Its agent lives yet: it notices the death by itself and stops its command.
    pair.second.later(TICK).await;
    assert_eq!(pair.second.status(&run).await, Status::Running);
    assert!(!pair.second.launcher.was_stopped(&agent.attempt));
    agent.leave(&pair.second);
    pair.second.later(TICK).await;
    assert_eq!(pair.second.reason(&run).await, Some(Reason::Interrupted));
    pair.second.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_owner_had_ended_is_closed_by_another() {
    let pair = Pair::new().await;
    let run = pair.first.run().await;
    let agent = pair.first.started(&run).await;
    agent.exit(&pair.first, 4).await.unwrap();
    pair.first_dies();
    agent.leave(&pair.second);
    pair.second.later(TICK).await;
    assert_eq!(
        pair.second.outcome(&run).await,
        Some((Reason::Exited, Some(4), None))
    );
    pair.second.assert_over(&run).await;
}
