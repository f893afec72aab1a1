//! From a submission to its history, without trouble.

use std::time::Duration;

use runvoy_app::{ErrorKind, NewExecution};
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::Status;
use runvoy_core::log::Seq;
use runvoy_core::outcome::Reason;
use runvoy_core::role::Role;

use crate::world::{Agent, LOG_RETENTION, World, alice, person, wish};

#[tokio::test(start_paused = true)]
async fn a_run_goes_from_submission_to_history() {
    let world = World::new().await;
    let run = world.run_locked().await;
    assert_eq!(run.status(), Status::Starting);
    let mut agent = Agent::of(&run);
    let answer = agent.start(&world).await.unwrap();
    let values = &answer.run.unwrap().values;
    assert_eq!(
        (&*values.env["REGION"], &*values.secrets["PASSWORD"]),
        ("eu", "hush")
    );
    assert_eq!(answer.timeout_left_ms, 600_000);
    assert_eq!(world.status(&run).await, Status::Running);
    agent.say(&world, &["hello", "world"]).await.unwrap();
    assert!(agent.exit(&world, 0).await.unwrap().is_accepted);
    agent.leave(&world);
    world.work().await;
    assert_eq!(world.status(&run).await, Status::Succeeded);
    assert_eq!(world.texts(&run).await, ["hello", "world"]);
    assert_eq!(world.launcher.launched().len(), 1);
    assert_eq!(world.holder().await, None);
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn an_ended_run_is_closed_only_when_its_place_is_gone() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let agent = world.started(&run).await;
    agent.exit(&world, 3).await.unwrap();
    world.work().await;
    let found = world.find(run.id()).await;
    assert_eq!((found.status(), found.is_closed()), (Status::Failed, false));
    assert_eq!(world.holder().await, None);
    assert!(!world.launcher.was_stopped(&agent.attempt));
    world.later(Duration::from_secs(15)).await;
    assert!(world.launcher.was_stopped(&agent.attempt));
    assert!(!world.find(run.id()).await.is_closed());
    agent.leave(&world);
    world.later(Duration::ZERO).await;
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_or_finish_that_is_asked_again_gets_the_same_answer() {
    let world = World::new().await;
    let run = world.run().await;
    let mut agent = world.started(&run).await;
    let again = agent.start(&world).await.unwrap();
    assert!(again.run.is_some());
    agent.say(&world, &["x"]).await.unwrap();
    let first = agent.exit(&world, 5).await.unwrap();
    assert_eq!(agent.exit(&world, 6).await.unwrap(), first);
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::Exited, Some(5), None))
    );
    assert_eq!(world.count(&run, AuditAction::ExecutionStarted).await, 1);
}

#[tokio::test(start_paused = true)]
async fn another_boot_of_the_agent_is_told_to_leave_and_that_is_on_record() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    let mut other = Agent::new(agent.attempt.clone(), 2);
    assert_eq!(
        other.start(&world).await.unwrap_err().kind(),
        ErrorKind::Leave
    );
    assert_eq!(
        other.exit(&world, 0).await.unwrap_err().kind(),
        ErrorKind::Leave
    );
    assert_eq!(world.count(&run, AuditAction::AgentRefused).await, 1);
    assert_eq!(world.status(&run).await, Status::Running);
}

