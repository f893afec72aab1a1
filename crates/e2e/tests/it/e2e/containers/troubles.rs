//! What goes wrong with containers, in words that help.

use runvoy_testkit::dockerd::Dockerd;

use super::{container, ended, said, settled};
use crate::harness::engine::{self, FOREIGN, SCRATCH};
use crate::harness::until;

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_is_a_launch_that_failed_in_dockers_words() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    let line = ["run", "--image", "127.0.0.1:1/no/such:image", "true"];
    let output = server.admin().run(&line).await;
    assert_eq!(output.code, 125, "{output:?}");
    assert!(
        output.stderr.contains("connection refused") && output.stderr.contains("127.0.0.1:1"),
        "{output:?}"
    );
    let record = server.admin().last_closed().await;
    assert_eq!(ended(&record), ("launch_failed", None));
    assert_eq!(
        engine::containers_of(engine, &record.execution_id),
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_asked_for_once() {
    let server = engine::server(engine::shared(), &[]).await;
    let admin = server.admin();
    let image = format!("sha256:{}", "0f".repeat(32));
    let output = admin.run(&["run", "--image", &image, "true"]).await;
    assert_eq!(output.code, 125, "{output:?}");
    assert!(output.stderr.contains(&image), "{output:?}");
    let record = admin.last_closed().await;
    assert_eq!(ended(&record), ("launch_failed", None));
    let audit = admin.succeed(&["audit", "list", "-o", "json"]).await;
    assert_eq!(audit.matches("launch_refused").count(), 1, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_cannot_be_started_are_126_and_127_and_say_why() {
    let server = engine::server(engine::shared(), &[]).await;
    let admin = server.admin();
    let other = if cfg!(target_arch = "x86_64") {
        "ARM64"
    } else {
        "X86_64"
    };
    for (image, program, code, words) in [
        (FOREIGN, "/foreign", 126, other),
        (FOREIGN, "/broken", 126, ""),
        (FOREIGN, "/etc/passwd", 126, ""),
        (SCRATCH, "/no/such/program", 127, "/no/such/program"),
    ] {
        let output = admin.run(&["run", "--image", image, "--", program]).await;
        assert_eq!(output.code, code, "{program}: {output:?}");
        let log = admin.succeed(&["logs", "last"]).await;
        assert!(log.contains(words), "{program}: {log}");
    }
    // A script needs a shell.
    let output = admin.run(&["run", "--image", SCRATCH, "echo hello"]).await;
    assert_eq!(output.code, 127, "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_is_used_up_is_said_to_be() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    let line = [
        "run",
        "--lock",
        "prod",
        "--memory",
        "32MB",
        "exec tail /dev/zero",
    ];
    let output = server.admin().run(&line).await;
    assert_eq!(output.code, 137, "{output:?}");
    let record = server.admin().last_closed().await;
    assert_eq!(ended(&record), ("out_of_memory", Some(137)), "{record:?}");
    settled(&server, engine, &record.execution_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_by_its_time_by_a_kill_and_by_an_interrupt() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    let admin = server.admin();
    let line = ["run", "--lock", "prod", "--timeout", "1s", "sleep 60"];
    assert_eq!(admin.run(&line).await.code, 124);
    let record = admin.last_closed().await;
    assert_eq!(ended(&record).0, "timed_out");
    settled(&server, engine, &record.execution_id).await;

    let id = admin
        .submit(&["--lock", "prod", "echo ready; sleep 60"])
        .await;
    said(&admin, &id, "ready").await;
    admin.run(&["kill", "--wait", &id]).await;
    assert_eq!(ended(&admin.closed(&id).await).0, "cancelled");
    settled(&server, engine, &id).await;

    let script = "trap 'echo stopped; exit 9' TERM; echo ready; sleep 60 & wait";
    let run = admin.spawn(&["run", "--lock", "prod", script]);
    run.says("ready").await;
    run.interrupt();
    let output = run.end().await;
    assert_eq!(
        (output.code, &output.stdout[..]),
        (130, "ready\nstopped\n"),
        "{output:?}"
    );
    let record = admin.last_closed().await;
    assert_eq!(ended(&record), ("cancelled", Some(9)));
    settled(&server, engine, &record.execution_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_container_holds_its_lock_and_goes_on_where_it_was() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    let script = "echo ready; until [ -e gate ]; do sleep 0.05; done; exit 4";
    let id = server.admin().submit(&["--lock", "prod", script]).await;
    said(&server.admin(), &id, "ready").await;
    let container = container(engine, &id).await;
    engine.docker(&["exec", &container, "/bin/touch", "gate.soon"]);
    engine.docker(&["pause", &container]);
    let line = ["run", "--lock", "prod", "--no-wait", "true"];
    assert_eq!(server.admin().run(&line).await.code, 75);
    assert_eq!(server.admin().record(&id).await.status, "RUNNING");
    engine.docker(&["unpause", &container]);
    engine.docker(&["exec", &container, "/bin/mv", "gate.soon", "gate"]);
    let record = server.admin().closed(&id).await;
    assert_eq!(ended(&record), ("exited", Some(4)), "{record:?}");
    settled(&server, engine, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_command_as_it_ends_itself_and_makes_room_again() {
    let engine = Dockerd::start_on_disk(160);
    let image = runvoy_testkit::dockerd_image::Image::busybox();
    engine.import_image(engine::BUSYBOX, &image);
    let server = engine::server(&engine, &[]).await;
    let script = "dd if=/dev/zero of=big bs=1M; echo dd said $?; exit 6";
    let output = server.admin().run(&["run", "--lock", "prod", script]).await;
    assert_eq!(
        (output.code, &output.stdout[..]),
        (6, "dd said 1\n"),
        "{output:?}"
    );
    assert!(
        output.stderr.contains("No space left on device"),
        "{output:?}"
    );
    let record = server.admin().last_closed().await;
    settled(&server, &engine, &record.execution_id).await;
    let output = server.admin().run(&["run", "echo room"]).await;
    assert_eq!(
        (output.code, &output.stdout[..]),
        (0, "room\n"),
        "{output:?}"
    );
    server.admin().last_closed().await;
    until(|| engine::volumes_of_runs(&engine).is_empty()).await;
}
