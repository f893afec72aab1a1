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
