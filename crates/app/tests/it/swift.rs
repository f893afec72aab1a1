//! Launches where every round trip counts: what is read and written around them, and what becomes of lost ones.

use std::sync::Arc;
use std::time::Duration;

use runvoy_app::{ErrorKind, LaunchStyle, LockWish, NewExecution};
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Evidence, Status};
use runvoy_core::outcome::Reason;
use runvoy_ports::Presence;
use runvoy_testkit::{FaultPlan, LauncherCall, ScriptedLaunch, sample};

use crate::world::{Agent, STYLES, World, alice, keyed, less, standard, wish};

const TICK: Duration = Duration::from_millis(1);
const LEASE: Duration = Duration::from_secs(20);
/// How long a provider remembers a token, and a minute.
const FORGOTTEN: Duration = Duration::from_mins(61);

async fn swift() -> World {
    World::styled(LaunchStyle::Swift, FaultPlan::none()).await
}

#[tokio::test(start_paused = true)]
async fn a_new_run_is_one_commit_and_one_launch() {
    let world = swift().await;
    for wish in [wish(None), keyed(wish(None), "k", 'a')] {
        world.watched.calls();
        let run = world.submit(wish).await.unwrap().execution;
        assert_eq!(world.watched.calls(), ["commit"]);
        assert_eq!(run.submission().container, Some(standard()));
        let before = world.launcher.calls().len();
        assert_eq!(world.app.drive(run.id()).await.unwrap(), None);
        assert!(world.watched.calls().is_empty());
        let made = world.launcher.calls().split_off(before);
        assert_eq!(made, [LauncherCall::Launch(run.attempt().unwrap())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_costs_one_look_and_none_where_it_was_glanced_at() {
    let world = swift().await;
    world.watched.calls();
    let run = world.submit(wish(Some("prod"))).await.unwrap().execution;
    let mut calls = world.watched.calls();
    calls[..2].sort_unstable();
    assert_eq!(calls, ["find_lock", "list_waiters", "commit"]);
    world.app.drive(run.id()).await.unwrap();
    assert!(world.watched.calls().is_empty());

    let name = sample::lock_name("stage");
    let glance = world.app.glance(&name).await.unwrap();
    let wish = NewExecution {
        lock: Some(LockWish {
            name,
            timeout: None,
            no_wait: false,
            glance: Some(glance),
        }),
        ..wish(None)
    };
    world.watched.calls();
    let run = world.submit(wish).await.unwrap().execution;
    assert_eq!(world.watched.calls(), ["commit"]);
    assert_eq!(run.status(), Status::Starting);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_launched_by_whom_submitted_it_once() {
    let world = swift().await;
    let run = world.submit(wish(None)).await.unwrap().execution;
    assert!(world.app.owes_launch(run.id()));
    for _ in 0..3 {
        world.app.drive(run.id()).await.unwrap();
        assert!(!world.app.owes_launch(run.id()));
    }
    assert_eq!(world.launcher.launched().len(), 1);
    world.later(less(LEASE, TICK)).await;
    assert_eq!(world.launcher.launched().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_runs_when_the_lease_ends_is_not_asked_for_again() {
    for launch in [ScriptedLaunch::Accept, ScriptedLaunch::AcceptAndLose] {
        let world = swift().await;
        world.launcher.script(launch);
        let run = world.run_locked().await;
        world.later(LEASE).await;
        assert_eq!(world.launcher.launched().len(), 1);
        assert_eq!(world.count(&run, AuditAction::LaunchAccepted).await, 1);
        let agent = world.started(&run).await;
        agent.exit(&world, 0).await.unwrap();
        agent.leave(&world);
        world.work().await;
        world.assert_over(&run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_was_lost_altogether_is_asked_for_again_in_the_same_words() {
    let world = swift().await;
    world.launcher.script(ScriptedLaunch::Lose);
    let run = world.run().await;
    let token = world.launcher.token(&run.attempt().unwrap());
    world.later(LEASE).await;
    assert_eq!(
        world.launcher.launched(),
        [run.attempt().unwrap(), run.attempt().unwrap()]
    );
    assert_eq!(world.launcher.token(&run.attempt().unwrap()), token);
    let found = world.find(run.id()).await;
    assert_eq!(found.submission().container, Some(standard()));
    assert_eq!(world.started(&run).await.attempt.number(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_before_it_is_driven_runs_nothing_and_is_closed() {
    let world = swift().await;
    let run = world.submit(wish(Some("prod"))).await.unwrap().execution;
    world.app.kill(&alice(), run.id()).await.unwrap();
    assert_eq!(world.status(&run).await, Status::Stopped);
    world.work().await;
    // It was placed without a look; its agent is told that nothing is to be run.
    let mut agent = Agent::of(&run);
    let told = agent.start(&world).await.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Leave);
    world.later(LEASE).await;
    assert!(world.launcher.was_stopped(&agent.attempt));
    assert!(!world.find(run.id()).await.is_closed());
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.reason(&run).await, Some(Reason::Cancelled));
    assert_eq!(world.count(&run, AuditAction::ExecutionStarted).await, 0);
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_cancelled_and_never_placed_is_closed_too() {
    let world = swift().await;
    let run = world.submit(wish(Some("prod"))).await.unwrap().execution;
    // Whoever submitted it is no more.
    let next = world.beside(None, Arc::new(|_| false));
    next.app.kill(&alice(), run.id()).await.unwrap();
    next.work().await;
    assert!(!next.find(run.id()).await.is_closed());
    next.later(LEASE).await;
    assert!(next.launcher.launched().is_empty());
    next.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_moves_on_to_the_next_attempt_at_once() {
    let world = swift().await;
    let refused = ScriptedLaunch::Refuse("no room".to_owned());
    world.launcher.script(refused);
    let run = world.run().await;
    let numbers = world.launcher.launched().into_iter();
    assert_eq!(
        numbers.map(|attempt| attempt.number()).collect::<Vec<_>>(),
        [1, 2]
    );
    let agent = world.started(&run).await;
    assert_eq!(agent.attempt.number(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_the_provider_has_forgotten_is_over_and_never_asked_for_again() {
    for style in STYLES {
        for launch in [
            ScriptedLaunch::Accept,
            ScriptedLaunch::AcceptAndLose,
            ScriptedLaunch::Lose,
        ] {
            let world = World::styled(style, FaultPlan::none()).await;
            world.launcher.script(launch);
            let run = world.run_locked().await;
            world.launcher.end_all();
            world.later(FORGOTTEN).await;
            assert_eq!(world.launcher.launched().len(), 1, "{style:?}");
            assert_eq!(world.reason(&run).await, Some(Reason::LaunchFailed));
            assert_eq!(world.holder().await, None);
            let told = Agent::of(&run).start(&world).await.unwrap_err();
            assert_eq!(told.kind(), ErrorKind::Leave);
            world.later(FORGOTTEN).await;
            assert_eq!(world.launcher.launched().len(), 1, "{style:?}");
            world.assert_over(&run).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_nobody_ever_made_is_over_after_an_hour() {
    for style in STYLES {
        let world = World::styled(style, FaultPlan::none()).await;
        let run = world.submit(wish(Some("prod"))).await.unwrap().execution;
        let next = world.beside(None, Arc::new(|_| false));
        next.later(FORGOTTEN).await;
        assert!(next.launcher.launched().is_empty());
        assert_eq!(next.reason(&run).await, Some(Reason::LaunchFailed));
        next.assert_over(&run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_ends_before_the_start_moves_on_once_it_is_known_to_have_run() {
    let world = swift().await;
    let run = world.run().await;
    world.later(LEASE).await;
    let evidence = Evidence {
        words: Some("the image cannot be pulled".to_owned()),
        ..Evidence::default()
    };
    let attempt = run.attempt().unwrap();
    world
        .launcher
        .set_presence(&attempt, Presence::Gone(evidence));
    world.app.drive(run.id()).await.unwrap();
    let found = world.find(run.id()).await;
    assert_eq!(found.launch_words(), Some("the image cannot be pulled"));
    assert_eq!(world.launcher.launched().len(), 2);
    assert_eq!(found.attempt().unwrap().number(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_wait_until_the_use_of_its_key_is_noted() {
    let world = World::styled(LaunchStyle::Swift, FaultPlan::none()).await;
    let key = world.app.make_key().unwrap();
    let shown = key.expose().to_owned();
    let root = sample::email("root");
    world.app.first_admin(&root, key).await.unwrap();
    world.watched.calls();
    world.app.authenticate(&shown).await.unwrap();
    assert_eq!(world.watched.calls(), ["find_key"]);
    world.app.note_key_uses().await;
    assert_eq!(world.watched.calls(), ["touch_key"]);
    world.app.note_key_uses().await;
    assert!(world.watched.calls().is_empty());
}
