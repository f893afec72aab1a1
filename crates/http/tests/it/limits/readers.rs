//! Those who wait for lines of a log are held where they are too many, never refused.

use std::time::Duration;

use runvoy_core::role::Role;
use tokio::time::Instant;

use super::{Limited, OFFICE, limits};
use crate::harness::hello;

#[tokio::test]
async fn a_thousand_followers_behind_one_address_are_all_answered() {
    let limited = Limited::new(limits(100, 200)).await;
    let world = &limited.world;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one", "two"]).await;
    let path = format!("/executions/{}/logs?after=0&wait=10", agent.id());
    // All of them come back at once, as after a restart of the server, and their key is not known yet.
    let followers = (0..1000).map(|_| limited.get(OFFICE, &world.root, &path));
    for answer in futures_util::future::join_all(followers).await {
        answer.assert_status(200);
    }
    for line in 0..3 {
        let began = Instant::now();
        for _ in 0..1000 {
            limited
                .get(OFFICE, &world.root, &path)
                .await
                .assert_status(200);
        }
        assert_eq!(began.elapsed(), Duration::ZERO, "held at line {line}");
    }
}

#[tokio::test]
async fn a_reader_who_asks_without_end_is_held() {
    let limited = Limited::new(limits(1, 100)).await;
    let world = &limited.world;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    let path = format!("/executions/{}/logs?after=0&wait=10", agent.id());
    let began = Instant::now();
    for _ in 0..301 {
        limited
            .get(OFFICE, &world.root, &path)
            .await
            .assert_status(200);
    }
    // 200 at once, then 20 a second.
    let held = began.elapsed();
    assert!(held >= Duration::from_secs(5), "{held:?}");
    assert!(held < Duration::from_secs(6), "{held:?}");
}

#[tokio::test]
async fn reading_without_waiting_is_counted_like_everything_else() {
    let limited = Limited::new(limits(1, 100)).await;
    let world = &limited.world;
    let alice = world.user("alice", Role::Developer).await;
    let agent = world.run(&alice, hello()).await;
    for query in ["", "?after=0", "?after=0&wait=0", "?after=0&wait=x"] {
        let path = format!("/executions/{}/logs{query}", agent.id());
        let mut last = 0;
        for _ in 0..12 {
            last = limited.get(OFFICE, &alice, &path).await.status;
        }
        assert_eq!(last, 429, "{query}");
    }
}

/// How long it takes to read so, one answer after the other.
async fn read(limited: &Limited, times: u32, path: &str, status: u16) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        let answer = limited.get(OFFICE, &limited.world.root, path).await;
        answer.assert_status(status);
    }
    began.elapsed()
}

#[tokio::test]
async fn waiting_for_what_is_over_is_a_request_like_any_other() {
    let limited = Limited::new(limits(10, 1000)).await;
    let world = &limited.world;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one", "two"]).await;
    let id = agent.finish(0).await;
    let (over, nowhere) = (format!("/executions/{id}/logs"), "/executions/x/logs");
    // 100 at once, then 10 a second.
    let seconds = 20;
    for (path, status) in [
        (format!("{over}?after=2&wait=1"), 200),
        (format!("{over}?wait=30"), 200),
        (format!("{over}?after=0&limit=1&wait=1"), 200),
        (format!("{over}?after=x&wait=1"), 400),
        (format!("{nowhere}?wait=1"), 400),
    ] {
        tokio::time::advance(Duration::from_hours(1)).await;
        let held = read(&limited, 100 + seconds * 10, &path, status).await;
        let least = Duration::from_secs(u64::from(seconds) - 1);
        assert!(held >= least, "{path}: {held:?}");
    }
}

#[tokio::test]
async fn only_readers_of_logs_are_held() {
    let limited = Limited::new(limits(1, 1000)).await;
    let root = limited.world.root.clone();
    for path in ["/whoami?wait=10", "/logs?wait=10", "/a/b/logs?wait=10"] {
        tokio::time::advance(Duration::from_hours(1)).await;
        let mut last = 0;
        for _ in 0..12 {
            last = limited.get(OFFICE, &root, path).await.status;
        }
        assert_eq!(last, 429, "{path}");
    }
}

#[tokio::test]
async fn no_reader_is_held_for_more_than_five_seconds() {
    let limited = Limited::new(limits(1, 1000)).await;
    let world = &limited.world;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    assert_eq!(limited.whoami(OFFICE, &world.root).await, 200);
    let path = format!("/executions/{}/logs?after=0&wait=30", agent.id());
    let followers = (0..500).map(|_| limited.get(OFFICE, &world.root, &path));
    let answers = futures_util::future::join_all(followers).await;
    // 200 at once, and 20 for each second that they may be held.
    let answered = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(answered, 300);
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.header("retry-after"), Some("6"));
}
