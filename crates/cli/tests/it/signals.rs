//! Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::fake_server::{Answer, FakeServer};
use crate::home::Home;

const ID: &str = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c";

/// A running `runvoy`, and its stderr.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.command(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads stderr up to a line with `words`.
    fn wait_for(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(
                self.stderr.read_line(&mut line).unwrap() > 0,
                "never said {words}"
            );
        }
    }

    /// Its code, and the rest of stderr.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

/// A server on which a run never ends.
fn endless() -> FakeServer {
    FakeServer::new(|asked, _| {
        if asked.line.starts_with("POST") {
            return Answer::Say(
                202,
                format!(
                    r#"{{"execution_id":"{ID}","log_url":"/","status":"RUNNING","command":"x"}}"#
                ),
            );
        }
        if asked.line.starts_with("DELETE") {
            return Answer::Say(
                200,
                format!(r#"{{"execution_id":"{ID}","status":"TERMINATING","message":"stopping"}}"#),
            );
        }
        Answer::Say(
            200,
            format!(
                r#"{{"execution_id":"{ID}","events":[],"status":"RUNNING","next":0,"complete":false,"poll_after_ms":50}}"#
            ),
        )
    })
}

#[test]
fn the_first_stops_the_command_and_the_second_leaves() {
    let server = endless();
    let home = Home::with_server(&server.endpoint);
    let mut run = Running::start(&home, &["run", "x"]);
    server.wait_for(&format!("GET /api/v1/executions/{ID}/logs"));
    run.signal(Signal::INT);
    run.wait_for("stopping the command; Ctrl-C again to leave while it stops");
    server.wait_for(&format!("DELETE /api/v1/executions/{ID}"));
    run.signal(Signal::INT);
    let (code, said) = run.end();
    assert_eq!(code, Some(130));
    assert!(said.contains(&format!("runvoy logs -f {ID}")), "{said}");
}

#[test]
fn whoever_only_watches_stops_nothing() {
    let server = endless();
    let home = Home::with_server(&server.endpoint);
    let run = Running::start(&home, &["logs", "-f", ID]);
    server.wait_for(&format!("GET /api/v1/executions/{ID}/logs"));
    run.signal(Signal::INT);
    let (code, said) = run.end();
    assert_eq!(code, Some(130));
    assert!(said.contains("goes on"), "{said}");
    assert!(
        !server
            .asked()
            .iter()
            .any(|asked| asked.line.starts_with("DELETE"))
    );
}

#[cfg(feature = "local")]
mod on_this_machine {
    use super::*;

    /// Starts a script that says `on` when it is ready, and waits for that.
    fn started(home: &Home, script: &str) -> Running {
        let mut run = Running::start(home, &["--local", "run", script]);
        let mut line = String::new();
        let mut stdout = BufReader::new(run.child.stdout.as_mut().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "on\n");
        run
    }

    #[test]
    fn the_first_lets_the_command_end_in_its_own_way() {
        let home = Home::new();
        let script = "trap 'echo bye >&2; exit 9' TERM; echo on; while :; do sleep 0.05; done";
        let run = started(&home, script);
        run.signal(Signal::INT);
        let (code, said) = run.end();
        assert_eq!(code, Some(130));
        assert!(said.contains("\nbye\n"), "{said}");
    }

    #[test]
    fn the_second_kills() {
        let home = Home::new();
        let mut run = started(&home, "trap '' TERM; echo on; while :; do sleep 0.05; done");
        run.signal(Signal::INT);
        run.wait_for("stopping the command; Ctrl-C again to kill it");
        run.signal(Signal::INT);
        assert_eq!(run.end().0, Some(130));
    }

    #[test]
    fn the_end_of_the_terminal_stops_it() {
        let home = Home::new();
        let run = started(&home, "echo on; exec sleep 600");
        run.signal(Signal::HUP);
        assert_eq!(run.end().0, Some(130));
        let list = home.run(&["--local", "list"]).stdout;
        assert!(String::from_utf8(list).unwrap().contains("  STOPPED  "));
    }
}
