//! `--local run --image`: a container for one command.

use runvoy_testkit::dockerd::Dockerd;

use super::{container, ended, numbers};
use crate::harness::cli::Cli;
use crate::harness::engine::{self, BUSYBOX, SCRATCH};
use crate::harness::{World, until};

/// The command line without a server, but with an engine.
fn local(world: &World, engine: &Dockerd) -> Cli {
    world.local().with("DOCKER_HOST", &engine.host())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_runs_in_a_container_and_leaves_nothing() {
    let engine = engine::own();
    let world = World::new();
    let cli = local(&world, &engine);
    let line = [
        "run",
        "--image",
        BUSYBOX,
        "ls /bin/busybox; seq 2000; exit 7",
    ];
    let output = cli.run(&line).await;
    let numbers = numbers(2000);
    assert_eq!(
        (output.code, output.stdout),
        (7, format!("/bin/busybox\n{numbers}"))
    );
    let line = [
        "run", "--image", SCRATCH, "--", "/busybox", "echo", "no shell",
    ];
    assert_eq!(cli.run(&line).await.stdout, "no shell\n");
    let status = cli.succeed(&["status", "last", "-o", "json"]).await;
    assert!(status.contains("\"cloud\": \"docker\""), "{status}");
    // Nothing of the caller's goes in.
    let line = ["run", "--image", BUSYBOX, "pwd; echo $HOME"];
    assert_eq!(cli.succeed(&line).await, "/.runvoy/run/work\n/root\n");
    // The engine may still be at the last one's removal.
    until(|| engine.containers().is_empty()).await;
    until(|| engine::volumes_of_runs(&engine).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_it_is_125_and_says_what_to_do() {
    let world = World::new();
    let cli = world
        .local()
        .with("DOCKER_HOST", "unix:///no/such/docker.sock");
    let output = cli.run(&["run", "--image", "alpine", "true"]).await;
    assert_eq!(output.code, 125, "{output:?}");
    for words in ["/no/such/docker.sock", "start Docker", "without --image"] {
        assert!(output.stderr.contains(words), "{words}: {output:?}");
    }
    // Processes need none.
    assert_eq!(cli.succeed(&["run", "echo hello"]).await, "hello\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_stops_it_and_a_second_one_kills() {
    let engine = engine::shared();
    let world = World::new();
    let cli = local(&world, engine);
    let script = "trap 'echo stopped; exit 9' TERM; echo ready; sleep 60 & wait";
    let run = cli.spawn(&["run", "--image", BUSYBOX, script]);
    run.says("ready").await;
    run.interrupt();
    let output = run.end().await;
    assert_eq!(
        (output.code, &output.stdout[..]),
        (130, "ready\nstopped\n"),
        "{output:?}"
    );
    assert_eq!(ended(&cli.last_closed().await), ("cancelled", Some(9)));

    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let run = cli.spawn(&["run", "--grace", "5m", "--image", BUSYBOX, script]);
    run.says("ready").await;
    run.interrupt();
    run.remarks("Ctrl-C again").await;
    run.interrupt();
    let output = run.end().await;
    assert_eq!(output.code, 130, "{output:?}");
    let record = cli.last_closed().await;
    assert_eq!(ended(&record).0, "cancelled");
    until(|| engine::containers_of(engine, &record.execution_id).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_command_leaves_the_next_stops_and_settles() {
    let engine = engine::shared();
    let world = World::new();
    let cli = local(&world, engine);
    let line = [
        "run",
        "--lock",
        "prod",
        "--image",
        BUSYBOX,
        "echo ready; sleep 600",
    ];
    let run = cli.spawn(&line);
    run.says("ready").await;
    let id = cli.record("last").await.execution_id;
    container(engine, &id).await;
    run.kill().await;
    assert_eq!(
        engine::containers_of(engine, &id).len(),
        1,
        "it goes on at first"
    );
    // The next command of any kind.
    cli.succeed(&["list"]).await;
    let record = cli.closed(&id).await;
    assert_eq!(record.reason.as_deref(), Some("interrupted"), "{record:?}");
    assert_eq!(cli.log(&id).await, "ready\n");
    until(|| engine::containers_of(engine, &id).is_empty()).await;
    cli.succeed(&["run", "--lock", "prod", "--no-wait", "true"])
        .await;
}
