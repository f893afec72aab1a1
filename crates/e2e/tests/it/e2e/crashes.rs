//! Agents, commands and servers die while runs are under way.

use std::fs;

use runvoy_testkit::eventually;
use runvoy_wire::execution::ExecutionView;
use runvoy_wire::lock::LockView;
use rustix::process::Signal;

use crate::harness::server::is_cleaned_up;
use crate::harness::world::lines;
use crate::harness::{DEADLINE, Faults, TestServer, processes, until};

/// Writes its number, then waits for a file before it says more and ends with 7.
struct Gated {
    script: String,
    gate: std::path::PathBuf,
    pid: std::path::PathBuf,
}

impl Gated {
    fn new(server: &TestServer) -> Self {
        let (gate, pid) = (server.world().path("gate"), server.world().path("pid"));
        let script = format!(
            "echo $$ >> {}; echo one; until [ -e {} ]; do sleep 0.02; done; echo two; exit 7",
            pid.display(),
            gate.display()
        );
        Self { script, gate, pid }
    }

    fn open(&self) {
        fs::write(&self.gate, "").unwrap();
    }

    /// The command's shell; it was started once.
    fn pid(&self) -> u32 {
        let pids = lines(&self.pid);
        assert_eq!(pids.len(), 1, "it ran once: {pids:?}");
        pids[0].parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_takes_its_command_along_and_frees_its_lock() {
    let server = TestServer::start().await;
    let gated = Gated::new(&server);
    let run = server
        .admin()
        .spawn(&["run", "--lock", "prod", &gated.script]);
    run.says("one").await;
    let id = server.admin().record("last").await.execution_id;
    let agent = processes::agent_of(&server.data_dir(), &id).unwrap();
    processes::send(agent, Signal::KILL);
    let output = run.end().await;
    assert_eq!(
        (output.code, &output.stdout[..]),
        (125, "one\n"),
        "{output:?}"
    );
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("agent_lost", None));
    assert!(!processes::is_alive(gated.pid()));
    settled(&server, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_command_is_a_signal() {
    let server = TestServer::start().await;
    let gated = Gated::new(&server);
    let run = server
        .admin()
        .spawn(&["run", "--lock", "prod", &gated.script]);
    run.says("one").await;
    processes::send(gated.pid(), Signal::KILL);
    let output = run.end().await;
    assert_eq!(
        (output.code, &output.stdout[..]),
        (137, "one\n"),
        "{output:?}"
    );
    let record = server.admin().last_closed().await;
    assert_eq!(ended(&record), ("signaled", Some(137)));
    settled(&server, &record.execution_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_go_on_without_their_server_and_are_found_again() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut server = TestServer::start().await;
        let gated = Gated::new(&server);
        let run = server
            .admin()
            .spawn(&["run", "--lock", "prod", &gated.script]);
        run.says("one").await;
        stop(&mut server, signal).await;
        assert!(processes::is_alive(gated.pid()));
        server.start_again().await;
        assert_eq!(server.admin().record("last").await.status, "RUNNING");
        gated.open();
        let output = run.end().await;
        assert_eq!(
            (output.code, &output.stdout[..]),
            (7, "one\ntwo\n"),
            "{output:?}"
        );
        let record = server.admin().last_closed().await;
        assert_eq!(ended(&record), ("exited", Some(7)));
        gated.pid();
        settled(&server, &record.execution_id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_the_server_is_away_is_told_when_it_is_back() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut server = TestServer::start().await;
        let gated = Gated::new(&server);
        let id = server
            .admin()
            .submit(&["--lock", "prod", &gated.script])
            .await;
        let waiter = server.admin().submit(&["--lock", "prod", "exit 3"]).await;
        until(|| !lines(&gated.pid).is_empty()).await;
        stop(&mut server, signal).await;
        gated.open();
        until(|| !processes::is_alive(gated.pid())).await;
        server.start_again().await;
        assert_eq!(
            ended(&server.admin().closed(&id).await),
            ("exited", Some(7))
        );
        assert_eq!(server.admin().log(&id).await, "one\ntwo\n");
        assert_eq!(
            ended(&server.admin().closed(&waiter).await),
            ("exited", Some(3))
        );
        settled(&server, &waiter).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_while_the_server_is_away_is_found_out() {
    let mut server = TestServer::start().await;
    let gated = Gated::new(&server);
    let id = server
        .admin()
        .submit(&["--lock", "prod", &gated.script])
        .await;
    said(&server, &id, "one\n").await;
    let agent = processes::agent_of(&server.data_dir(), &id).unwrap();
    server.kill().await;
    processes::send(agent, Signal::KILL);
    until(|| !processes::is_alive(agent)).await;
    server.start_again().await;
    assert_eq!(
        ended(&server.admin().closed(&id).await),
        ("agent_lost", None)
    );
    assert!(!processes::is_alive(gated.pid()));
    assert_eq!(server.admin().log(&id).await, "one\n");
    settled(&server, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_was_asked_for_survives_the_server() {
    let mut server = TestServer::start().await;
    let script = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    let line = ["--lock", "prod", "--grace", "2s", script];
    let id = server.admin().submit(&line).await;
    said(&server, &id, "ready\n").await;
    server.admin().succeed(&["kill", &id]).await;
    server.kill().await;
    server.start_again().await;
    assert_eq!(
        server.admin().closed(&id).await.reason.as_deref(),
        Some("cancelled")
    );
    settled(&server, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_replies_and_a_store_that_fails_now_and_then_change_nothing() {
    let mut server = TestServer::start().await;
    server.terminate().await;
    server
        .start_faulty(&Faults {
            store: "commit:100/11:drop-reply,commit:100/11:conflict,commit:50/11:refuse,\
                    append:200/11:drop-reply,append:100/11:refuse"
                .to_owned(),
            agents: "every=3:drop-reply".to_owned(),
        })
        .await;
    let effects = server.world().path("effects");
    let script = format!(
        "echo $RUNVOY_EXECUTION_ID >> {}; seq 200; exit 7",
        effects.display()
    );
    let line = ["run", "-q", "--lock", "prod", &script];
    let runs: Vec<_> = (0..10).map(|_| server.admin().spawn(&line)).collect();
    let expected: Vec<String> = (1..=200).map(|line| format!("{line}\n")).collect();
    for run in runs {
        let output = run.end().await;
        assert_eq!(
            (output.code, &output.stdout),
            (7, &expected.concat()),
            "{output:?}"
        );
    }
    let mut ids = lines(&effects);
    assert_eq!(ids.len(), 10);
    for id in &ids {
        assert_eq!(ended(&server.admin().closed(id).await), ("exited", Some(7)));
    }
    settled(&server, &ids[9]).await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10, "each ran once");
}

/// Waits until the log has this output.
async fn said(server: &TestServer, id: &str, text: &str) {
    eventually(DEADLINE, async || {
        let log = server.admin().log(id).await;
        (log == text).then_some(())
    })
    .await;
}

async fn stop(server: &mut TestServer, signal: Signal) {
    if signal == Signal::KILL {
        server.kill().await;
    } else {
        server.terminate().await;
    }
}

fn ended(record: &ExecutionView) -> (&str, Option<i32>) {
    let reason = record.reason.as_deref().unwrap_or_default();
    (reason, record.exit_code)
}

/// The lock is free, and nothing is left of any run.
async fn settled(server: &TestServer, last: &str) {
    let lock: LockView = server.admin().ask(&["locks", "show", "prod"]).await;
    assert_eq!((lock.holder, lock.waiting), (None, 0));
    assert!(processes::of_execution(last).is_empty());
    assert!(is_cleaned_up(&server.data_dir()));
}
