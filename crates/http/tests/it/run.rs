//! `POST /run`: what is refused, and how.

mod described;
mod idempotency;
mod too_many;

use runvoy_core::command::MAX_COMMAND_BYTES;
use runvoy_core::role::Role;
use runvoy_wire::MAX_BODY_BYTES;
use serde_json::{Value, json};

use crate::harness::{World, hello};

#[tokio::test]
async fn a_body_that_is_not_the_expected_json_is_refused() {
    let world = World::new().await;
    let bodies = [
        "",
        "{",
        "null",
        "\"echo hi\"",
        r#"["echo hi"]"#,
        "{}",
        r#"{"command":"true","colour":"red"}"#,
        r#"{"command":"true","command":"false"}"#,
        r#"{"command":1}"#,
        r#"{"command":"true"} {"command":"true"}"#,
        r#"{"command":"true","env":{"A":1}}"#,
    ];
    let requests = bodies.map(|body| ("POST /run", body));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /run
      400 {"code":"INVALID_REQUEST","error":"command is missing"}
    POST /run {
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: EOF while parsing an object at line 1 column 1"}
    POST /run null
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: null, expected struct RunRequest at line 1 column 4"}
    POST /run "echo hi"
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: string \"echo hi\", expected struct RunRequest at line 1 column 9"}
    POST /run ["echo hi"]
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: a list instead of an object"}
    POST /run {}
      400 {"code":"INVALID_REQUEST","error":"command is missing"}
    POST /run {"command":"true","colour":"red"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: unknown field `colour`, expected one of `command`, `argv`, `env`, `secret_env`, `timeout`, `grace`, `lock`, `no_wait`, `lock_timeout`, `workdir`, `log_limit`, `image`, `cpu`, `memory`, `target`, `secrets`, `git_repo`, `git_ref`, `git_path` at line 1 column 26"}
    POST /run {"command":"true","command":"false"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: duplicate field `command` at line 1 column 27"}
    POST /run {"command":1}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: integer `1`, expected a string at line 1 column 12"}
    POST /run {"command":"true"} {"command":"true"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: trailing characters at line 1 column 20"}
    POST /run {"command":"true","env":{"A":1}}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: integer `1`, expected a string at line 1 column 30"}
    "#);
    let bytes = world.root.raw(
        axum::http::Method::POST,
        "/api/v1/run",
        b"{\"command\":\"\xff\"}".to_vec(),
    );
    insta::assert_snapshot!(world.send(bytes).await.shown(), @r#"400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid unicode code point at line 1 column 13"}"#);
    nothing_was_recorded(&world).await;
}

#[tokio::test]
async fn a_field_of_a_later_feature_is_refused_by_name() {
    let world = World::new().await;
    let bodies = [
        r#"{"command":"true","image":"alpine"}"#,
        r#"{"command":"true","cpu":256}"#,
        r#"{"command":"true","cpu":"1"}"#,
        r#"{"command":"true","memory":512}"#,
        r#"{"command":"true","target":"web-1"}"#,
        r#"{"command":"true","secrets":["db"]}"#,
        r#"{"command":"true","git_repo":"https://example.com/a.git"}"#,
        r#"{"command":"true","git_ref":"main"}"#,
        r#"{"command":"true","git_path":"infra"}"#,
    ];
    let requests = bodies.map(|body| ("POST /run", body));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /run {"command":"true","image":"alpine"}
      422 {"code":"UNSUPPORTED","details":"this launcher runs no containers","error":"image is not supported here"}
    POST /run {"command":"true","cpu":256}
      422 {"code":"UNSUPPORTED","details":"this launcher runs no containers","error":"cpu is not supported here"}
    POST /run {"command":"true","cpu":"1"}
      422 {"code":"UNSUPPORTED","details":"this launcher runs no containers","error":"cpu is not supported here"}
    POST /run {"command":"true","memory":512}
      422 {"code":"UNSUPPORTED","details":"this launcher runs no containers","error":"memory is not supported here"}
    POST /run {"command":"true","target":"web-1"}
      422 {"code":"UNSUPPORTED","details":"this server does not have it yet","error":"target is not supported here"}
    POST /run {"command":"true","secrets":["db"]}
      422 {"code":"UNSUPPORTED","details":"pass the values themselves in secret_env: runvoy run --secret-env NAME","error":"secrets is not supported here"}
    POST /run {"command":"true","git_repo":"https://example.com/a.git"}
      422 {"code":"UNSUPPORTED","details":"fetch the repository in the command itself","error":"git_repo is not supported here"}
    POST /run {"command":"true","git_ref":"main"}
      422 {"code":"UNSUPPORTED","details":"fetch the repository in the command itself","error":"git_ref is not supported here"}
    POST /run {"command":"true","git_path":"infra"}
      422 {"code":"UNSUPPORTED","details":"fetch the repository in the command itself","error":"git_path is not supported here"}
    "#);
    nothing_was_recorded(&world).await;
}

#[tokio::test]
async fn a_field_of_a_later_feature_that_asks_for_nothing_is_let_pass() {
    let world = World::new().await;
    let body = json!({
        "command": "true", "image": "", "cpu": 0, "memory": "", "target": "", "secrets": [],
        "git_repo": "", "git_ref": "", "git_path": "", "lock": "", "timeout": 0, "workdir": "",
    });
    world.submit(&world.root, body).await;
}

#[tokio::test]
async fn a_command_is_exactly_one_of_script_and_argv() {
    let world = World::new().await;
    let bodies = [
        r#"{"command":""}"#,
        r#"{"command":" \n\t"}"#,
        r#"{"command":null}"#,
        r#"{"argv":[]}"#,
        r#"{"argv":[""]}"#,
        r#"{"command":"true","argv":["true"]}"#,
        r#"{"command":"a\u0000b"}"#,
        r#"{"argv":["a","\u0000"]}"#,
    ];
    let requests = bodies.map(|body| ("POST /run", body));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /run {"command":""}
      400 {"code":"INVALID_REQUEST","error":"command is empty"}
    POST /run {"command":" \n\t"}
      400 {"code":"INVALID_REQUEST","error":"command is empty"}
    POST /run {"command":null}
      400 {"code":"INVALID_REQUEST","error":"command is missing"}
    POST /run {"argv":[]}
      400 {"code":"INVALID_REQUEST","error":"command is empty"}
    POST /run {"argv":[""]}
      400 {"code":"INVALID_REQUEST","error":"command is empty"}
    POST /run {"command":"true","argv":["true"]}
      400 {"code":"INVALID_REQUEST","error":"give either command or argv, not both"}
    POST /run {"command":"a\u0000b"}
      400 {"code":"INVALID_REQUEST","error":"command contains a NUL character, which no program can be given"}
    POST /run {"argv":["a","\u0000"]}
      400 {"code":"INVALID_REQUEST","error":"command contains a NUL character, which no program can be given"}
    "#);
    nothing_was_recorded(&world).await;
}

#[tokio::test]
async fn a_value_out_of_range_is_refused_with_the_range() {
    let world = World::new().await;
    let bodies = [
        r#"{"command":"true","timeout":-1}"#,
        r#"{"command":"true","timeout":"10m"}"#,
        r#"{"command":"true","timeout":1.5}"#,
        r#"{"command":"true","timeout":86401}"#,
        r#"{"command":"true","timeout":18446744073709551615}"#,
        r#"{"command":"true","grace":601}"#,
        r#"{"command":"true","log_limit":268435457}"#,
        r#"{"command":"true","lock":"-prod"}"#,
        r#"{"command":"true","lock":"prod\u001b[31m"}"#,
        r#"{"command":"true","lock":"prod","lock_timeout":2592001}"#,
        r#"{"command":"true","lock_timeout":60}"#,
        r#"{"command":"true","no_wait":true}"#,
        r#"{"command":"true","workdir":"infra"}"#,
        r#"{"command":"true","env":{"A-B":"1"}}"#,
        r#"{"command":"true","env":{"RUNVOY_EXECUTION_ID":"1"}}"#,
        r#"{"command":"true","env":{"A":"a\u0000b"}}"#,
        r#"{"command":"true","env":{"A":"1"},"secret_env":{"A":"2"}}"#,
    ];
    let requests = bodies.map(|body| ("POST /run", body));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /run {"command":"true","timeout":-1}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid value: integer `-1`, expected u64 at line 1 column 30"}
    POST /run {"command":"true","timeout":"10m"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: string \"10m\", expected u64 at line 1 column 33"}
    POST /run {"command":"true","timeout":1.5}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: floating point `1.5`, expected u64 at line 1 column 31"}
    POST /run {"command":"true","timeout":86401}
      400 {"code":"INVALID_REQUEST","error":"timeout is at most 1d"}
    POST /run {"command":"true","timeout":18446744073709551615}
      400 {"code":"INVALID_REQUEST","error":"timeout is at most 1d"}
    POST /run {"command":"true","grace":601}
      400 {"code":"INVALID_REQUEST","error":"grace is at most 10m"}
    POST /run {"command":"true","log_limit":268435457}
      400 {"code":"INVALID_REQUEST","error":"log_limit is at most 268435456 bytes"}
    POST /run {"command":"true","lock":"-prod"}
      400 {"code":"INVALID_REQUEST","error":"lock name must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not `-prod`"}
    POST /run {"command":"true","lock":"prod\u001b[31m"}
      400 {"code":"INVALID_REQUEST","error":"lock name must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not `prod\\u{1b}[31m`"}
    POST /run {"command":"true","lock":"prod","lock_timeout":2592001}
      400 {"code":"INVALID_REQUEST","error":"lock_timeout is at most 30d"}
    POST /run {"command":"true","lock_timeout":60}
      400 {"code":"INVALID_REQUEST","error":"no_wait and lock_timeout need a lock"}
    POST /run {"command":"true","no_wait":true}
      400 {"code":"INVALID_REQUEST","error":"no_wait and lock_timeout need a lock"}
    POST /run {"command":"true","workdir":"infra"}
      400 {"code":"INVALID_REQUEST","error":"workdir must be an absolute path"}
    POST /run {"command":"true","env":{"A-B":"1"}}
      400 {"code":"INVALID_REQUEST","error":"environment variable must be a letter or _, then letters, digits or _, not `A-B`"}
    POST /run {"command":"true","env":{"RUNVOY_EXECUTION_ID":"1"}}
      400 {"code":"INVALID_REQUEST","error":"environment variable RUNVOY_EXECUTION_ID is reserved: names that begin with RUNVOY_ are runvoy's own"}
    POST /run {"command":"true","env":{"A":"a\u0000b"}}
      400 {"code":"INVALID_REQUEST","error":"the value of A contains a NUL character"}
    POST /run {"command":"true","env":{"A":"1"},"secret_env":{"A":"2"}}
      400 {"code":"INVALID_REQUEST","error":"A is given both as a plain and as a secret variable"}
    "#);
    nothing_was_recorded(&world).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_the_limit() {
    let world = World::new().await;
    let refused = async |body: Value| world.post(&world.root, "/run", body).await.shown();
    let long = |bytes: usize| "x".repeat(bytes);

    let command = refused(json!({"command": long(MAX_COMMAND_BYTES + 1)})).await;
    insta::assert_snapshot!(command, @r#"413 {"code":"PAYLOAD_TOO_LARGE","details":"put what is long into a file that the command fetches","error":"the command is longer than 100 KiB"}"#);
    let argv = refused(json!({"argv": ["echo", long(MAX_COMMAND_BYTES)]})).await;
    assert_eq!(argv, command);
    let variables =
        refused(json!({"command": "true", "env": {"A": long(MAX_COMMAND_BYTES)}})).await;
    insta::assert_snapshot!(variables, @r#"413 {"code":"PAYLOAD_TOO_LARGE","details":"put what is long into a file that the command fetches","error":"the variables together are longer than 100 KiB"}"#);
    let body = refused(json!({"command": long(MAX_BODY_BYTES)})).await;
    insta::assert_snapshot!(body, @r#"413 {"code":"PAYLOAD_TOO_LARGE","error":"the body is larger than 1024 KiB"}"#);
    nothing_was_recorded(&world).await;

    world
        .submit(&world.root, json!({"command": long(MAX_COMMAND_BYTES)}))
        .await;
}

#[tokio::test]
async fn values_of_variables_are_in_no_answer() {
    let world = World::new().await;
    let developer = world.user("dev", Role::Developer).await;
    let body = json!({
        "command": "true",
        "env": {"PLAIN": "plain-value-4711"},
        "secret_env": {"TOKEN": "secret-value-4711"},
    });
    let answer = world.post(&developer, "/run", body).await;
    let id = answer.text("execution_id").to_owned();
    let mut answers = vec![answer];
    for path in [
        "/executions".to_owned(),
        format!("/executions/{id}"),
        "/audit".to_owned(),
    ] {
        answers.push(world.get(&world.root, &path).await);
    }
    for answer in &answers {
        assert!(
            !answer.json.to_string().contains("value-4711"),
            "{answer:?}"
        );
    }
    let shown = world.get(&developer, &format!("/executions/{id}")).await;
    assert_eq!(shown.json["env"], json!(["PLAIN"]));
    assert_eq!(shown.json["secret_env"], json!(["TOKEN"]));
}

#[tokio::test]
async fn an_accepted_run_is_recorded_before_anything_is_launched() {
    let world = World::new().await;
    let answer = world.post(&world.root, "/run", hello()).await;
    insta::assert_snapshot!(answer.shown(), @r#"202 {"command":"echo hello world","execution_id":"[id]","image_id":"","log_url":"/api/v1/executions/[id]/logs","status":"STARTING"}"#);
    assert!(world.launcher.launched().is_empty());
    let id = answer.text("execution_id").parse().unwrap();
    let created = world.execution(&id).await;
    insta::assert_snapshot!(created.shown(), @r#"200 {"cloud":"scripted","command":"echo hello world","compute_platform":"scripted","created_at":"2025-06-15T15:06:40Z","created_by":"root@example.com","created_by_request_id":"[id]","duration_seconds":0,"execution_id":"[id]","exit_code":null,"image_id":"","phase":"starting","started_at":"2025-06-15T15:06:40Z","status":"STARTING","timeout_seconds":600,"user_email":"root@example.com"}"#);
    world.settle().await;
    assert_eq!(world.launcher.launched().len(), 1);
}

/// What was refused left nothing behind.
async fn nothing_was_recorded(world: &World) {
    let executions = world.get(&world.root, "/executions").await;
    assert_eq!(executions.json, json!([]));
    let audit = world.get(&world.root, "/audit").await;
    let actions = audit.json.as_array().unwrap();
    assert_eq!(
        actions.len(),
        1,
        "only the first admin was created: {actions:?}"
    );
}
