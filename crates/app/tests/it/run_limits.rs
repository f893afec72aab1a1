//! How many executions may be under way at once, however many are submitted at the same moment.

use std::num::NonZeroU32;
use std::sync::Arc;

use runvoy_app::{ErrorKind, OpContext, RunLimits};
use runvoy_testkit::sample;
use tokio::task::JoinSet;

use crate::world::{World, alice, keyed, wish};

/// So many people submit so much at the same moment; answers how many were accepted.
async fn crowd(world: &World, limits: RunLimits, people: &[&str]) -> usize {
    let app = world.app.clone().with_run_limits(limits);
    let mut submitting = JoinSet::new();
    for name in people {
        let app = app.clone();
        let mut ctx: OpContext = alice();
        ctx.actor.email = sample::email(name);
        submitting.spawn(async move { app.submit(&ctx, wish(None)).await });
    }
    let mut accepted = 0;
    for result in submitting.join_all().await {
        match result {
            Ok(_) => accepted += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::TooManyRuns),
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_crowd_exactly_as_many_as_there_is_room_for_get_in() {
    let of_user = RunLimits {
        per_user: NonZeroU32::new(7),
        in_all: None,
    };
    let world = World::new().await;
    assert_eq!(crowd(&world, of_user, &["alice"; 50]).await, 7);
    assert_eq!(crowd(&world, of_user, &["alice", "bob"]).await, 1);
    let of_all = RunLimits {
        per_user: NonZeroU32::new(7),
        in_all: NonZeroU32::new(12),
    };
    assert_eq!(crowd(&world, of_all, &["carol"; 50]).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_sent_many_times_at_once_is_one_run() {
    let world = Arc::new(World::new().await);
    let limits = RunLimits {
        per_user: NonZeroU32::new(1),
        in_all: NonZeroU32::new(1),
    };
    let app = world.app.clone().with_run_limits(limits);
    let mut submitting = JoinSet::new();
    for _ in 0..20 {
        let app = app.clone();
        submitting.spawn(async move { app.submit(&alice(), keyed(wish(None), "once", 'a')).await });
    }
    let mut ids: Vec<_> = submitting
        .join_all()
        .await
        .into_iter()
        .map(|result| result.unwrap().execution.id().clone())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn nothing_is_counted_where_nothing_is_limited() {
    let world = World::new().await;
    world.watched.calls();
    world.submit(wish(None)).await.unwrap();
    assert!(!world.watched.calls().contains(&"count_executions"));
}
