//! `/agent/v1/{attempt}`: what agents may do, and when they must leave.

mod finish;
mod push;

use std::fmt::Write as _;

use runvoy_core::role::Role;
use runvoy_testkit::ScriptedLaunch;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, start_body};
use crate::harness::{World, hello};

/// Stops an execution.
async fn kill(world: &World, agent: &Agent<'_>) {
    let path = format!("/executions/{}", agent.id());
    world
        .delete(&world.root, &path, Value::Null)
        .await
        .assert_status(200);
}

/// An execution that is launched and whose agent has not called yet.
async fn launched(world: &World, body: Value) -> Agent<'_> {
    let id = world.submit(&world.root, body).await;
    world.settle().await;
    Agent::launched(world, &id)
}

#[tokio::test]
async fn a_start_brings_everything_that_the_run_needs_verbatim() {
    let world = World::new().await;
    let body = json!({
        "command": "printf '%s\\n' \"$(id)\" ü",
        "env": {"PLAIN": "a b"},
        "secret_env": {"TOKEN": "s3cr3t"},
        "timeout": 90,
        "grace": 5,
        "log_limit": 1000,
        "workdir": "/srv",
    });
    let mut agent = launched(&world, body).await;
    let answer = agent.start().await;
    let mut shown = answer.json.clone();
    for (field, value) in [("session", "[session]"), ("spec", "below")] {
        assert!(!shown[field].is_null());
        shown[field] = json!(value);
    }
    insta::assert_snapshot!(shown.to_string(), @r#"{"cancel":false,"flush_ms":5,"grace_ms":5000,"heartbeat_ms":2000,"log_limit":1000,"session":"[session]","spec":"below","timeout_left_ms":90000}"#);
    let mut spec = answer.json["spec"].clone();
    assert!(spec["request_id"].is_string());
    spec["request_id"] = json!("[id]");
    assert_eq!(spec["env"]["RUNVOY_EXECUTION_ID"], agent.id().as_str());
    spec["env"]["RUNVOY_EXECUTION_ID"] = json!("[id]");
    insta::assert_snapshot!(spec.to_string(), @r#"{"env":{"PLAIN":"a b","RUNVOY_EXECUTION_ID":"[id]"},"mask":[],"request_id":"[id]","script":"printf '%s\\n' \"$(id)\" ü","secrets":{"TOKEN":"s3cr3t"},"shown_command":"printf '%s\\n' \"$(id)\" ü","sources":[],"workdir":"/srv"}"#);
}

#[tokio::test]
async fn an_argv_stays_an_argv() {
    let world = World::new().await;
    let mut agent = launched(&world, json!({"argv": ["echo", "a b", "", "$(id)"]})).await;
    let answer = agent.start().await;
    assert_eq!(
        answer.json["spec"]["argv"],
        json!(["echo", "a b", "", "$(id)"])
    );
    assert!(answer.json["spec"]["script"].is_null());
}

#[tokio::test]
async fn the_same_boot_gets_the_same_answer_again() {
    let world = World::new().await;
    let mut agent = launched(&world, json!({"command": "true", "timeout": 60})).await;
    let first = agent.start().await;
    let again = agent.start().await;
    assert_eq!((again.status, &again.json), (200, &first.json));
    world.pass(10);
    let later = agent.start().await;
    assert_eq!(
        later.json["timeout_left_ms"], 50_000,
        "the time runs from the first start"
    );
    let starts = world
        .audited(agent.id())
        .await
        .iter()
        .filter(|action| *action == "execution.started")
        .count();
    assert_eq!(starts, 1);
}

#[tokio::test]
async fn another_boot_is_told_to_leave_and_the_trail_tells_of_it() {
    let world = World::new().await;
    let mut agent = launched(&world, hello()).await;
    agent.start().await.assert_status(200);
    let other = agent.call("start", &agent.token, start_body('2')).await;
    insta::assert_snapshot!(other.shown(), @r#"410 {"code":"LEAVE","error":"another agent runs this execution, or it is over"}"#);
    let audited = world.audited(agent.id()).await;
    assert_eq!(audited.last().unwrap(), "agent.refused");
    agent.print(&["the first goes on"]).await;
}

#[tokio::test]
async fn of_two_boots_that_start_at_once_one_runs() {
    let world = World::new().await;
    let agent = launched(&world, hello()).await;
    let (first, second) = tokio::join!(
        agent.call("start", &agent.token, start_body('1')),
        agent.call("start", &agent.token, start_body('2')),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
}

#[tokio::test]
async fn an_agent_of_an_earlier_attempt_is_told_to_leave() {
    let world = World::new().await;
    world.launcher.script(ScriptedLaunch::AcceptAndLose);
    world
        .launcher
        .script(ScriptedLaunch::Refuse("no room".into()));
    let id = world.submit(&world.root, hello()).await;
    world.settle().await;
    let early = Agent::launched(&world, &id);
    // The first attempt's lease ends without a word; the same attempt is refused then, and the next one begins.
    world.pass(20);
    world.app.drive(&id).await.unwrap();
    let mut late = Agent::launched(&world, &id);
    assert_eq!((early.attempt.number(), late.attempt.number()), (1, 2));
    let refused = early.call("start", &early.token, start_body('1')).await;
    assert_eq!(refused.refusal(), (410, "LEAVE"));
    late.start().await.assert_status(200);
}

#[tokio::test]
async fn a_token_opens_its_own_attempt_alone() {
    let world = World::new().await;
    let agent = launched(&world, hello()).await;
    let other = launched(&world, hello()).await;
    let key = world.root.key.clone().unwrap();
    for token in [other.token.as_str(), "", "x", &key] {
        let refused = agent.call("start", token, start_body('1')).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused.shown(), @r#"401 {"code":"INVALID_API_KEY","error":"this token does not fit the attempt"}"#);
        }
    }
    assert_eq!(world.status(agent.id()).await, "STARTING");
}

#[tokio::test]
async fn a_launch_token_is_no_session() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let bodies = [
        ("logs", json!({"first": 1, "entries": []})),
        ("heartbeat", json!({"next_seq": 1})),
        ("finish", agent.finish_body(0)),
    ];
    for (verb, body) in bodies {
        let refused = agent.call(verb, &agent.token, body).await;
        assert_eq!(refused.refusal(), (410, "LEAVE"), "{verb}");
    }
    assert_eq!(world.status(agent.id()).await, "RUNNING");
}

#[tokio::test]
async fn a_stop_before_the_start_leaves_nothing_to_start() {
    let world = World::new().await;
    let mut agent = launched(&world, hello()).await;
    kill(&world, &agent).await;
    assert_eq!(agent.start().await.refusal(), (410, "LEAVE"));
    assert_eq!(world.status(agent.id()).await, "STOPPED");
}

#[tokio::test]
async fn a_start_that_is_asked_again_during_a_stop_brings_no_command() {
    let world = World::new().await;
    let mut agent = launched(
        &world,
        json!({"command": "true", "secret_env": {"A": "s3cr3t"}}),
    )
    .await;
    agent.start().await.assert_status(200);
    kill(&world, &agent).await;
    let again = agent.start().await;
    assert_eq!((again.status, &again.json["cancel"]), (200, &json!(true)));
    assert!(again.json["spec"].is_null() && !again.json.to_string().contains("s3cr3t"));

    let mut end = agent.finish_body(0);
    end["exit_code"] = Value::Null;
    end["ended_by"] = json!("cancel");
    let finished = agent.call("finish", &agent.session, end).await;
    assert_eq!(finished.json["accepted"], true);
    assert_eq!(world.status(agent.id()).await, "STOPPED");
}

#[tokio::test]
async fn a_stop_reaches_the_agent_with_its_next_call() {
    let world = World::new().await;
    let operator = world.user("operator", Role::Operator).await;
    let mut agent = world.run(&world.root, hello()).await;
    let before = agent.heartbeat().await;
    assert_eq!(before.json["cancel"], false);
    agent.print(&["one"]).await;
    let path = format!("/executions/{}", agent.id());
    world
        .delete(&operator, &path, Value::Null)
        .await
        .assert_status(200);
    assert_eq!(agent.heartbeat().await.json["cancel"], true);
    let pushed = agent.push_from(2, &[("o", "two", "\n")]).await;
    assert_eq!(
        (&pushed.json["cancel"], &pushed.json["next_seq"]),
        (&json!(true), &json!(3))
    );
}

#[tokio::test]
async fn bad_calls_are_refused() {
    let world = World::new().await;
    let agent = launched(&world, hello()).await;
    let mut told = String::new();
    let nonce = "1".repeat(32);
    let start = |nonce: &str, place: &str| json!({"nonce": nonce, "place": place, "version": "1", "arch": "x"});
    let bodies = [
        json!([]),
        json!({}),
        start("short", "p"),
        start(&nonce, ""),
        start(&nonce, "a\nb"),
    ];
    for body in bodies {
        let answer = agent.call("start", &agent.token, body).await;
        writeln!(told, "{}", answer.shown()).unwrap();
    }
    for attempt in [
        "x-1",
        "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c",
        "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-0",
        "%FF",
    ] {
        let request = axum::http::Request::post(format!("/agent/v1/{attempt}/start"))
            .header("authorization", "Bearer x")
            .body(axum::body::Body::from(start_body('1').to_string()));
        let answer = world.send_as_agent(request.unwrap()).await;
        writeln!(told, "{attempt}: {}", answer.shown()).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: a list instead of an object"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: missing field `nonce` at line 1 column 2"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: nonce must be 32 to 64 hex digits at line 1 column 27"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: place must be 1 to 512 printable characters at line 1 column 65"}
    400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: place must be 1 to 512 printable characters at line 1 column 69"}
    x-1: 400 {"code":"INVALID_REQUEST","error":"attempt must be an execution id, a dash and a number, not `x-1`"}
    0197f2a4c1d27c3e8b6a5d4e3f2a1b0c: 400 {"code":"INVALID_REQUEST","error":"attempt must be an execution id, a dash and a number, not `[id]`"}
    0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-0: 400 {"code":"INVALID_REQUEST","error":"attempt must be an execution id, a dash and a number, not `[id]-0`"}
    %FF: 401 {"code":"UNAUTHORIZED","error":"no attempt"}
    "#);
}
