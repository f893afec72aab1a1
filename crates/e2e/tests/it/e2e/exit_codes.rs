//! The exit code tells what happened, the same on a server and with `--local`.

use runvoy_testkit::eventually;
use runvoy_wire::execution::ExecutionView;
use rustix::process::Signal;

use crate::harness::place::Place;
use crate::harness::{DEADLINE, TestServer, both_places, processes, until};

both_places!(
    the_commands_own_code_is_ours,
    a_signal_is_128_and_its_number,
    a_timeout_is_124,
    a_kill_from_elsewhere_is_130,
    a_first_interrupt_waits_for_the_true_end,
    a_second_interrupt_does_not_wait,
    a_place_that_fails_is_125,
    a_busy_lock_is_75,
    a_wrong_command_line_is_2,
);

async fn the_commands_own_code_is_ours(place: &Place) {
    for code in [0, 1, 2, 42, 75, 124, 125, 130, 255] {
        let output = place.cli().run(&["run", &format!("exit {code}")]).await;
        assert_eq!(output.code, code, "{output:?}");
    }
    let output = place.cli().run(&["run", "--", "/no/such/program"]).await;
    assert_eq!(output.code, 127, "{output:?}");
    let output = place.cli().run(&["run", "--", "/etc/passwd"]).await;
    assert_eq!(output.code, 126, "{output:?}");
}

async fn a_signal_is_128_and_its_number(place: &Place) {
    for signal in [Signal::HUP, Signal::KILL, Signal::SEGV, Signal::TERM] {
        let number = signal.as_raw();
        let output = place
            .cli()
            .run(&["run", &format!("kill -{number} $$")])
            .await;
        assert_eq!(output.code, 128 + number, "{output:?}");
        let record = place.cli().last_closed().await;
        assert_eq!(ended(&record), ("FAILED", "signaled", Some(128 + number)));
    }
}

async fn a_timeout_is_124(place: &Place) {
    let line = ["run", "--timeout", "1s", "sleep 60"];
    assert_eq!(place.cli().run(&line).await.code, 124);
    let record = place.cli().last_closed().await;
    assert_eq!(ended(&record).1, "timed_out");
    let line = [
        "run",
        "--timeout",
        "1s",
        "--grace",
        "1s",
        "trap '' TERM; while :; do sleep 1; done",
    ];
    assert_eq!(place.cli().run(&line).await.code, 124);
    let record = place.cli().last_closed().await;
    assert_eq!(ended(&record).1, "timed_out");
    assert!(processes::of_execution(&record.execution_id).is_empty());
}

async fn a_kill_from_elsewhere_is_130(place: &Place) {
    let run = place.cli().spawn(&["run", "echo ready; sleep 60"]);
    run.says("ready").await;
    place.cli().succeed(&["kill", "last"]).await;
    assert_eq!(run.end().await.code, 130);
    let record = place.cli().last_closed().await;
    assert_eq!(ended(&record).0, "STOPPED");
    assert_eq!(ended(&record).1, "cancelled");
    assert!(processes::of_execution(&record.execution_id).is_empty());
}

async fn a_first_interrupt_waits_for_the_true_end(place: &Place) {
    let script =
        "trap 'echo stopping; sleep 0.3; echo stopped; exit 9' TERM; echo ready; sleep 60 & wait";
    let run = place.cli().spawn(&["run", script]);
    run.says("ready").await;
    run.interrupt();
    let output = run.end().await;
    assert_eq!(output.code, 130, "{output:?}");
    assert_eq!(output.stdout, "ready\nstopping\nstopped\n");
    let record = place.cli().last_closed().await;
    assert_eq!(ended(&record), ("STOPPED", "cancelled", Some(9)));
}

async fn a_second_interrupt_does_not_wait(place: &Place) {
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let run = place.cli().spawn(&["run", "--grace", "5m", script]);
    run.says("ready").await;
    run.interrupt();
    run.remarks("Ctrl-C again").await;
    run.interrupt();
    let output = run.end().await;
    assert_eq!(output.code, 130, "{output:?}");
    let record = place.cli().record("last").await;
    if let Place::Server(_) = place {
        assert_eq!(record.status, "TERMINATING", "the stop goes on");
        assert!(output.stderr.contains("runvoy logs -f"), "{output:?}");
    } else {
        assert_eq!(ended(&place.cli().last_closed().await).1, "cancelled");
        assert!(processes::of_execution(&record.execution_id).is_empty());
    }
}

