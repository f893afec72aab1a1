//! The whole log of a finished run in one answer, lines joined.

use serde_json::{Value, json};

use super::filled;
use crate::harness::{World, hello};

#[tokio::test]
async fn the_whole_log_comes_in_one_answer_however_many_pages_it_has() {
    let world = World::new().await;
    let agent = filled(&world, &world.root, 10_000).await;
    let id = agent.finish(0).await;
    let answer = world
        .get(&world.root, &format!("/executions/{id}/logs"))
        .await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        (answer.text("status"), &answer.json["complete"]),
        ("SUCCEEDED", &json!(true))
    );
    let events = answer.json["events"].as_array().unwrap();
    let lines = events.iter().map(|event| event["line"].as_u64().unwrap());
    assert!(lines.eq(1..=10_000));
    assert!(answer.bytes.len() > 5_000_000);
}

#[tokio::test]
async fn pieces_of_a_line_are_joined_under_its_first_number() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent
        .push(&[
            ("o", "a", ""),
            ("e", "x", ""),
            ("o", "b", ""),
            ("e", "y", "\n"),
            ("o", "c", "\n"),
            ("o", "end", ""),
        ])
        .await;
    let id = agent.finish(0).await;
    let answer = world
        .get(&world.root, &format!("/executions/{id}/logs"))
        .await;
    let lines: Vec<Value> = answer.json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| json!([event["line"], event["stream"], event["message"]]))
        .collect();
    assert_eq!(
        json!(lines),
        json!([
            [1, "stdout", "abc"],
            [2, "stderr", "xy"],
            [6, "stdout", "end"]
        ])
    );
}

#[tokio::test]
async fn an_empty_log_is_an_empty_list() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let id = agent.finish(0).await;
    let answer = world
        .get(&world.root, &format!("/executions/{id}/logs"))
        .await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"complete":true,"events":[],"execution_id":"[id]","status":"SUCCEEDED"}"#);
}

#[tokio::test]
async fn a_live_run_has_no_whole_log_yet() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    let answer = world
        .get(&world.root, &format!("/executions/{}/logs", agent.id()))
        .await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"complete":false,"events":null,"execution_id":"[id]","next":0,"phase":"running","poll_after_ms":1000,"status":"RUNNING"}"#);
}

#[tokio::test]
async fn a_run_that_is_being_stopped_shows_what_there_is_and_that_more_may_come() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    let path = format!("/executions/{}", agent.id());
    world
        .delete(&world.root, &path, Value::Null)
        .await
        .assert_status(200);
    let answer = world.get(&world.root, &format!("{path}/logs")).await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"complete":false,"events":[{"end":"\n","event_id":"1","line":1,"message":"one","stream":"stdout","timestamp":1750000000001}],"execution_id":"[id]","status":"TERMINATING"}"#);
}
