//! Any image: the exact code, the whole log, and nothing left behind.

use super::numbers;
use crate::harness::cli::Output;
use crate::harness::engine::{self, BUSYBOX, ENTRYPOINT, NOBODY, SCRATCH};
use crate::harness::until;

fn result(output: &Output) -> (i32, &str) {
    (output.code, &output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_image_runs_to_its_exact_end_and_leaves_nothing() {
    let engine = engine::own();
    let server = engine::server(&engine, &[]).await;
    let admin = server.admin();
    let script = "seq 3000; exit 7";
    for image in [BUSYBOX, ENTRYPOINT, NOBODY] {
        let output = admin.run(&["run", "--image", image, script]).await;
        assert_eq!(
            result(&output),
            (7, &numbers(3000)[..]),
            "{image}: {output:?}"
        );
        let id = admin.last_closed().await.execution_id;
        assert_eq!(admin.log(&id).await, numbers(3000), "{image}");
    }
    let line = ["run", "--image", SCRATCH, "--", "/busybox", "seq", "3000"];
    let output = admin.run(&line).await;
    assert_eq!(result(&output), (0, &numbers(3000)[..]), "{output:?}");
    let line = ["run", "--image", SCRATCH, "--", "/busybox", "false"];
    assert_eq!(admin.run(&line).await.code, 1);
    admin.last_closed().await;
    until(|| engine.containers().is_empty()).await;
    until(|| engine::volumes_of_runs(&engine).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_root_leaves_a_place_to_work_in() {
    let server = engine::server(engine::shared(), &["--read-only-root"]).await;
    for image in [BUSYBOX, NOBODY] {
        let script = "touch here /tmp/there && echo written; touch /etc/no 2>/dev/null || exit 5";
        let output = server.admin().run(&["run", "--image", image, script]).await;
        assert_eq!(result(&output), (5, "written\n"), "{image}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_images_user_and_variables_stay_and_its_root_is_writable() {
    let server = engine::server(engine::shared(), &[]).await;
    let script = "id -u; echo $PATH; touch here && echo works; touch /etc/x && echo root";
    let output = server.admin().run(&["run", script]).await;
    assert_eq!(result(&output), (0, "0\n/bin\nworks\nroot\n"), "{output:?}");
    let line = ["run", "--image", NOBODY, script];
    let output = server.admin().run(&line).await;
    assert_eq!(result(&output), (1, "65534\n/bin\nworks\n"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wished_for_is_the_servers_default_and_what_cannot_be_had_is_refused() {
    let server = engine::server(
        engine::shared(),
        &["--memory", "64MB", "--pids-limit", "20"],
    )
    .await;
    let line = [
        "run",
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true",
    ];
    let output = server.admin().run(&line).await;
    assert_eq!(output.stdout.trim(), "67108864", "{output:?}");
    let script = "for n in $(seq 50); do sleep 5 & done 2>/dev/null; echo unreached";
    let output = server.admin().run(&["run", script]).await;
    assert_ne!(output.code, 0, "no more processes than allowed: {output:?}");
    let output = server
        .admin()
        .run(&["run", "--memory", "900TB", "true"])
        .await;
    assert_eq!(output.code, 2, "{output:?}");
    let output = server.admin().run(&["run", "--cpu", "63", "true"]).await;
    assert!(
        output.code == 2 && output.stderr.contains("this machine has"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_masked_and_never_told_to_the_engine() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    let admin = server.admin().with("TOKEN", "hunter2-hunter2");
    let line = [
        "run",
        "-d",
        "--secret-env",
        "TOKEN",
        "echo ready $TOKEN; sleep 60",
    ];
    let id = admin.succeed(&line).await.trim_end().to_owned();
    super::said(&admin, &id, "ready ***").await;
    let container = super::container(engine, &id).await;
    let told = engine.docker(&["inspect", &container]);
    assert!(told.contains("RUNVOY_ATTEMPT"), "it is the right container");
    assert!(
        !told.contains("hunter2") && !told.contains("sleep 60"),
        "{told}"
    );
    let log = engine.docker(&["logs", &container]);
    assert!(
        log.contains("ready ***") && !log.contains("hunter2"),
        "{log}"
    );
    admin.succeed(&["kill", "--wait", &id]).await;
}