async fn a_place_that_fails_is_125(place: &Place) {
    let output = place
        .cli()
        .run(&["run", "--workdir", "/no/such/directory", "true"])
        .await;
    assert_eq!(output.code, 125, "{output:?}");
    let record = place.cli().last_closed().await;
    assert_eq!(ended(&record), ("FAILED", "launch_failed", None));
    assert!(output.stderr.contains("/no/such/directory"), "{output:?}");
}

async fn a_busy_lock_is_75(place: &Place) {
    let holder = place
        .cli()
        .spawn(&["run", "--lock", "prod", "echo ready; sleep 60"]);
    holder.says("ready").await;
    let output = place
        .cli()
        .run(&["run", "--lock", "prod", "--no-wait", "true"])
        .await;
    assert_eq!(output.code, 75, "{output:?}");
    let line = ["run", "--lock", "prod", "--lock-timeout", "1s", "true"];
    let output = place.cli().run(&line).await;
    assert_eq!(output.code, 75, "{output:?}");
    holder.interrupt();
    assert_eq!(holder.end().await.code, 130);
    place
        .cli()
        .succeed(&["run", "--lock", "prod", "--no-wait", "true"])
        .await;
}

async fn a_wrong_command_line_is_2(place: &Place) {
    let lines: [&[&str]; 6] = [
        &["run"],
        &["run", ""],
        &["run", "--bogus", "true"],
        &["run", "--timeout", "soon", "true"],
        &["run", "--lock", "no blanks here", "true"],
        &["walk"],
    ];
    for line in lines {
        let output = place.cli().run(line).await;
        assert_eq!(output.code, 2, "{line:?}: {output:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{line:?}: {output:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_permitted_is_77() {
    let server = TestServer::start().await;
    let line = [
        "users",
        "create",
        "viewer@example.com",
        "--role",
        "viewer",
        "--show-key",
    ];
    let key = server.admin().succeed(&line).await;
    let viewer = server.with_key("viewer", key.trim_end());
    let output = viewer.run(&["run", "true"]).await;
    assert_eq!(output.code, 77, "{output:?}");
    let stranger = server.with_key("stranger", "rvy_0000000000000000000000000000000000000000");
    assert_eq!(stranger.run(&["run", "true"]).await.code, 77);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_in_the_queue_leaves_it() {
    let server = TestServer::start().await;
    let holder = server.admin().submit(&["--lock", "prod", "sleep 60"]).await;
    let waiter = server.admin().spawn(&["run", "--lock", "prod", "true"]);
    waiter.remarks("waiting").await;
    waiter.interrupt();
    assert_eq!(waiter.end().await.code, 130);
    let record = server.admin().last_closed().await;
    assert_eq!(ended(&record), ("STOPPED", "cancelled", None));
    server.admin().succeed(&["kill", "--wait", &holder]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_run_exits_as_it_did() {
    let server = TestServer::start().await;
    let id = server.admin().submit(&["exit 7"]).await;
    assert_eq!(server.admin().run(&["wait", &id]).await.code, 7);
    let id = server.admin().submit(&["sleep 60"]).await;
    let output = server.admin().run(&["wait", &id, "--timeout", "1s"]).await;
    assert_eq!(output.code, 124, "{output:?}");
    eventually(DEADLINE, async || {
        let record = server.admin().record(&id).await;
        (record.status == "RUNNING").then_some(())
    })
    .await;
    server.admin().succeed(&["kill", "--wait", &id]).await;
    until(|| processes::of_execution(&id).is_empty()).await;
}

fn ended(record: &ExecutionView) -> (&str, &str, Option<i32>) {
    let reason = record.reason.as_deref().unwrap_or_default();
    (&record.status, reason, record.exit_code)
}
