//! `--local`: a control plane that lives as long as one command.

use std::fs;

use rustix::process::Signal;

use crate::harness::server::is_cleaned_up;
use crate::harness::world::lines;
use crate::harness::{World, processes, until};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_needs_to_be_set_up() {
    let world = World::new();
    let line = ["run", "echo hello world"];
    assert_eq!(world.local().succeed(&line).await, "hello world\n");
    let record = world.local().last_closed().await;
    assert_eq!(
        world.local().log(&record.execution_id).await,
        "hello world\n"
    );
    assert!(
        world
            .local()
            .succeed(&["list"])
            .await
            .contains(&record.execution_id)
    );
    assert!(is_cleaned_up(&world.local_data()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_asked_to_end_stops_its_run_first() {
    for signal in [Signal::TERM, Signal::HUP] {
        let world = World::new();
        let script = "trap 'echo stopped; exit 9' TERM; echo ready; sleep 60 & wait";
        let run = world.local().spawn(&["run", script]);
        run.says("ready").await;
        let id = world.local().record("last").await.execution_id;
        run.signal(signal);
        let output = run.end().await;
        assert_eq!((output.code, &output.stdout[..]), (130, "ready\nstopped\n"));
        assert!(processes::of_execution(&id).is_empty());
        assert_eq!(
            world.local().record(&id).await.reason.as_deref(),
            Some("cancelled")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_takes_its_run_along_and_the_next_settles_it() {
    let world = World::new();
    let script = "trap 'echo stopped; exit 9' TERM; echo ready; sleep 60 & wait";
    let run = world.local().spawn(&["run", "--lock", "prod", script]);
    run.says("ready").await;
    let id = world.local().record("last").await.execution_id;
    let agent = processes::agent_of(&world.local_data(), &id).unwrap();
    run.kill().await;
    until(|| !processes::is_alive(agent)).await;
    assert!(processes::of_execution(&id).is_empty());

    // The next command of any kind.
    world.local().succeed(&["list"]).await;
    let record = world.local().closed(&id).await;
    assert_eq!(record.reason.as_deref(), Some("interrupted"), "{record:?}");
    assert_eq!(world.local().log(&id).await, "ready\nstopped\n");
    world
        .local()
        .succeed(&["run", "--lock", "prod", "--no-wait", "true"])
        .await;
    assert!(is_cleaned_up(&world.local_data()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waited_when_its_command_was_killed_is_cancelled() {
    let world = World::new();
    let holder = world
        .local()
        .spawn(&["run", "--lock", "prod", "echo ready; sleep 60"]);
    holder.says("ready").await;
    let waiter = world.local().spawn(&["run", "--lock", "prod", "true"]);
    waiter.remarks("waiting").await;
    let id = world.local().record("last").await.execution_id;
    waiter.kill().await;
    world.local().succeed(&["list"]).await;
    let record = world.local().closed(&id).await;
    assert_eq!(record.reason.as_deref(), Some("cancelled"), "{record:?}");
    holder.interrupt();
    assert_eq!(holder.end().await.code, 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_share_a_lock_take_turns() {
    let world = World::new();
    let (guard, log) = (world.text("guard"), world.path("turns"));
    let script = format!(
        "(set -C; : > {guard}) || exit 99; echo \"$RUNVOY_LOCK_FENCE\" >> {}; sleep 0.2; rm {guard}",
        log.display()
    );
    let line = ["run", "--lock", "prod", &script];
    let runs: Vec<_> = (0..5).map(|_| world.local().spawn(&line)).collect();
    for run in runs {
        let output = run.end().await;
        assert_eq!(output.code, 0, "{output:?}");
    }
    assert_eq!(lines(&log), ["1", "2", "3", "4", "5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_one_directory() {
    let world = World::new();
    let runs: Vec<_> = (0..12)
        .map(|number| {
            world
                .local()
                .spawn(&["run", &format!("echo {number}; exit {number}")])
        })
        .collect();
    for (number, run) in (0..).zip(runs) {
        let output = run.end().await;
        assert_eq!(
            (output.code, output.stdout),
            (number, format!("{number}\n")),
            "{}",
            output.stderr
        );
    }
    let owners = fs::read_dir(world.local_data().join("owners")).unwrap();
    assert_eq!(owners.count(), 0, "nothing is left of the owners");
}
