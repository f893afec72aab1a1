//! How a run ends, and what the process exits with.

use crate::fake_server::{Answer, Asked, FakeServer};
use crate::home::{Home, runvoy_snapshot};

const ID: &str = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c";

/// A server that runs everything at once: a line on each stream, then this status, reason and code.
fn ending(status: &str, reason: &str, code: &str) -> FakeServer {
    let view = ended(status, reason, code);
    let status = status.to_owned();
    FakeServer::new(move |asked, _| answer(asked, &status, &view))
}

/// The record of an execution that is over.
fn ended(status: &str, reason: &str, code: &str) -> String {
    format!(
        r#"{{"execution_id":"{ID}","created_by":"a@b.c","user_email":"a@b.c","command":"x","status":"{status}",
        "reason":"{reason}","message":"its own words","exit_code":{code},"created_at":"2025-10-29T09:10:00Z",
        "started_at":"2025-10-29T09:10:00Z","completed_at":"2025-10-29T09:10:05Z","duration_seconds":5,
        "timeout_seconds":600,"request_id":"r","created_by_request_id":"r","cloud":"p","compute_platform":"p"}}"#
    )
}

fn answer(asked: &Asked, status: &str, view: &str) -> Answer {
    if asked.line.starts_with("POST /api/v1/run") {
        return Answer::Say(
            202,
            format!(r#"{{"execution_id":"{ID}","log_url":"/","status":"STARTING","command":"x"}}"#),
        );
    }
    if asked.line.contains("/logs?") {
        return Answer::Say(
            200,
            format!(
                r#"{{"execution_id":"{ID}","status":"{status}","next":4,"complete":true,"poll_after_ms":0,"events":[
            {{"event_id":"1","line":1,"timestamp":0,"message":"Runvoy Runner execution started by requestID r","stream":"system","end":"\n"}},
            {{"event_id":"2","line":2,"timestamp":0,"message":"x","stream":"system","end":"\n"}},
            {{"event_id":"3","line":3,"timestamp":0,"message":"out","stream":"stdout","end":""}},
            {{"event_id":"4","line":4,"timestamp":0,"message":"err","stream":"stderr","end":"\n"}}]}}"#
            ),
        );
    }
    Answer::Say(200, view.to_owned())
}

fn ran(server: &FakeServer, arguments: &[&str]) -> String {
    Home::with_server(&server.endpoint).shown(arguments)
}

