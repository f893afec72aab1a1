//! `finish`: the end, once the log is whole.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::agent::Agent;
use crate::harness::{World, hello};

async fn finish(agent: &Agent<'_>, changes: &[(&str, Value)]) -> crate::harness::answer::Answer {
    let mut body = agent.finish_body(0);
    for (field, value) in changes {
        body[*field] = value.clone();
    }
    agent.call("finish", &agent.session, body).await
}

#[tokio::test]
async fn an_end_before_the_last_line_is_not_taken_yet() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one", "two"]).await;
    for last_seq in [0, 1, 3, u64::MAX] {
        let early = finish(&agent, &[("last_seq", json!(last_seq))]).await;
        assert_eq!(early.json, json!({"accepted": false, "next_seq": 3}));
    }
    assert_eq!(world.status(agent.id()).await, "RUNNING");
    agent.print(&["three"]).await;
    let whole = finish(&agent, &[]).await;
    assert_eq!(whole.json, json!({"accepted": true, "next_seq": 4}));
    assert_eq!(world.status(agent.id()).await, "SUCCEEDED");
}

#[tokio::test]
async fn the_first_end_stands_however_often_it_is_told() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    finish(&agent, &[("exit_code", json!(3))])
        .await
        .assert_status(200);
    let first = world.execution(agent.id()).await.json;
    world.pass(5);
    let again = finish(&agent, &[("exit_code", json!(0))]).await;
    assert_eq!(again.json["accepted"], true);
    assert_eq!(world.execution(agent.id()).await.json, first);
    assert_eq!(
        (&first["status"], &first["exit_code"]),
        (&json!("FAILED"), &json!(3))
    );
    let ends = world
        .audited(agent.id())
        .await
        .iter()
        .filter(|action| *action == "execution.ended")
        .count();
    assert_eq!(ends, 1);
}

#[tokio::test]
async fn every_way_to_end_has_its_own_reason() {
    let ways = [
        (json!([0, null, "none"]), json!(["SUCCEEDED", "exited", 0])),
        (json!([1, null, "none"]), json!(["FAILED", "exited", 1])),
        (json!([null, 9, "none"]), json!(["FAILED", "signaled", 137])),
        (
            json!([null, 15, "timeout"]),
            json!(["FAILED", "timed_out", null]),
        ),
        (
            json!([143, null, "timeout"]),
            json!(["FAILED", "timed_out", 143]),
        ),
        (
            json!([null, 9, "oom"]),
            json!(["FAILED", "out_of_memory", 137]),
        ),
        (
            json!([null, 15, "signal"]),
            json!(["FAILED", "interrupted", null]),
        ),
        (
            json!([null, null, "none"]),
            json!(["FAILED", "launch_failed", null]),
        ),
    ];
    let world = World::new().await;
    for (way, outcome) in ways {
        let agent = world.run(&world.root, hello()).await;
        let changes = [
            ("exit_code", way[0].clone()),
            ("signal", way[1].clone()),
            ("ended_by", way[2].clone()),
        ];
        finish(&agent, &changes).await.assert_status(200);
        let ended = world.execution(agent.id()).await.json;
        assert_eq!(
            json!([ended["status"], ended["reason"], ended["exit_code"]]),
            outcome,
            "{way}"
        );
    }
}

#[tokio::test]
async fn what_the_agent_says_of_a_failed_start_is_shown() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let changes = [
        ("exit_code", Value::Null),
        ("message", json!("no such directory: /srv")),
    ];
    finish(&agent, &changes).await.assert_status(200);
    let ended = world.execution(agent.id()).await;
    assert_eq!(
        (ended.text("reason"), ended.text("message")),
        ("launch_failed", "no such directory: /srv")
    );
}

#[tokio::test]
async fn an_end_that_is_none_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let mut told = String::new();
    let bad = [
        ("signal", json!(9)),
        ("ended_by", json!("magic")),
        ("exit_code", json!("0")),
        ("exit_code", json!(4_294_967_296_u64)),
        ("ended_at", json!("yesterday")),
        ("last_seq", json!(-1)),
    ];
    for change in bad {
        writeln!(told, "{}", finish(&agent, &[change]).await.shown()).unwrap();
    }
    for signal in [i32::MIN, 0, 128, i32::MAX] {
        let changes = [("exit_code", Value::Null), ("signal", json!(signal))];
        writeln!(told, "{}", finish(&agent, &changes).await.shown()).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    400 {"code":"INVALID_REQUEST","error":"give exit_code or signal, not both"}
    400 {"code":"INVALID_REQUEST","error":"ended_by is unknown: `magic`"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: string \"0\", expected i32 at line 1 column 68"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid value: integer `4294967296`, expected i32 at line 1 column 75"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y at line 1 column 23"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid value: integer `-1`, expected u64 at line 1 column 80"}
    400 {"code":"INVALID_REQUEST","error":"there is no such signal"}
    400 {"code":"INVALID_REQUEST","error":"there is no such signal"}
    400 {"code":"INVALID_REQUEST","error":"there is no such signal"}
    400 {"code":"INVALID_REQUEST","error":"there is no such signal"}
    "#);
    assert_eq!(world.status(agent.id()).await, "RUNNING");
}

#[tokio::test]
async fn an_agent_s_clock_moves_the_end_neither_before_the_start_nor_past_now() {
    let world = World::new().await;
    for (told, shown) in [("1999-01-01T00:00:00Z", 0), ("2999-01-01T00:00:00Z", 7)] {
        let agent = world.run(&world.root, hello()).await;
        world.pass(7);
        finish(&agent, &[("ended_at", json!(told))])
            .await
            .assert_status(200);
        let ended = world.execution(agent.id()).await;
        assert_eq!(ended.json["duration_seconds"], shown, "{told}");
    }
}
