//! Secrets never leave the agent.

use runvoy_core::log::Stream;
use runvoy_wire::agent::Spec;
use runvoy_wire::secret::Secret;

use crate::agent::{Stage, eventually, script};

fn with_secret(text: &str) -> Spec {
    Spec {
        secrets: [("PASSWORD".to_owned(), Secret::new("hunter22"))].into(),
        mask: vec![Secret::new("other-value")],
        ..script(text)
    }
}

#[test]
fn a_secret_is_masked_however_it_is_written() {
    let run = Stage::new(with_secret(
        "echo \"a $PASSWORD b\"; echo $PASSWORD >&2; echo other-value; printf %s \"$PASSWORD\" | base64; printf %s \"$PASSWORD\" | od -An -tx1 | tr -d ' '",
    ))
    .run();
    assert_eq!(run.stdout(), "a *** b\n***\n***=\n***\n");
    assert_eq!(run.stderr(), "***\n");
    assert!(!run.file("agent.log").contains("hunter22"));
}

#[test]
fn a_secret_in_the_shown_command_is_masked_too() {
    let run = Stage::new(with_secret("echo hunter22")).run();
    assert!(run.system().ends_with("\necho ***\n"));
}

#[test]
fn what_may_begin_a_secret_waits_longer_than_an_unfinished_line() {
    let agent = Stage::new(with_secret(
        "printf 'x hun'; mkfifo go; read line < go; printf 'ter22 y\\n'",
    ))
    .start();
    // The part before goes out; the rest is held back however long it takes.
    eventually("the beginning", || {
        agent.stage.plane.raw(Stream::Stdout) == "x "
    });
    let heartbeats = agent.stage.plane.state().heartbeats;
    eventually("some time", || {
        agent.stage.plane.state().heartbeats > heartbeats + 6
    });
    assert_eq!(agent.stage.plane.raw(Stream::Stdout), "x ");
    std::fs::write(agent.stage.path("go"), "\n").unwrap();
    assert_eq!(agent.wait().stdout(), "x *** y\n");
}

#[test]
fn what_only_began_like_a_secret_arrives_at_the_end() {
    let run = Stage::new(with_secret("printf 'x hunt'")).run();
    assert_eq!(run.stdout(), "x hunt");
}
