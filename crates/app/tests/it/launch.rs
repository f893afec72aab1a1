//! Launches that are refused, lost, late or in vain.

use std::sync::Arc;
use std::time::Duration;

use runvoy_app::ErrorKind;
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Evidence, Status};
use runvoy_core::id::AttemptId;
use runvoy_core::outcome::Reason;
use runvoy_ports::Presence;
use runvoy_testkit::ScriptedLaunch;

use crate::world::{Agent, Asked, World, alice, less, wish};

const TICK: Duration = Duration::from_millis(1);
const LEASE: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn four_refusals_are_the_end_with_the_last_words() {
    let world = World::new().await;
    for number in 1..=4 {
        let words = format!("no room {number}");
        world.launcher.script(ScriptedLaunch::Refuse(words));
    }
    let run = world.run_locked().await;
    // The second attempt comes at once, the third after 2 s, the fourth after 10 s.
    assert_eq!(world.launcher.launched().len(), 2);
    for (wait, launches) in [(2, 3), (10, 4)] {
        world.later(less(Duration::from_secs(wait), TICK)).await;
        assert_eq!(world.launcher.launched().len(), launches - 1);
        world.later(TICK).await;
        assert_eq!(world.launcher.launched().len(), launches);
    }
    let words = Some("no room 4".to_owned());
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::LaunchFailed, None, words))
    );
    let attempts = (1..=4).map(|number| AttemptId::new(run.id().clone(), number));
    assert_eq!(world.launcher.launched(), attempts.collect::<Vec<_>>());
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn what_no_attempt_could_change_is_the_end_at_once() {
    let world = World::new().await;
    let words = "no such image".to_owned();
    world
        .launcher
        .script(ScriptedLaunch::RefuseForGood(words.clone()));
    let run = world.run_locked().await;
    assert_eq!(world.launcher.launched().len(), 1);
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::LaunchFailed, None, Some(words)))
    );
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_forgotten_once_an_attempt_succeeds() {
    let world = World::new().await;
    world
        .launcher
        .script(ScriptedLaunch::Refuse("no room".to_owned()));
    let run = world.run().await;
    let agent = world.started(&run).await;
    assert_eq!(agent.attempt.number(), 2);
    agent.exit(&world, 0).await.unwrap();
    agent.leave(&world);
    world.work().await;
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::Exited, Some(0), None))
    );
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_launch_without_an_answer_is_repeated_when_its_lease_ends_and_starts_once() {
    let world = World::new().await;
    world.launcher.script(ScriptedLaunch::AcceptAndLose);
    let run = world.run().await;
    world.later(less(LEASE, TICK)).await;
    assert_eq!(world.launcher.launched().len(), 1);
    world.later(TICK).await;
    let first = AttemptId::new(run.id().clone(), 1);
    assert_eq!(world.launcher.launched(), [first.clone(), first.clone()]);
    let (mut one, mut two) = (Agent::new(first.clone(), 1), Agent::new(first, 2));
    assert!(one.start(&world).await.unwrap().run.is_some());
    assert_eq!(
        two.start(&world).await.unwrap_err().kind(),
        ErrorKind::Leave
    );
    assert_eq!(world.count(&run, AuditAction::ExecutionStarted).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_start_though_nobody_heard_that_it_was_launched() {
    let world = World::new().await;
    world.launcher.script(ScriptedLaunch::AcceptAndLose);
    let run = world.run().await;
    let agent = world.started(&run).await;
    world.later(LEASE).await;
    assert_eq!(world.launcher.launched().len(), 1);
    agent.exit(&world, 0).await.unwrap();
    assert_eq!(world.status(&run).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_was_lost_altogether_is_repeated() {
    let world = World::new().await;
    world.launcher.script(ScriptedLaunch::Lose);
    let run = world.run().await;
    world.later(LEASE).await;
    let agent = world.started(&run).await;
    assert_eq!(agent.attempt.number(), 1);
    assert_eq!(world.launcher.launched().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_quarter_of_an_hour_without_a_start_is_the_end() {
    for presence in [Presence::Running, Presence::Unknown] {
        let world = World::new().await;
        let run = world.run_locked().await;
        let mut agent = Agent::of(&run);
        world.launcher.set_presence(&agent.attempt, presence);
        world.later(less(Duration::from_mins(15), TICK)).await;
        assert_eq!(world.status(&run).await, Status::Starting);
        world.later(TICK).await;
        let words = Some("no agent started in time".to_owned());
        assert_eq!(
            world.outcome(&run).await,
            Some((Reason::LaunchFailed, None, words))
        );
        assert_eq!(world.holder().await, None);
        assert_eq!(
            agent.start(&world).await.unwrap_err().kind(),
            ErrorKind::Leave
        );
        agent.leave(&world);
        world.later(TICK).await;
        world.assert_over(&run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_ends_before_the_start_is_followed_by_the_next_attempt() {
    let world = World::new().await;
    let run = world.run().await;
    let mut late = Agent::of(&run);
    world
        .launcher
        .set_presence(&late.attempt, gone("the image cannot be pulled"));
    world.later(TICK).await;
    let found = world.find(run.id()).await;
    assert_eq!(found.launch_words(), Some("the image cannot be pulled"));
    assert_eq!(world.count(&run, AuditAction::ExecutionEnded).await, 0);
    assert_eq!(world.count(&run, AuditAction::LaunchRefused).await, 1);
    let agent = world.started(&found).await;
    assert_eq!(agent.attempt.number(), 2);
    assert_eq!(
        late.start(&world).await.unwrap_err().kind(),
        ErrorKind::Leave
    );
    assert_eq!(world.count(&run, AuditAction::ExecutionStarted).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_agent_of_an_older_attempt_may_not_start() {
    let world = World::new().await;
    world.launcher.script(ScriptedLaunch::Accept);
    let refused = ScriptedLaunch::Refuse("no room".to_owned());
    world.launcher.script(refused);
    let run = world.run().await;
    let mut first = Agent::of(&run);
    first.leave(&world);
    world.later(TICK).await;
    // The second attempt was refused at once, the third is due in a while.
    let mut second = Agent::of(&world.find(run.id()).await);
    assert_eq!(second.attempt.number(), 2);
    for late in [&mut first, &mut second] {
        let told = late.start(&world).await.unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Leave);
    }
    world.later(Duration::from_secs(2)).await;
    let third = world.find(run.id()).await;
    for late in [&mut first, &mut second] {
        let told = late.start(&world).await.unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Leave);
    }
    assert_eq!(world.started(&third).await.attempt.number(), 3);
}

#[tokio::test(start_paused = true)]
async fn four_places_that_end_before_the_start_are_the_end() {
    let world = World::new().await;
    let run = world.run().await;
    for number in 1..=4 {
        let newest = world.find(run.id()).await.attempt().unwrap();
        assert_eq!(newest.number(), number);
        let words = format!("gone {number}");
        world.launcher.set_presence(&newest, gone(&words));
        world.later(TICK).await;
        world.later(Duration::from_secs(10)).await;
    }
    let words = Some("gone 4".to_owned());
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::LaunchFailed, None, words))
    );
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_stays_open_while_a_launch_may_be_in_flight() {
    let world = World::new().await;
    world.launcher.script(ScriptedLaunch::AcceptAndLose);
    let run = world.run_locked().await;
    let agent = Agent::of(&run);
    world.app.kill(&alice(), run.id()).await.unwrap();
    world.work().await;
    assert_eq!(world.status(&run).await, Status::Stopped);
    // Not even a place that is gone closes it: the launch may be carried out yet.
    agent.leave(&world);
    world.later(less(LEASE, TICK)).await;
    assert!(!world.find(run.id()).await.is_closed());
    world
        .launcher
        .set_presence(&agent.attempt, Presence::Running);
    world.later(TICK).await;
    assert!(world.launcher.was_stopped(&agent.attempt));
    assert!(!world.find(run.id()).await.is_closed());
    agent.leave(&world);
    world.later(TICK).await;
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_a_cancel_lets_the_run_be_closed() {
    for launch in [
        ScriptedLaunch::Accept,
        ScriptedLaunch::Refuse("no".to_owned()),
    ] {
        let world = Arc::new(World::new().await);
        world.launcher.script(launch);
        world.launcher.hold(Asked::Launch);
        let run = world.submit(wish(None)).await.unwrap().execution;
        let mut working = world.work_until_held().await;
        world.app.kill(&alice(), run.id()).await.unwrap();
        world.later(TICK).await;
        assert!(!world.find(run.id()).await.is_closed());
        world.launcher.end_all();
        world.launcher.answer_all();
        working.join_next().await.unwrap().unwrap();
        world.work().await;
        assert_eq!(world.reason(&run).await, Some(Reason::Cancelled));
        world.assert_over(&run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_start_changes_nothing() {
    let world = Arc::new(World::new().await);
    world.launcher.hold(Asked::Launch);
    let run = world.submit(wish(None)).await.unwrap().execution;
    let mut working = world.work_until_held().await;
    let mut agent = Agent::new(AttemptId::new(run.id().clone(), 1), 1);
    agent.start(&world).await.unwrap();
    let before = world.find(run.id()).await;
    world.launcher.answer_all();
    working.join_next().await.unwrap().unwrap();
    assert_eq!(world.find(run.id()).await, before);
}

fn gone(words: &str) -> Presence {
    Presence::Gone(Evidence {
        words: Some(words.to_owned()),
        ..Evidence::default()
    })
}
