//! A server comes back to another way of running commands, to another engine, or to none.

use std::fs;

use super::{container, ended, said};
use crate::harness::engine::{self, BUSYBOX};
use crate::harness::{processes, until};

const GATED: &str = "echo one; until [ -e gate ]; do sleep 0.05; done; exit 7";

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_not_taken_for_dead_by_a_server_of_processes() {
    let engine = engine::shared();
    let host = engine.host();
    let mut server = engine::server(engine, &[]).await;
    let id = server.admin().submit(&["--lock", "prod", GATED]).await;
    said(&server.admin(), &id, "one\n").await;
    server.terminate().await;
    server.set_options(&["--unsafe-process-launcher", "--docker-host", &host]);
    server.start_again().await;
    let line = ["run", "--lock", "prod", "--no-wait", "true"];
    assert_eq!(server.admin().run(&line).await.code, 75, "the lock is held");
    let output = server
        .admin()
        .run(&["run", "--image", BUSYBOX, "true"])
        .await;
    assert!(
        output.code != 0 && output.stderr.contains("without containers"),
        "{output:?}"
    );
    engine.docker(&["rm", "--force", "--volumes", &container(engine, &id).await]);
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("agent_lost", None), "{record:?}");
    server
        .admin()
        .succeed(&["run", "--lock", "prod", "--no-wait", "true"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_not_taken_for_dead_by_a_server_of_containers() {
    let engine = engine::shared();
    let host = engine.host();
    let mut server = crate::harness::TestServer::start().await;
    let gate = server.world().text("gate");
    let script = format!("echo one; until [ -e {gate} ]; do sleep 0.05; done; exit 7");
    let id = server.admin().submit(&["--lock", "prod", &script]).await;
    said(&server.admin(), &id, "one\n").await;
    server.terminate().await;
    server.set_options(&["--docker-host", &host, "--default-image", BUSYBOX]);
    server.start_again().await;
    let line = ["run", "--lock", "prod", "--no-wait", "true"];
    assert_eq!(server.admin().run(&line).await.code, 75, "the lock is held");
    assert!(processes::agent_of(&server.data_dir(), &id).is_some());
    fs::write(server.world().path("gate"), "").unwrap();
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("exited", Some(7)), "{record:?}");
    server.admin().succeed(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_for_an_engine_that_is_just_starting() {
    let mut engine = engine::own();
    let mut server = engine::server(&engine, &[]).await;
    server.terminate().await;
    engine.kill9();
    // Its socket is still there, and nobody answers.
    let (started, ()) = tokio::join!(server.start_again(), async {
        tokio::task::block_in_place(|| engine.restart());
    });
    let () = started;
    server.admin().succeed(&["run", "true"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_nobody_knows_is_removed_at_the_next_start() {
    let engine = engine::shared();
    let mut server = engine::server(engine, &[]).await;
    let id = server.admin().submit(&["echo ready; sleep 600"]).await;
    said(&server.admin(), &id, "ready").await;
    server.kill().await;
    fs::remove_file(server.data_dir().join("runvoy.db")).unwrap();
    for rest in ["runvoy.db-wal", "runvoy.db-shm"] {
        // Not every end leaves them.
        let _absent = fs::remove_file(server.data_dir().join(rest));
    }
    server.start_again().await;
    until(|| engine::containers_of(engine, &id).is_empty()).await;
}