#[tokio::test(start_paused = true)]
async fn a_finish_before_the_last_line_changes_nothing() {
    let world = World::new().await;
    let run = world.run().await;
    let mut agent = world.started(&run).await;
    let mut ahead = agent.clone();
    agent.say(&world, &["one", "two"]).await.unwrap();
    let answer = ahead.exit(&world, 0).await.unwrap();
    assert_eq!((answer.is_accepted, answer.next), (false, Seq::new(3)));
    assert_eq!(world.status(&run).await, Status::Running);
    ahead.say(&world, &["one", "two"]).await.unwrap();
    assert!(ahead.exit(&world, 0).await.unwrap().is_accepted);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_running_reaches_the_agent_and_is_its_end() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let mut agent = world.started(&run).await;
    assert!(!agent.push(&world, &[]).await.unwrap().cancel);
    world.app.kill(&alice(), run.id()).await.unwrap();
    assert_eq!(world.status(&run).await, Status::Terminating);
    assert!(agent.push(&world, &[]).await.unwrap().cancel);
    assert!(agent.start(&world).await.unwrap().run.is_none());
    assert_eq!(world.holder().await.as_ref(), Some(run.id()));
    agent.obey(&world).await.unwrap();
    agent.leave(&world);
    world.work().await;
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::Cancelled, None, None))
    );
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_ended_by_itself_before_the_stop_keeps_its_result() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    world.app.kill(&alice(), run.id()).await.unwrap();
    agent.exit(&world, 0).await.unwrap();
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::Exited, Some(0), None))
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_before_the_start_is_the_end_and_no_start_can_follow() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let mut agent = Agent::of(&run);
    world.app.kill(&alice(), run.id()).await.unwrap();
    assert_eq!(world.status(&run).await, Status::Stopped);
    assert_eq!(world.holder().await, None);
    assert_eq!(
        agent.start(&world).await.unwrap_err().kind(),
        ErrorKind::Leave
    );
    world.work().await;
    assert!(world.launcher.was_stopped(&agent.attempt));
    agent.leave(&world);
    world.later(Duration::ZERO).await;
    assert_eq!(world.reason(&run).await, Some(Reason::Cancelled));
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_submits_nothing_and_a_stranger_kills_nothing() {
    let world = World::new().await;
    let viewer = person("eve", Role::Viewer);
    let refused = world.app.submit(&viewer, wish(None)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let run = world.run().await;
    let stranger = person("bob", Role::Developer);
    let hidden = world.app.kill(&stranger, run.id()).await.unwrap_err();
    assert_eq!(hidden.kind(), ErrorKind::NotFound);
    assert_eq!(world.status(&run).await, Status::Starting);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_repeated_is_one_execution() {
    let world = World::new().await;
    let wish = |body: &str| NewExecution {
        idempotency: Some(("key-1".parse().unwrap(), body.repeat(64))),
        ..wish(Some("prod"))
    };
    let (one, two) = tokio::join!(world.submit(wish("0")), world.submit(wish("0")));
    let (one, two) = (one.unwrap().execution, two.unwrap().execution);
    assert_eq!(one.id(), two.id());
    let other = world.submit(wish("1")).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::IdempotencyMismatch);
    world.clock.advance(Duration::from_hours(24));
    let later = world.submit(wish("1")).await.unwrap().execution;
    assert_ne!(later.id(), one.id());
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_kept_no_longer_says_since_when() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let mut agent = world.started(&run).await;
    agent.say(&world, &["hello", "world"]).await.unwrap();
    assert!(agent.exit(&world, 0).await.unwrap().is_accepted);
    agent.leave(&world);
    world.work().await;
    let created_at = run.submission().created_at;
    let texts = async |after| {
        let (alice, after) = (alice(), Seq::new(after));
        let page = world
            .app
            .logs(&alice, run.id(), after, 1024, Duration::ZERO);
        let page = page.await.unwrap();
        let texts: Vec<String> = page.entries.into_iter().map(|entry| entry.text).collect();
        (texts, page.is_complete)
    };
    world
        .later(LOG_RETENTION.checked_sub(Duration::from_mins(1)).unwrap())
        .await;
    assert_eq!(texts(0).await.0, ["hello", "world"]);
    world.later(Duration::from_mins(1)).await;
    let until = created_at.checked_add(LOG_RETENTION).unwrap();
    let says_so = format!("This log was kept until {until:.0} and is deleted");
    assert_eq!(texts(0).await, (vec![says_so], true));
    assert_eq!(texts(1).await, (Vec::new(), true));
}
