//! Requests that are sent again under the same name: done once, answered every time.

use std::time::Duration;

use runvoy_app::{ErrorKind, LaunchStyle, LockWish, NewExecution, Task};
use runvoy_core::execution::Status;
use runvoy_ports::ExecutionReads as _;
use runvoy_testkit::{Call, Fault, FaultPlan, sample};

use crate::world::{STYLES, World, keyed, wish};

const LEASE: Duration = Duration::from_secs(20);
/// How often a commit without an answer is tried in all.
const TRIES: u64 = 6;

fn no_wait() -> NewExecution {
    NewExecution {
        lock: Some(LockWish {
            name: sample::lock_name("prod"),
            timeout: None,
            no_wait: true,
            glance: None,
        }),
        ..wish(None)
    }
}

/// So many commits in a row whose replies are lost.
fn lost_replies(count: u64) -> FaultPlan {
    (1..=count).fold(FaultPlan::none(), |plan, number| {
        plan.at(Call::Commit, number, Fault::DropReply)
    })
}

async fn open(world: &World) -> usize {
    world.store.list_open(None, 100).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_repeat_answers_the_same_run_and_has_it_driven() {
    for style in STYLES {
        let world = World::styled(style, FaultPlan::none()).await;
        let first = world.submit(keyed(wish(None), "k", 'a')).await.unwrap();
        let id = first.execution.id();
        assert_eq!(world.next_task(), Some(Task::Drive(id.clone())));
        let again = world.submit(keyed(wish(None), "k", 'a')).await.unwrap();
        assert_eq!(again.execution.id(), id);
        assert_eq!(world.next_task(), Some(Task::Drive(id.clone())));
        let other = world.submit(keyed(wish(None), "k", 'b')).await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::IdempotencyMismatch);
        assert_eq!(world.next_task(), None);
        assert_eq!(open(&world).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_first_answer_was_lost_is_one_run() {
    for style in STYLES {
        for lost in [1, 2, TRIES, 2 * TRIES] {
            let world = World::styled(style, lost_replies(lost)).await;
            let mut answers = Vec::new();
            for _ in 0..3 {
                let wish = keyed(wish(Some("prod")), "k", 'a');
                answers.push(world.submit(wish).await.unwrap().execution);
            }
            let id = answers[0].id();
            assert!(answers.iter().all(|answer| answer.id() == id));
            let other = keyed(wish(Some("prod")), "k", 'b');
            let other = world.submit(other).await.unwrap_err();
            assert_eq!(other.kind(), ErrorKind::IdempotencyMismatch);
            assert_eq!(open(&world).await, 1, "{style:?} {lost}");
            world.work().await;
            world.later(LEASE).await;
            assert_eq!(world.launcher.launched().len(), 1, "{style:?} {lost}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_arrived_is_a_new_run_when_it_is_sent_again() {
    let plan = (1..=2 * TRIES).fold(FaultPlan::none(), |plan, number| {
        plan.at(Call::Commit, number, Fault::Refuse)
    });
    let world = World::with(plan).await;
    let wish = || keyed(wish(Some("prod")), "k", 'a');
    let failed = world.submit(wish()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
    assert_eq!((open(&world).await, world.next_task()), (0, None));
    let run = world.submit(wish()).await.unwrap().execution;
    assert_eq!(run.status(), Status::Starting);
}

#[tokio::test(start_paused = true)]
async fn who_will_not_wait_and_asks_again_is_not_refused_for_their_own_run() {
    for style in STYLES {
        for lost in [0, TRIES] {
            let world = World::styled(style, lost_replies(lost)).await;
            let first = world.submit(keyed(no_wait(), "k", 'a')).await.unwrap();
            let again = world.submit(keyed(no_wait(), "k", 'a')).await.unwrap();
            assert_eq!(again.execution.id(), first.execution.id());
            assert_eq!(world.holder().await.as_ref(), Some(first.execution.id()));
            let other = world.submit(keyed(no_wait(), "l", 'a')).await.unwrap_err();
            assert_eq!(other.kind(), ErrorKind::LockBusy);
            let changed = world.submit(keyed(no_wait(), "k", 'b')).await.unwrap_err();
            assert_eq!(changed.kind(), ErrorKind::IdempotencyMismatch);
            assert_eq!(open(&world).await, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_will_not_wait_and_asks_again_by_a_glance_is_not_refused_either() {
    let world = World::styled(LaunchStyle::Swift, FaultPlan::none()).await;
    let first = world.submit(keyed(no_wait(), "k", 'a')).await.unwrap();
    let mut wish = keyed(no_wait(), "k", 'a');
    let name = sample::lock_name("prod");
    let glance = world.app.glance(&name).await.unwrap();
    wish.lock.as_mut().unwrap().glance = Some(glance);
    let again = world.submit(wish).await.unwrap();
    assert_eq!(again.execution.id(), first.execution.id());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_remembered() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    let refused = world.submit(keyed(no_wait(), "k", 'a')).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockBusy);
    let agent = world.started(&holder).await;
    agent.exit(&world, 0).await.unwrap();
    agent.leave(&world);
    world.work().await;
    // Not even the body is: the same name may now be of another request.
    let run = world.submit(keyed(no_wait(), "k", 'b')).await.unwrap();
    assert_eq!(world.holder().await.as_ref(), Some(run.execution.id()));
}

#[tokio::test(start_paused = true)]
async fn the_same_request_many_times_at_once_is_one_run() {
    for style in STYLES {
        let world = World::styled(style, FaultPlan::none()).await;
        let submit = || world.submit(keyed(wish(Some("prod")), "k", 'a'));
        let (a, b, c) = tokio::join!(submit(), submit(), submit());
        let id = a.unwrap().execution.id().clone();
        assert_eq!(b.unwrap().execution.id(), &id);
        assert_eq!(c.unwrap().execution.id(), &id);
        world.work().await;
        assert_eq!(open(&world).await, 1);
        assert_eq!(world.launcher.launched().len(), 1);
    }
}