#[test]
fn success_is_the_remote_output_and_nothing_else() {
    let server = ending("SUCCEEDED", "exited", "0");
    runvoy_snapshot!(ran(&server, &["run", "x"]), @r"
    exit: 0
    --- stdout
    out--- stderr
    err
    ");
}

#[test]
fn every_reason_has_its_code() {
    for (status, reason, code, exit) in [
        ("SUCCEEDED", "exited", "0", 0),
        ("FAILED", "exited", "42", 42),
        ("FAILED", "exited", "255", 255),
        ("FAILED", "signaled", "137", 137),
        ("FAILED", "out_of_memory", "137", 137),
        ("FAILED", "timed_out", "null", 124),
        ("STOPPED", "cancelled", "0", 130),
        ("FAILED", "launch_failed", "null", 125),
        ("FAILED", "agent_lost", "null", 125),
        ("FAILED", "interrupted", "null", 125),
        ("FAILED", "lock_timeout", "null", 75),
        ("FAILED", "denied", "null", 77),
        ("FAILED", "of_a_later_version", "null", 125),
    ] {
        let server = ending(status, reason, code);
        let home = Home::with_server(&server.endpoint);
        for line in [["run", "x"].as_slice(), &["wait", ID]] {
            assert_eq!(
                home.run(line).status.code(),
                Some(exit),
                "{reason} {line:?}"
            );
        }
    }
}

#[test]
fn a_timeout_is_explained() {
    runvoy_snapshot!(ran(&ending("FAILED", "timed_out", "null"), &["run", "x"]), @r"
    exit: 124
    --- stdout
    out--- stderr
    err
    error: the command timed out
    caused by: its own words

    hint: it may run for 10m; give it more:  --timeout DURATION
    ");
}

#[test]
fn a_launch_that_failed_is_explained() {
    runvoy_snapshot!(ran(&ending("FAILED", "launch_failed", "null"), &["run", "x"]), @r"
    exit: 125
    --- stdout
    out--- stderr
    err
    error: the command could not be started
    caused by: its own words

    hint: see the record:  runvoy status [ID]
    ");
}

#[test]
fn programs_get_lines_of_json_and_a_result() {
    let server = ending("FAILED", "exited", "3");
    runvoy_snapshot!(ran(&server, &["run", "-o", "json", "x"]), @r#"
    exit: 3
    --- stdout
    {"event_id":"1","line":1,"timestamp":0,"message":"Runvoy Runner execution started by requestID r","stream":"system","end":"\n"}
    {"event_id":"2","line":2,"timestamp":0,"message":"x","stream":"system","end":"\n"}
    {"event_id":"3","line":3,"timestamp":0,"message":"out","stream":"stdout","end":""}
    {"event_id":"4","line":4,"timestamp":0,"message":"err","stream":"stderr","end":"\n"}
    {"execution_id":"[ID]","status":"FAILED","reason":"exited","exit_code":3}
    --- stderr
    "#);
}

#[test]
fn timestamps_number_every_line() {
    let server = ending("FAILED", "exited", "3");
    runvoy_snapshot!(ran(&server, &["run", "-t", "x"]), @r"
    exit: 3
    --- stdout
    [1] 1970-01-01 00:00:00  Runvoy Runner execution started by requestID r
    [2] 1970-01-01 00:00:00  x
    [3] 1970-01-01 00:00:00  out
    [4] 1970-01-01 00:00:00  err
    --- stderr
    ");
}

#[test]
fn detached_is_the_id_alone() {
    let server = ending("SUCCEEDED", "exited", "0");
    runvoy_snapshot!(ran(&server, &["run", "-d", "x"]), @r"
    exit: 0
    --- stdout
    [ID]
    --- stderr
    ");
}

#[test]
fn a_result_file_says_how_it_ended() {
    let server = ending("FAILED", "exited", "3");
    let home = Home::with_server(&server.endpoint);
    assert_eq!(
        home.run(&["run", "--result-file", "result", "x"])
            .status
            .code(),
        Some(3)
    );
    let result: serde_json::Value =
        serde_json::from_slice(&std::fs::read(home.path("result")).unwrap()).unwrap();
    assert_eq!(
        result,
        serde_json::json!({"execution_id": ID, "status": "FAILED", "reason": "exited", "exit_code": 3})
    );
}

#[test]
fn a_busy_lock_is_75_and_says_who_has_it() {
    let server = FakeServer::saying(
        409,
        r#"{"error":"the lock prod is busy","code":"LOCK_BUSY","details":"execution x holds it; leave out --no-wait to wait in line"}"#,
    );
    runvoy_snapshot!(ran(&server, &["run", "--lock", "prod", "--no-wait", "x"]), @r"
    exit: 75
    --- stdout
    --- stderr
    error: the lock prod is busy
    hint: execution x holds it; leave out --no-wait to wait in line
    ");
}

#[test]
fn a_run_whose_answer_is_lost_is_asked_for_again_under_the_same_key() {
    let server = FakeServer::new(|asked, before| match before {
        0 => Answer::HangUp,
        _ => answer(asked, "SUCCEEDED", &ended("SUCCEEDED", "exited", "0")),
    });
    let home = Home::with_server(&server.endpoint);
    let output = home.run(&["run", "x"]);
    assert!(output.status.success() && output.stdout == b"out");
    let key = |asked: &Asked| {
        let mut headers = asked.headers.iter();
        headers
            .find(|header| header.starts_with("idempotency-key: "))
            .cloned()
            .unwrap()
    };
    let asked = server.asked();
    assert_eq!(asked[0].line, asked[1].line);
    assert_eq!(asked[0].body, asked[1].body);
    assert_eq!(key(&asked[0]), key(&asked[1]));
}

#[test]
fn a_script_and_an_argv_are_told_apart_on_the_wire() {
    let body = |line: &[&str]| {
        let server = ending("SUCCEEDED", "exited", "0");
        Home::with_server(&server.endpoint).run(line);
        server.asked()[0].body.clone()
    };
    assert_eq!(
        body(&["run", "ls -la", "--lock", "p"]),
        r#"{"command":"ls -la","lock":"p"}"#
    );
    assert_eq!(body(&["run", "ls", "-la"]), r#"{"argv":["ls","-la"]}"#);
    assert_eq!(body(&["run", "--", "ls -la"]), r#"{"argv":["ls -la"]}"#);
    assert_eq!(
        body(&[
            "run",
            "--timeout",
            "1500ms",
            "-e",
            "A=b c",
            "--",
            "a\"%",
            "$(x)\nü"
        ]),
        r#"{"argv":["a\"%","$(x)\nü"],"env":{"A":"b c"},"timeout":2}"#
    );
}

#[test]
fn every_reason_reads_well_after_the_command() {
    for (status, reason, words) in [
        (
            "STOPPED",
            "cancelled",
            "runvoy: the command was cancelled (",
        ),
        (
            "FAILED",
            "signaled",
            "runvoy: the command was ended by signal 9 (",
        ),
        (
            "FAILED",
            "agent_lost",
            "error: the command was lost: its agent",
        ),
        (
            "FAILED",
            "interrupted",
            "error: the command was interrupted: its place",
        ),
        (
            "FAILED",
            "denied",
            "error: the command was denied: when its turn",
        ),
        (
            "FAILED",
            "lock_timeout",
            "error: the command waited too long",
        ),
        (
            "FAILED",
            "out_of_memory",
            "error: the command ran out of memory",
        ),
        ("FAILED", "of_a_later_version", "error: the command failed"),
    ] {
        let shown = ran(&ending(status, reason, "137"), &["run", "x"]);
        assert!(shown.contains(words), "{reason}: {shown}");
    }
}

#[test]
fn a_release_by_force_that_is_refused_says_what_the_server_says() {
    let server = FakeServer::saying(
        409,
        r#"{"error":"the lock prod is held","code":"LOCK_HELD","details":"its holder runs; --even-if-running hands the lock on"}"#,
    );
    let line = ["locks", "release", "prod", "--force", "--reason", "x"];
    runvoy_snapshot!(ran(&server, &line), @r"
    exit: 125
    --- stdout
    --- stderr
    error: the lock prod is held
    hint: its holder runs; --even-if-running hands the lock on
    ");
    let without = ran(&server, &["locks", "release", "prod"]);
    assert!(without.contains("--force --reason TEXT"), "{without}");
}
