//! A run whose agent never connected shows what the provider has, and says so.

use std::time::Duration;

use runvoy_app::{LaunchStyle, LogPage};
use runvoy_core::execution::{Evidence, Execution};
use runvoy_core::id::AttemptId;
use runvoy_core::log::{Seq, Stream};
use runvoy_ports::Presence;
use runvoy_testkit::{FaultPlan, ScriptedLaunch};

use crate::world::{Agent, World, alice};

const TICK: Duration = Duration::from_millis(1);
const SAYS_SO: &str = "The agent never connected. These are the last lines that scripted has:";
const LINES: [&str; 2] = ["exec format error", "the last words"];

async fn page(world: &World, run: &Execution, after: u64) -> LogPage {
    let (after, bytes) = (Seq::new(after), 512 * 1024);
    let alice = alice();
    let page = world
        .app
        .logs(&alice, run.id(), after, bytes, Duration::ZERO);
    page.await.unwrap()
}

fn texts(page: &LogPage) -> Vec<&str> {
    page.entries
        .iter()
        .map(|entry| entry.text.as_str())
        .collect()
}

/// A run of which every place ended before its agent had connected; each left lines.
async fn never_connected(world: &World) -> Execution {
    for _ in 0..4 {
        world
            .launcher
            .script(ScriptedLaunch::Refuse("no room".to_owned()));
    }
    let run = world.run_locked().await;
    for number in 1..=4 {
        let attempt = AttemptId::new(run.id().clone(), number);
        let older = [format!("attempt {number}")];
        let lines: Vec<&str> = match number {
            4 => LINES.to_vec(),
            _ => older.iter().map(String::as_str).collect(),
        };
        world.launcher.set_provider_lines(&attempt, &lines);
    }
    for _ in 0..3 {
        world.later(Duration::from_secs(10)).await;
    }
    world.assert_over(&run).await;
    world.find(run.id()).await
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_the_last_attempt_are_shown_once_and_said_to_be_the_providers() {
    let world = World::new().await;
    let run = never_connected(&world).await;
    let first = page(&world, &run, 0).await;
    assert_eq!(texts(&first), [SAYS_SO, LINES[0], LINES[1]]);
    let (_, ended) = run.ended().unwrap();
    for (number, entry) in (1..).zip(&first.entries) {
        assert_eq!(
            (entry.seq, entry.stream),
            (Seq::new(number), Stream::System)
        );
        assert_eq!((entry.at, entry.has_end), (ended, true));
    }
    assert_eq!((first.next, first.is_complete), (Seq::new(3), true));
    let second = page(&world, &run, 3).await;
    assert!(second.entries.is_empty());
    assert_eq!((second.next, second.is_complete), (Seq::new(3), true));
    // Asked for again, they are the same; and nothing of them is written down.
    assert_eq!(page(&world, &run, 0).await.entries, first.entries);
    assert!(world.entries(&run).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_the_provider_has_nothing_the_log_is_empty_and_complete() {
    let world = World::new().await;
    let run = never_connected(&world).await;
    let attempt = run.attempt().unwrap();
    world.launcher.set_provider_lines(&attempt, &[]);
    let shown = page(&world, &run, 0).await;
    assert!(shown.entries.is_empty());
    assert!(shown.is_complete);
}

#[tokio::test(start_paused = true)]
async fn lines_that_cannot_be_read_are_left_out_and_shown_later() {
    let world = World::new().await;
    let run = never_connected(&world).await;
    world.launcher.set_readable(false);
    assert!(page(&world, &run, 0).await.entries.is_empty());
    world.launcher.set_readable(true);
    assert_eq!(page(&world, &run, 0).await.entries.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_before_its_agent_connects_shows_them_once_it_is_over() {
    let world = World::styled(LaunchStyle::Swift, FaultPlan::none()).await;
    let run = world.run().await;
    let attempt = run.attempt().unwrap();
    world.launcher.set_provider_lines(&attempt, &LINES);
    assert!(page(&world, &run, 0).await.entries.is_empty());
    world.app.kill(&alice(), run.id()).await.unwrap();
    let shown = page(&world, &run, 0).await;
    assert_eq!(texts(&shown), [SAYS_SO, LINES[0], LINES[1]]);
    assert!(shown.is_complete);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_agent_started_shows_only_its_own_lines() {
    for lines in [&[][..], &["hello"][..]] {
        let world = World::new().await;
        let run = world.run().await;
        let mut agent: Agent = world.started(&run).await;
        world.launcher.set_provider_lines(&agent.attempt, &LINES);
        assert!(page(&world, &run, 0).await.entries.is_empty());
        agent.say(&world, lines).await.unwrap();
        assert_eq!(texts(&page(&world, &run, 0).await), lines);
        agent.exit(&world, 0).await.unwrap();
        let gone = Presence::Gone(Evidence::default());
        world.launcher.set_presence(&agent.attempt, gone);
        world.later(TICK).await;
        let shown = page(&world, &run, 0).await;
        assert_eq!(texts(&shown), lines);
        assert!(shown.is_complete);
    }
}
