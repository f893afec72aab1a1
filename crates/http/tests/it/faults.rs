//! A store that fails: said plainly, nothing done by half, nothing done twice.

use runvoy_core::role::Role;
use serde_json::json;

use crate::harness::{World, hello, locked};

/// A plan in which the commits with these numbers go wrong.
fn commits(numbers: std::ops::RangeInclusive<u32>, fault: &str) -> String {
    let faults: Vec<_> = numbers
        .map(|number| format!("commit:{number}:{fault}"))
        .collect();
    faults.join(",")
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_changed() {
    let world = World::faulty("commit:2:full").await;
    let answer = world.post(&world.root, "/run", locked("prod")).await;
    insta::assert_snapshot!(answer.shown(), @r#"503 {"code":"DATABASE_ERROR","details":"make room in the server's data directory, then try again","error":"the server's disk is full; nothing was changed"}"#);
    assert_eq!(world.get(&world.root, "/executions").await.json, json!([]));
    assert_eq!(world.get(&world.root, "/locks").await.json, json!([]));
    world.submit(&world.root, locked("prod")).await;
}

#[tokio::test]
async fn a_store_that_stays_away_is_said_and_nothing_is_changed() {
    let world = World::faulty(&commits(2..=10, "refuse")).await;
    let answer = world.post(&world.root, "/run", hello()).await;
    insta::assert_snapshot!(answer.shown(), @r#"503 {"code":"DATABASE_ERROR","error":"the store is unavailable; try again"}"#);
    assert_eq!(world.get(&world.root, "/executions").await.json, json!([]));
}

#[tokio::test]
async fn a_store_that_comes_back_soon_is_not_noticed() {
    let world = World::faulty(&commits(2..=4, "refuse")).await;
    world.submit(&world.root, hello()).await;
}

#[tokio::test]
async fn an_answer_that_the_store_lost_makes_no_second_execution() {
    let world = World::faulty("commit:2:drop-reply").await;
    world.submit(&world.root, locked("prod")).await;
    let list = world.get(&world.root, "/executions").await;
    assert_eq!(list.json.as_array().unwrap().len(), 1);
    assert_eq!(list.json[0]["status"], "STARTING");
}

#[tokio::test]
async fn who_is_overtaken_again_and_again_still_gets_through() {
    let world = World::faulty(&commits(2..=8, "conflict")).await;
    let alice = world.user("alice", Role::Developer).await;
    assert_eq!(world.get(&alice, "/whoami").await.text("role"), "developer");
}

#[tokio::test]
async fn lines_whose_answer_was_lost_are_stored_once() {
    let world = World::faulty("append:1:drop-reply,append:2:refuse").await;
    let mut agent = world.run(&world.root, hello()).await;
    for _ in 0..2 {
        let lost = agent.push_from(1, &[("o", "one", "\n")]).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(lost.shown(), @r#"503 {"code":"DATABASE_ERROR","error":"the store is unavailable; try again"}"#);
        }
    }
    let again = agent.push_from(1, &[("o", "one", "\n")]).await;
    assert_eq!(again.json["next_seq"], 2);
    agent.next = 2;
    let id = agent.finish(0).await;
    let logs = world
        .get(&world.root, &format!("/executions/{id}/logs"))
        .await;
    assert_eq!(logs.json["events"].as_array().unwrap().len(), 1);
}
