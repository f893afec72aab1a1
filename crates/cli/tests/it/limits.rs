//! Limits and keys that end, as people meet them.

#[cfg(all(unix, feature = "local"))]
mod server;

use crate::fake_server::{Answer, FakeServer};
use crate::home::{Home, runvoy_snapshot};

const WHO: &str = r#"{"email":"alice@example.com","role":"developer"}"#;

/// A server with nothing in it, for whose caller the key has ended long ago by any clock.
fn with_an_old_key() -> FakeServer {
    FakeServer::new(|asked, _| {
        let body = if asked.line.contains("/whoami") {
            r#"{"email":"alice@example.com","role":"developer","key_expires_at":"2020-01-02T03:04:05Z"}"#
        } else {
            "[]"
        };
        let header = "X-Runvoy-Key-Expires: 2020-01-02T03:04:05Z";
        Answer::With(200, header, body.to_owned())
    })
}

#[test]
fn a_key_that_ends_soon_is_warned_of() {
    let server = with_an_old_key();
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["whoami"]), @r"
    exit: 0
    --- stdout
    E-mail:            alice@example.com
    Role:              developer
    Key expires:       2020-01-02 03:04:05 UTC (in 0 minutes)
    Endpoint:          http://[SERVER]
    --- stderr
    warning: your API key ends in 0 minutes (2020-01-02 03:04:05 UTC); enter its successor: runvoy configure, or make one: runvoy users rotate
    ");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the program asks the machine's clock, and so must what it is told"
)]
fn what_is_left_of_a_key_is_said() {
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(73);
    let header: &'static str = format!("x-runvoy-key-expires: {end:.0}").leak();
    let server = FakeServer::new(move |_, _| Answer::With(200, header, WHO.to_owned()));
    let output = Home::with_server(&server.endpoint).run(&["whoami"]);
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "warning: your API key ends in 3 days ({} UTC)",
        end.strftime("%Y-%m-%d %H:%M:%S")
    );
    assert!(said.starts_with(&expected), "{said}");
}

#[test]
fn of_a_key_that_ends_soon_a_command_warns_once() {
    let page = r#"</api/v1/executions?cursor=c>; rel="next""#;
    let server = FakeServer::new(move |_, before| {
        let header: &'static str = if before == 0 {
            format!("x-runvoy-key-expires: 2020-01-02T03:04:05Z\r\nlink: {page}").leak()
        } else {
            "x-runvoy-key-expires: 2020-01-02T03:04:05Z"
        };
        Answer::With(200, header, "[]".to_owned())
    });
    let home = Home::with_server(&server.endpoint);
    let output = home.run(&["list", "--limit", "5"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(server.asked().len(), 2);
    assert_eq!(said.matches("your API key ends").count(), 1, "{said}");
}

#[test]
fn programs_get_the_warning_beside_their_data() {
    let server = with_an_old_key();
    let home = Home::with_server(&server.endpoint);
    let lines: [(&[&str], &str); 2] = [
        (&["list", "-o", "json"], "[]"),
        (&["list", "-o", "yaml"], "[]"),
    ];
    for (line, data) in lines {
        let output = home.run(line);
        assert!(output.status.success(), "{line:?}");
        let (out, said) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        assert_eq!(out.trim_end(), data, "{line:?}");
        let expected = "warning: your API key ends in 0 minutes";
        assert!(said.starts_with(expected), "{line:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{line:?}: {said}");
    }
}

#[test]
fn who_wants_quiet_gets_no_warning() {
    let server = with_an_old_key();
    let output = Home::with_server(&server.endpoint).run(&["list", "-q"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn more_runs_than_the_limits_allow() {
    let server = FakeServer::saying(
        429,
        r#"{"error":"your limit of 100 executions that are not over is reached","code":"TOO_MANY_RUNS","details":"wait for one to end, or stop one: runvoy list --mine, then runvoy kill ID","context":{"limit":"100","limit_of":"user"}}"#,
    );
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["run", "true"]), @r"
    exit: 75
    --- stdout
    --- stderr
    error: your limit of 100 executions that are not over is reached
    hint: wait for one to end, or stop one: runvoy list --mine, then runvoy kill ID
    ");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn who_asks_too_often_waits_and_goes_on() {
    let refusal = r#"{"error":"too many requests with this key","code":"RATE_LIMITED","details":"nothing was done; try again in 1 second"}"#;
    let server = FakeServer::new(move |_, before| match before {
        0 => Answer::With(429, "retry-after: 1", refusal.to_owned()),
        _ => Answer::Say(200, WHO.to_owned()),
    });
    let began = std::time::Instant::now();
    let output = Home::with_server(&server.endpoint).run(&["whoami"]);
    assert!(output.status.success());
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn who_is_to_stay_away_for_long_is_told_at_once() {
    let refusal = r#"{"error":"too many requests from this address","code":"RATE_LIMITED","details":"nothing was done; try again in 600 seconds"}"#;
    let server =
        FakeServer::new(move |_, _| Answer::With(429, "retry-after: 600", refusal.to_owned()));
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["list"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: too many requests from this address
    hint: nothing was done; try again in 600 seconds
    ");
}
