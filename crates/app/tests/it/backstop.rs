//! What the control plane does where the agent does not: stop what outlives its time, and keep what cannot be reached.

use std::time::Duration;

use runvoy_core::audit::AuditAction;
use runvoy_core::execution::Status;
use runvoy_core::outcome::Reason;
use runvoy_ports::{Clock as _, Presence};

use crate::world::{World, alice, less};

const TICK: Duration = Duration::from_millis(1);
/// The default limit and grace, and a minute.
const OVERDUE: Duration = Duration::from_secs(600 + 30 + 60);

#[tokio::test(start_paused = true)]
async fn a_run_that_outlives_its_time_its_grace_and_a_minute_is_stopped() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let agent = world.started(&run).await;
    world.later(less(OVERDUE, TICK)).await;
    assert_eq!(world.status(&run).await, Status::Running);
    assert!(!world.launcher.was_stopped(&agent.attempt));
    world.later(TICK).await;
    assert_eq!(world.status(&run).await, Status::Terminating);
    assert!(world.launcher.was_stopped(&agent.attempt));
    assert_eq!(world.holder().await.as_ref(), Some(run.id()));
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::TimedOut, None, None))
    );
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_stopped_for_its_time_timed_out_whatever_it_says() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    world.later(OVERDUE).await;
    assert!(agent.push(&world, &[]).await.unwrap().cancel);
    agent.obey(&world).await.unwrap();
    assert_eq!(world.reason(&run).await, Some(Reason::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_obey_a_cancel_is_stopped_after_its_grace_and_a_minute() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    world.app.kill(&alice(), run.id()).await.unwrap();
    world.later(less(Duration::from_secs(90), TICK)).await;
    assert!(!world.launcher.was_stopped(&agent.attempt));
    world.later(TICK).await;
    assert!(world.launcher.was_stopped(&agent.attempt));
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.reason(&run).await, Some(Reason::Cancelled));
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_can_reach_is_shown_and_keeps_its_lock() {
    let world = World::new().await;
    let (run, next) = (world.run_locked().await, world.run_locked().await);
    let agent = world.started(&run).await;
    world
        .launcher
        .set_presence(&agent.attempt, Presence::Unknown);
    world.later(Duration::from_secs(5)).await;
    let since = world.clock.now();
    world.later(Duration::from_secs(5)).await;
    let shown = world.app.execution(&alice(), run.id()).await.unwrap();
    assert_eq!(shown.execution.unreachable_since(), Some(since));
    assert_eq!(shown.execution.status(), Status::Running);
    let lock = world
        .app
        .lock(&alice(), &"prod".parse().unwrap())
        .await
        .unwrap();
    let holder = lock.holder.unwrap();
    assert_eq!(
        (&holder.execution, holder.unreachable_since),
        (run.id(), Some(since))
    );
    assert_eq!(world.status(&next).await, Status::Queued);
    assert_eq!(
        world.count(&run, AuditAction::ExecutionUnreachable).await,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_can_be_reached_again_is_shown_no_more() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    for round in 1..=2 {
        world
            .launcher
            .set_presence(&agent.attempt, Presence::Unknown);
        world.later(TICK).await;
        assert!(world.find(run.id()).await.unreachable_since().is_some());
        world
            .launcher
            .set_presence(&agent.attempt, Presence::Running);
        world.later(TICK).await;
        assert_eq!(world.find(run.id()).await.unreachable_since(), None);
        assert_eq!(
            world.count(&run, AuditAction::ExecutionReachable).await,
            round
        );
    }
    agent.exit(&world, 0).await.unwrap();
    assert_eq!(world.status(&run).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_ended_run_whose_place_nobody_can_reach_stays_open_until_it_is_gone() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let agent = world.started(&run).await;
    agent.exit(&world, 0).await.unwrap();
    world
        .launcher
        .set_presence(&agent.attempt, Presence::Unknown);
    world.later(Duration::from_hours(1)).await;
    let found = world.find(run.id()).await;
    assert!(!found.is_closed() && found.unreachable_since().is_some());
    world
        .launcher
        .set_presence(&agent.attempt, Presence::Running);
    world.later(TICK).await;
    assert_eq!(world.find(run.id()).await.unreachable_since(), None);
    assert_eq!(world.holder().await, None);
    agent.leave(&world);
    world.later(TICK).await;
    world.assert_over(&run).await;
    assert_eq!(world.find(run.id()).await.unreachable_since(), None);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_time_is_up_while_nobody_can_reach_it_keeps_its_lock_until_it_is_gone() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let agent = world.started(&run).await;
    world
        .launcher
        .set_presence(&agent.attempt, Presence::Unknown);
    world.later(OVERDUE).await;
    world.later(Duration::from_hours(5)).await;
    assert_eq!(world.status(&run).await, Status::Terminating);
    assert!(world.launcher.was_stopped(&agent.attempt));
    assert_eq!(world.holder().await.as_ref(), Some(run.id()));
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.reason(&run).await, Some(Reason::TimedOut));
    world.assert_over(&run).await;
}
