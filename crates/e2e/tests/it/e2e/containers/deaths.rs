//! The engine, the server and the container die in the middle of a run.

use std::time::{Duration, Instant};

use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::eventually;

use super::{container, ended, said, settled};
use crate::harness::engine;
use crate::harness::{DEADLINE, TestServer, until};

/// The truth is known within this time.
const MINUTE: Duration = Duration::from_mins(1);
const GATED: &str = "echo one; until [ -e gate ]; do sleep 0.05; done; echo two; exit 7";

/// Starts the gated command under the lock; answers its id once it has spoken.
async fn gated(server: &TestServer) -> String {
    let id = server.admin().submit(&["--lock", "prod", GATED]).await;
    said(&server.admin(), &id, "one\n").await;
    id
}

async fn open(engine: &Dockerd, id: &str) {
    let container = container(engine, id).await;
    engine.docker(&["exec", &container, "/bin/touch", "gate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_without_its_server_and_is_found_again() {
    let engine = engine::shared();
    let mut server = engine::server(engine, &[]).await;
    let id = gated(&server).await;
    server.kill().await;
    server.start_again().await;
    assert_eq!(server.admin().record(&id).await.status, "RUNNING");
    open(engine, &id).await;
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("exited", Some(7)), "{record:?}");
    assert_eq!(server.admin().log(&id).await, "one\ntwo\n");
    settled(&server, engine, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_the_server_is_away_is_told_when_it_is_back() {
    let engine = engine::shared();
    let mut server = engine::server(engine, &[]).await;
    let id = gated(&server).await;
    server.kill().await;
    open(engine, &id).await;
    server.start_again().await;
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("exited", Some(7)), "{record:?}");
    assert_eq!(server.admin().log(&id).await, "one\ntwo\n");
    settled(&server, engine, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_killed_or_removed_from_outside_is_lost_and_frees_its_lock() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    for death in [["kill"].as_slice(), &["rm", "--force", "--volumes"]] {
        let id = gated(&server).await;
        let container = container(engine, &id).await;
        let since = Instant::now();
        engine.docker(&[death, &[&container]].concat());
        let record = server.admin().closed(&id).await;
        assert!(since.elapsed() < MINUTE);
        assert_eq!(ended(&record), ("agent_lost", None), "{record:?}");
        assert_eq!(server.admin().log(&id).await, "one\n");
        settled(&server, engine, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_dies_while_the_server_is_away_is_found_out() {
    let engine = engine::shared();
    let mut server = engine::server(engine, &[]).await;
    let id = gated(&server).await;
    server.kill().await;
    engine.docker(&["kill", &container(engine, &id).await]);
    server.start_again().await;
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("agent_lost", None), "{record:?}");
    assert_eq!(server.admin().log(&id).await, "one\n");
    settled(&server, engine, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_frees_nothing_until_it_is_back_and_then_all() {
    let mut engine = engine::own();
    let server = engine::server(&engine, &[]).await;
    let id = gated(&server).await;
    engine.kill9();
    // The agent speaks to the server all the same; that nobody can say what becomes of its place is shown.
    let unreachable = eventually(DEADLINE, async || {
        let record = server.admin().record(&id).await;
        record.unreachable_since.is_some().then_some(record)
    })
    .await;
    assert_eq!(unreachable.status, "RUNNING");
    engine.restart();
    let since = Instant::now();
    let record = server.admin().closed(&id).await;
    assert!(since.elapsed() < MINUTE);
    let (reason, code) = ended(&record);
    assert!(
        ["interrupted", "agent_lost"].contains(&reason),
        "{record:?}"
    );
    assert_eq!(code, None);
    assert_eq!(server.admin().log(&id).await, "one\n");
    settled(&server, &engine, &id).await;
    // What comes next finds everything in its place.
    let output = server
        .admin()
        .run(&["run", "--lock", "prod", "echo next"])
        .await;
    assert_eq!(
        (output.code, &output.stdout[..]),
        (0, "next\n"),
        "{output:?}"
    );
    server.admin().last_closed().await;
    until(|| engine.containers().is_empty()).await;
    until(|| engine::volumes_of_runs(&engine).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn engine_and_server_die_together_and_the_next_ones_settle_all() {
    let mut engine = engine::own();
    let mut server = engine::server(&engine, &[]).await;
    let id = gated(&server).await;
    server.kill().await;
    engine.kill9();
    engine.restart();
    server.start_again().await;
    let record = server.admin().closed(&id).await;
    let (reason, code) = ended(&record);
    assert!(
        ["interrupted", "agent_lost"].contains(&reason) && code.is_none(),
        "{record:?}"
    );
    assert_eq!(server.admin().log(&id).await, "one\n");
    settled(&server, &engine, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_asked_for_while_the_engine_is_away_runs_once_it_is_back() {
    let mut engine = engine::own();
    let server = engine::server(&engine, &[]).await;
    engine.kill9();
    let id = server.admin().submit(&["echo once; exit 3"]).await;
    engine.restart();
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("exited", Some(3)), "{record:?}");
    assert_eq!(server.admin().log(&id).await, "once\n");
}
