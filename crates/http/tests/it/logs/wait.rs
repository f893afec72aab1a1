//! Waiting for news: answered at once when there is any, and empty when the time is up.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{page, texts};
use crate::harness::{World, hello};

/// Far below the half minute that the readers here are willing to wait; nothing but news can wake them before that.
const AT_ONCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_waiting_reader_gets_new_lines_at_once() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    let id = agent.id().clone();
    let begun = Instant::now();
    let (page, ()) = tokio::join!(page(&world, &id, "after=0&wait=30"), agent.print(&["one"]));
    assert_eq!(texts(&page), ["one"]);
    assert_eq!(page["poll_after_ms"], 0);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_waiting_reader_learns_of_the_start_at_once() {
    let world = World::new().await;
    let id = world.submit(&world.root, hello()).await;
    world.settle().await;
    let begun = Instant::now();
    let (page, _) = tokio::join!(page(&world, &id, "after=0&wait=30"), world.start(&id));
    assert_eq!(
        (texts(&page), &page["status"], &page["phase"]),
        (vec![], &json!("RUNNING"), &json!("running"))
    );
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_waiting_reader_learns_of_the_end_at_once() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    let id = agent.id().clone();
    let begun = Instant::now();
    let (page, _) = tokio::join!(page(&world, &id, "after=1&wait=30"), agent.finish(0));
    assert_eq!((texts(&page), &page["complete"]), (vec![], &json!(true)));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_waiting_reader_learns_of_a_kill_in_the_line_at_once() {
    let world = World::new().await;
    world.run(&world.root, crate::harness::locked("prod")).await;
    let id = world
        .submit(&world.root, crate::harness::locked("prod"))
        .await;
    let path = format!("/executions/{id}");
    let begun = Instant::now();
    let (page, killed) = tokio::join!(
        page(&world, &id, "wait=30"),
        world.delete(&world.root, &path, Value::Null),
    );
    killed.assert_status(200);
    assert_eq!(page["complete"], true);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn ten_readers_all_get_the_line() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    let id = agent.id().clone();
    let readers =
        futures_util::future::join_all((0..10).map(|_| page(&world, &id, "after=0&wait=30")));
    let (pages, ()) = tokio::join!(readers, agent.print(&["one"]));
    for page in pages {
        assert_eq!(texts(&page), ["one"]);
    }
}

#[tokio::test]
async fn a_reader_with_something_to_read_does_not_wait() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    let id = agent.id().clone();
    let begun = Instant::now();
    assert_eq!(texts(&page(&world, &id, "after=0&wait=30").await), ["one"]);
    agent.finish(0).await;
    assert_eq!(page(&world, &id, "after=1&wait=30").await["complete"], true);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_reader_that_waits_in_vain_is_answered_when_its_time_is_up() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let begun = Instant::now();
    let page = page(&world, agent.id(), "after=0&wait=1").await;
    assert_eq!((texts(&page), &page["complete"]), (vec![], &json!(false)));
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}
