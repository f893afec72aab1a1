//! Places that end without a `finish`: the second copy of the log speaks first.

use std::sync::Arc;
use std::time::Duration;

use runvoy_app::ErrorKind;
use runvoy_core::execution::{Evidence, ProviderWord, Status};
use runvoy_core::log::{Seq, Stream};
use runvoy_core::outcome::Reason;
use runvoy_ports::{Appended, LogSink as _, Presence};
use runvoy_testkit::{Call, Fault, FaultPlan, sample};

use crate::world::{Agent, Asked, World, alice, less};

const TICK: Duration = Duration::from_millis(1);
const GAP: &str = "Output may be missing here: the agent was lost";

#[tokio::test(start_paused = true)]
async fn a_complete_copy_fills_the_log_and_is_the_result() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let mut agent = world.started(&run).await;
    agent.say(&world, &["line 1"]).await.unwrap();
    let end = (Seq::new(3), "none exit 7".parse().unwrap());
    world
        .launcher
        .set_copy(&agent.attempt, sample::entries(1, 3), Some(end));
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::Exited, Some(7), None))
    );
    assert_eq!(world.texts(&run).await, ["line 1", "line 2", "line 3"]);
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_partial_copy_fills_the_log_and_a_remark_ends_it() {
    let world = World::new().await;
    let run = world.run().await;
    let mut agent = world.started(&run).await;
    agent.say(&world, &["line 1"]).await.unwrap();
    world
        .launcher
        .set_copy(&agent.attempt, sample::entries(1, 3), None);
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::AgentLost, None, None))
    );
    assert_eq!(world.texts(&run).await, ["line 1", "line 2", "line 3", GAP]);
    assert_eq!(world.entries(&run).await[3].stream, Stream::System);
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn numbers_that_the_copy_lacks_are_remarked_where_they_are() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    let copy = vec![sample::entry(2, "two"), sample::entry(4, "four")];
    let end = (Seq::new(5), "none exit 0".parse().unwrap());
    world.launcher.set_copy(&agent.attempt, copy, Some(end));
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.texts(&run).await, [GAP, "two", GAP, "four", GAP]);
    assert_eq!(world.status(&run).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn long_lines_are_stored_a_little_at_a_time() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    let line = "x".repeat(32 * 1024);
    let copy: Vec<_> = (1..=200).map(|seq| sample::entry(seq, &line)).collect();
    let end = (Seq::new(200), "none exit 0".parse().unwrap());
    world.launcher.set_copy(&agent.attempt, copy, Some(end));
    agent.leave(&world);
    world.watched.calls();
    world.later(TICK).await;
    let calls = world.watched.calls();
    let appends = calls.iter().filter(|call| **call == "append").count();
    // 6.25 MiB, a mebibyte and a line at most at once.
    assert_eq!(appends, 7, "{calls:?}");
    assert_eq!(world.texts(&run).await.len(), 200);
    assert_eq!(world.status(&run).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_cannot_be_ends_the_copy() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    let copy = vec![
        sample::entry(1, "one"),
        sample::entry(9_999_999_999, "forged"),
    ];
    let end = (Seq::new(9_999_999_999), "none exit 0".parse().unwrap());
    world.launcher.set_copy(&agent.attempt, copy, Some(end));
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.texts(&run).await, ["one", GAP]);
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::AgentLost, None, None))
    );
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_many_pages_is_read_to_its_end() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    let line = "x".repeat(30_000);
    let copy = (1..=90)
        .map(|number| sample::entry(number, &line))
        .collect();
    let end = (Seq::new(90), "none signal 9".parse().unwrap());
    world.launcher.set_copy(&agent.attempt, copy, Some(end));
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.entries(&run).await.len(), 90);
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::Signaled, Some(137), None))
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_copy_the_agent_is_lost_and_a_remark_says_so() {
    let world = World::new().await;
    let (run, next) = (world.run_locked().await, world.run_locked().await);
    let mut agent = world.started(&run).await;
    agent.say(&world, &["hello"]).await.unwrap();
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(
        world.outcome(&run).await,
        Some((Reason::AgentLost, None, None))
    );
    assert_eq!(world.texts(&run).await, ["hello", GAP]);
    assert_eq!(world.holder().await.as_ref(), Some(next.id()));
    world.assert_over(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_place_that_ends_after_a_cancel_was_cancelled() {
    let world = World::new().await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    world.app.kill(&alice(), run.id()).await.unwrap();
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.reason(&run).await, Some(Reason::Cancelled));
    assert_eq!(world.status(&run).await, Status::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_ends_when_its_time_is_up_timed_out() {
    for (left, expected) in [
        (TICK, Reason::AgentLost),
        (Duration::ZERO, Reason::TimedOut),
    ] {
        let world = World::new().await;
        let run = world.run().await;
        let agent = world.started(&run).await;
        agent.leave(&world);
        world.later(less(Duration::from_mins(10), left)).await;
        assert_eq!(world.reason(&run).await, Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_providers_word_is_the_reason_and_its_words_are_kept() {
    let cases = [
        (ProviderWord::OutOfMemory, Reason::OutOfMemory, Some(137)),
        (ProviderWord::Interrupted, Reason::Interrupted, None),
    ];
    for (word, reason, code) in cases {
        let world = World::new().await;
        let run = world.run().await;
        let agent = world.started(&run).await;
        let words = Some("said the provider".to_owned());
        let evidence = Evidence {
            word: Some(word),
            words: words.clone(),
            ..Evidence::default()
        };
        world
            .launcher
            .set_presence(&agent.attempt, Presence::Gone(evidence));
        world.later(TICK).await;
        assert_eq!(world.outcome(&run).await, Some((reason, code, words)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_cannot_be_read_keeps_the_run_open_until_it_can() {
    let world = World::new().await;
    let run = world.run_locked().await;
    let agent = world.started(&run).await;
    let end = (Seq::new(1), "none exit 0".parse().unwrap());
    world
        .launcher
        .set_copy(&agent.attempt, sample::entries(1, 1), Some(end));
    world.launcher.set_readable(false);
    agent.leave(&world);
    for _ in 0..3 {
        world.later(Duration::from_secs(5)).await;
        assert_eq!(world.status(&run).await, Status::Running);
        assert_eq!(world.holder().await.as_ref(), Some(run.id()));
    }
    world.launcher.set_readable(true);
    world.later(Duration::from_secs(5)).await;
    assert_eq!(world.status(&run).await, Status::Succeeded);
    assert_eq!(world.texts(&run).await, ["line 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_log_never_changes() {
    let world = World::new().await;
    let run = world.run().await;
    let mut agent = world.started(&run).await;
    agent.say(&world, &["hello"]).await.unwrap();
    agent.leave(&world);
    world.later(TICK).await;
    let (head, texts) = (world.head(&run).await, world.texts(&run).await);
    assert!(head.is_closed);
    let entry = sample::entry(head.next_seq.number(), "too late");
    let refused = agent.push(&world, std::slice::from_ref(&entry)).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Leave);
    assert_eq!(
        agent.push(&world, &[]).await.unwrap_err().kind(),
        ErrorKind::Leave
    );
    let session = head.session.clone().unwrap();
    let now = sample::at(100);
    let appended = world.store.append(run.id(), &session, &[entry], now).await;
    assert_eq!(appended.unwrap(), Appended::Refused);
    world.later(Duration::from_mins(1)).await;
    assert_eq!(
        (world.head(&run).await, world.texts(&run).await),
        (head, texts)
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_agent_that_comes_back_must_leave_and_changes_nothing() {
    let world = World::new().await;
    let run = world.run().await;
    let mut agent = world.started(&run).await;
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(
        agent.start(&world).await.unwrap_err().kind(),
        ErrorKind::Leave
    );
    agent.exit(&world, 0).await.unwrap();
    assert_eq!(world.reason(&run).await, Some(Reason::AgentLost));
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_is_repeated_leaves_one_remark() {
    let rehearsal = World::new().await;
    let run = rehearsal.run().await;
    rehearsal.started(&run).await;
    // The end is refused as often as it is tried.
    let end = rehearsal.store.plan().count(Call::Commit) + 1;
    let refused = (end..end + 6).fold(FaultPlan::none(), |plan, number| {
        plan.at(Call::Commit, number, Fault::Refuse)
    });
    let world = World::with(refused).await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    agent.leave(&world);
    world.later(TICK).await;
    assert_eq!(world.status(&run).await, Status::Running);
    world.later(TICK).await;
    assert_eq!(world.reason(&run).await, Some(Reason::AgentLost));
    assert_eq!(world.texts(&run).await, [GAP]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_started_while_the_launcher_was_asked_is_settled_by_its_copy() {
    let world = Arc::new(World::new().await);
    let run = world.run().await;
    let mut agent = Agent::of(&run);
    let end = (Seq::new(2), "none exit 0".parse().unwrap());
    let copy = sample::entries(1, 2);
    world.launcher.set_copy(&agent.attempt, copy, Some(end));
    agent.leave(&world);
    world.launcher.hold(Asked::Probe);
    let working = world.work_until_held().await;
    agent.start(&world).await.unwrap();
    world.launcher.answer_all();
    working.join_all().await;
    assert_eq!(world.status(&run).await, Status::Succeeded);
    assert_eq!(world.texts(&run).await, ["line 1", "line 2"]);
}

#[tokio::test(start_paused = true)]
async fn lines_of_the_agent_that_arrive_while_its_copy_is_read_lose_none_of_the_copys() {
    let world = Arc::new(World::new().await);
    let run = world.run().await;
    let mut agent = world.started(&run).await;
    let end = (Seq::new(3), "none exit 0".parse().unwrap());
    let copy = sample::entries(1, 3);
    world.launcher.set_copy(&agent.attempt, copy, Some(end));
    agent.leave(&world);
    world.launcher.hold(Asked::Copy);
    let working = world.work_until_held().await;
    agent.say(&world, &["line 1"]).await.unwrap();
    world.launcher.answer_all();
    working.join_all().await;
    assert_eq!(world.texts(&run).await, ["line 1", "line 2", "line 3"]);
    assert_eq!(world.status(&run).await, Status::Succeeded);
}
