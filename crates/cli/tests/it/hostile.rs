//! What others wrote never reaches a terminal as a control sequence.

use crate::fake_server::{Answer, FakeServer};
use crate::home::{Home, runvoy_snapshot};

/// An execution whose fields try to steer the terminal.
pub(crate) const HOSTILE: &str = r#"{"execution_id":"0197f2a4c1d27c3e8b6a5d4e3f2a1b0c","created_by":"a@b.c","user_email":"a@b.c",
"command":"\u001b]0;owned\u0007rm\nx","status":"FAILED\u001b[2J","exit_code":1,"created_at":"2025-10-29T09:10:00Z",
"started_at":"2025-10-29T09:10:00Z","completed_at":"2025-10-29T09:10:05Z","duration_seconds":5,"timeout_seconds":600,
"message":"\u202egnol","request_id":"r","created_by_request_id":"r","cloud":"AWS","compute_platform":"AWS"}"#;

fn assert_clean(text: &str) {
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

#[test]
fn a_list_shows_control_characters_as_text() {
    let server = FakeServer::saying(200, &format!("[{HOSTILE}]"));
    let shown = Home::with_server(&server.endpoint).shown(&["list"]);
    assert_clean(&shown);
    runvoy_snapshot!(shown, @r"
    exit: 0
    --- stdout
    Execution ID                      Status           Command                   Started (UTC)        Completed (UTC)      Duration  Cloud
    [ID]  FAILED\u{1b}[2J  \u{1b}]0;owned\u{7}rm\nx  2025-10-29 09:10:00  2025-10-29 09:10:05  5s        AWS
    --- stderr
    ");
}

#[test]
fn a_status_shows_control_characters_as_text() {
    let server = FakeServer::saying(200, HOSTILE);
    let home = Home::with_server(&server.endpoint);
    let shown = home.shown(&["status", "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c"]);
    assert_clean(&shown);
    runvoy_snapshot!(shown, @r"
    exit: 0
    --- stdout
    Execution ID:      [ID]
    Status:            FAILED\u{1b}[2J
    Message:           \u{202e}gnol
    Exit code:         1
    Command:           \u{1b}]0;owned\u{7}rm\nx
    User:              a@b.c
    Created:           2025-10-29 09:10:00
    Started:           2025-10-29 09:10:00
    Completed:         2025-10-29 09:10:05
    Duration:          5s
    Time limit:        10m
    Cloud:             AWS
    Request:           r
    --- stderr
    ");
}

#[test]
fn an_error_shows_control_characters_as_text() {
    let server = FakeServer::saying(
        403,
        r#"{"error":"no\u001b[31m","code":"FORBIDDEN","details":"a\rb"}"#,
    );
    let shown = Home::with_server(&server.endpoint).shown(&["list"]);
    assert_clean(&shown);
    runvoy_snapshot!(shown, @r"
    exit: 77
    --- stdout
    --- stderr
    error: no\u{1b}[31m
    hint: a\rb
    ");
}

#[test]
fn debug_output_holds_no_secret() {
    let server = FakeServer::new(|_, _| Answer::Say(503, String::new()));
    let home = Home::with_server(&server.endpoint).set("TOKEN", "hunter2");
    let output = home.run(&[
        "--debug",
        "run",
        "--secret-env",
        "TOKEN",
        "-e",
        "A=s3cret",
        "true",
    ]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("> POST /api/v1/run"), "{stderr}");
    assert!(
        !stderr.contains("hunter2") && !stderr.contains("s3cret"),
        "{stderr}"
    );
    assert!(!stderr.contains(crate::home::KEY), "{stderr}");
}
