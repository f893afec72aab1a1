//! A store that goes wrong once, at any call, in any way: the story ends as if it had not.

mod story;

use std::sync::Arc;
use std::time::Duration;

use runvoy_app::LaunchStyle;
use runvoy_ports::ExecutionReads as _;
use runvoy_testkit::{Call, Fault, FaultPlan};
use tokio::task::JoinSet;

use crate::world::{STYLES, World, wish};
use story::{Fate, tell};

/// More calls in a row than are tried for one change.
const LONG: u64 = 6;

/// Tells the story with `count` calls going wrong from each call on, in both styles, and compares its ends.
async fn each(call: Call, fault: Fault, count: u64) {
    for style in STYLES {
        let (calls, expected) = without_faults(style, call).await;
        assert!(calls >= 5, "{calls}");
        for number in 1..=calls {
            let plan = (number..number + count).fold(FaultPlan::none(), |plan, number| {
                plan.at(call, number, fault)
            });
            let fates = tell(&World::styled(style, plan).await).await;
            assert_eq!(
                fates, expected,
                "{style:?} {call:?} {number} {fault:?}, {count} times"
            );
        }
    }
}

async fn without_faults(style: LaunchStyle, call: Call) -> (u64, Vec<Fate>) {
    let world = World::styled(style, FaultPlan::none()).await;
    let fates = tell(&world).await;
    (world.store.plan().count(call), fates)
}

#[tokio::test(start_paused = true)]
async fn without_faults_the_story_ends_as_it_is_told() {
    for style in STYLES {
        let (_, fates) = without_faults(style, Call::Commit).await;
        assert_eq!(fates, Fate::expected(), "{style:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_refused_changes_no_end() {
    each(Call::Commit, Fault::Refuse, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_refused_until_its_writer_gives_up_changes_no_end() {
    each(Call::Commit, Fault::Refuse, LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_without_room_changes_no_end() {
    each(Call::Commit, Fault::Full, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_conflicts_changes_no_end() {
    each(Call::Commit, Fault::Conflict, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_reply_is_lost_changes_no_end() {
    each(Call::Commit, Fault::DropReply, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_replies_are_lost_until_its_writer_gives_up_changes_no_end() {
    each(Call::Commit, Fault::DropReply, LONG).await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_refused_change_no_end() {
    each(Call::Append, Fault::Refuse, 1).await;
}

#[tokio::test(start_paused = true)]
async fn lines_whose_reply_is_lost_change_no_end() {
    each(Call::Append, Fault::DropReply, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_delayed_commit_beside_a_reconciler_changes_no_end() {
    for style in STYLES {
        let (calls, expected) = without_faults(style, Call::Commit).await;
        for number in 1..=calls {
            let plan = FaultPlan::none().at(Call::Commit, number, Fault::DelayMs(40));
            let world = Arc::new(World::styled(style, plan).await);
            let mut beside = JoinSet::new();
            beside.spawn(reconcile_always(Arc::clone(&world)));
            assert_eq!(tell(&world).await, expected, "{style:?} {number}");
        }
    }
}

/// Reconciles again and again, while others do what has moved.
async fn reconcile_always(world: Arc<World>) {
    let mut pace = tokio::time::interval(Duration::from_millis(7));
    loop {
        pace.tick().await;
        world.app.reconcile().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_on_may_be_lost_altogether() {
    for style in STYLES {
        let world = World::styled(style, FaultPlan::none()).await;
        world.lose_tasks();
        assert_eq!(tell(&world).await, Fate::expected(), "{style:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_submission_whose_reply_is_lost_is_one_execution() {
    let plan = FaultPlan::none().at(Call::Commit, 1, Fault::DropReply);
    let world = World::with(plan).await;
    let submitted = world.submit(wish(Some("prod"))).await.unwrap();
    let open = world.store.list_open(None, 9).await.unwrap();
    assert_eq!(open, [submitted.execution.id().clone()]);
}
