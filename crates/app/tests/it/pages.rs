//! The reconciler as far as its time goes, and on from there.

use std::time::Duration;

use runvoy_app::LaunchStyle;
use runvoy_core::execution::Execution;
use runvoy_core::id::ExecutionId;
use runvoy_testkit::{Call, Fault, FaultPlan};
use tokio::time::Instant;

use crate::world::{World, wish};

const RUNS: u64 = 5;

/// Some runs that nobody has driven, and what their first changes meet.
async fn undriven(faults: impl IntoIterator<Item = (u64, Fault)>) -> (World, Vec<Execution>) {
    let faults = faults.into_iter();
    let plan = faults.fold(FaultPlan::none(), |plan, (number, fault)| {
        plan.at(Call::Commit, RUNS + number, fault)
    });
    let world = World::with(plan).await;
    world.lose_tasks();
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(world.submit(wish(None)).await.unwrap().execution);
    }
    (world, runs)
}

fn launched(world: &World) -> Vec<ExecutionId> {
    let launched = world.launcher.launched().into_iter();
    launched.map(|one| one.execution().clone()).collect()
}

fn ids(runs: &[Execution]) -> Vec<ExecutionId> {
    runs.iter().map(|run| run.id().clone()).collect()
}

// In real time: a paused clock would run to the deadline while the database works in its own thread.
#[tokio::test]
async fn it_stops_when_its_time_is_up_and_goes_on_from_there() {
    // Each launch is written down in two seconds.
    let (world, runs) = undriven((1..=RUNS).map(|number| (number, Fault::DelayMs(2000)))).await;
    let deadline = Instant::now() + Duration::from_secs(5);
    let stopped = world.app.reconcile_until(None, Some(deadline)).await;
    let stopped = stopped.unwrap();
    assert_eq!(stopped.as_ref(), Some(runs[2].id()));
    assert_eq!(launched(&world), ids(&runs[..3]));
    let over = world.app.reconcile_until(stopped, None).await.unwrap();
    assert_eq!(over, None);
    assert_eq!(launched(&world), ids(&runs));
}

#[tokio::test(start_paused = true)]
async fn without_time_it_does_nothing_and_stays_where_it_was() {
    let (world, runs) = undriven([]).await;
    for after in [None, Some(runs[1].id().clone())] {
        let now = Some(Instant::now());
        let stopped = world.app.reconcile_until(after.clone(), now).await;
        assert_eq!(stopped.unwrap(), after);
        assert!(launched(&world).is_empty());
    }
}

#[tokio::test]
async fn it_drives_only_what_is_newer_and_answers_nothing_at_the_end() {
    let (world, runs) = undriven([]).await;
    let deadline = Some(Instant::now() + Duration::from_secs(45));
    let after = Some(runs[2].id().clone());
    assert_eq!(
        world.app.reconcile_until(after, deadline).await.unwrap(),
        None
    );
    assert_eq!(launched(&world), ids(&runs[3..]));
    let after = Some(runs[4].id().clone());
    assert_eq!(
        world.app.reconcile_until(after, deadline).await.unwrap(),
        None
    );
    assert_eq!(
        world.app.reconcile_until(None, deadline).await.unwrap(),
        None
    );
    assert_eq!(launched(&world).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_driven_stops_no_other() {
    // The answer to the second launch cannot be written down, however often it is tried.
    let (world, runs) = undriven((2..=7).map(|number| (number, Fault::Refuse))).await;
    let over = world.app.reconcile_until(None, None).await.unwrap();
    assert_eq!(over, None);
    assert_eq!(launched(&world), ids(&runs));
    let accepted = async |run: &Execution| world.find(run.id()).await.lease_until().is_none();
    assert!(!accepted(&runs[1]).await);
    for run in [&runs[0], &runs[2], &runs[3], &runs[4]] {
        assert!(accepted(run).await);
    }
    world.later(Duration::from_secs(20)).await;
    assert!(accepted(&runs[1]).await);
}

#[tokio::test]
async fn one_that_fails_is_passed_by_the_cursor_too() {
    let mut faults: Vec<_> = (1..=6).map(|number| (number, Fault::Refuse)).collect();
    faults.push((7, Fault::DelayMs(5000)));
    let (world, runs) = undriven(faults).await;
    let deadline = Instant::now() + Duration::from_secs(4);
    let stopped = world.app.reconcile_until(None, Some(deadline)).await;
    assert_eq!(stopped.unwrap().as_ref(), Some(runs[1].id()));
    assert_eq!(launched(&world), ids(&runs[..2]));
}

#[tokio::test]
async fn one_that_takes_for_ever_is_broken_off_and_passed_by() {
    let (world, runs) = undriven([(1, Fault::DelayMs(3_600_000))]).await;
    let deadline = Instant::now() + Duration::from_secs(3);
    let stopped = world.app.reconcile_until(None, Some(deadline)).await;
    let stopped = stopped.unwrap();
    assert_eq!(stopped.as_ref(), Some(runs[0].id()));
    let over = world.app.reconcile_until(stopped, None).await.unwrap();
    assert_eq!(over, None);
    assert_eq!(launched(&world), ids(&runs));
}

#[tokio::test(start_paused = true)]
async fn more_than_one_look_can_see_is_driven_to_the_last() {
    let world = World::styled(LaunchStyle::Swift, FaultPlan::none()).await;
    let mut runs = Vec::new();
    for _ in 0..501 {
        runs.push(world.submit(wish(None)).await.unwrap().execution);
    }
    assert_eq!(world.app.reconcile_until(None, None).await.unwrap(), None);
    assert_eq!(launched(&world), ids(&runs));
}
