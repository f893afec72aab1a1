//! Images of every kind run, end with their exact codes, and leave nothing.

use runvoy_core::log::Stream;
use runvoy_core::outcome::{EndedBy, ProcessEnd, Report};
use runvoy_docker::RootStyle;
use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::dockerd_image::{Image, busybox};

use crate::stage::{BUSYBOX, Run, Stage, shared};

/// Runs it to its end: the code is exact, the log is whole here and in the copy, and nothing is left.
async fn ends_with(run: &Run<'_>, code: i32, lines: &[&str]) {
    let finish = run.to_the_end().await;
    let known = run.stage.plane.known(&run.attempt);
    assert_eq!(finish.exit_code, Some(code), "{:?}", known.entries);
    assert_eq!(known.lines(Stream::Stdout), lines);
    let (entries, end) = run.copy(1 << 20).await;
    let texts = |entries: &[runvoy_core::log::Entry]| {
        let texts: Vec<_> = entries
            .iter()
            .map(|entry| (entry.seq, entry.text.clone()))
            .collect();
        texts
    };
    assert_eq!(texts(&entries), texts(&known.entries));
    let report = Report {
        ended_by: EndedBy::Itself,
        end: ProcessEnd::Exited(code),
    };
    assert_eq!(end, Some((finish.last_seq, report)));
    leaves_nothing(shared(), run).await;
}

/// Cleans up, twice; then there is neither a container nor a volume but the agent's.
async fn leaves_nothing(dockerd: &Dockerd, run: &Run<'_>) {
    let names = "{{range .Mounts}}{{.Name}} {{end}}";
    let volumes = dockerd.docker(&["inspect", "--format", names, &run.name()]);
    run.clean_up().await;
    run.clean_up().await;
    assert!(!dockerd.containers().contains(&run.name()));
    let left = dockerd.volumes();
    for volume in volumes.split_whitespace() {
        assert_eq!(
            left.iter().any(|one| one == volume),
            volume.starts_with("runvoy-agent-"),
            "{volume}"
        );
    }
    assert!(run.stage.launcher.attempts().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_system_as_root() {
    let stage = Stage::new().await;
    let run = stage.script("id -u; pwd; echo x > y && cat y; touch /etc/z && echo written; exit 3");
    ends_with(&run, 3, &["0", "/.runvoy/run/work", "x", "written"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_static_program_without_a_shell() {
    let stage = Stage::new().await;
    shared().import_image(
        "single:test",
        &Image::scratch().file("/echo", &busybox(), 0o755),
    );
    let run = stage.run("single:test", &["/echo", "a  b", "$HOME"]);
    ends_with(&run, 0, &["a  b $HOME"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entry_point_the_command_and_the_health_check_of_an_image_are_not_used() {
    let stage = Stage::new().await;
    let image = Image::busybox()
        .change(r#"ENTRYPOINT ["/bin/false"]"#)
        .change(r#"CMD ["nonsense"]"#)
        .change("HEALTHCHECK CMD touch /checked")
        .change("ENV GREETING=hello")
        .change("WORKDIR /elsewhere")
        .change("VOLUME /data");
    shared().import_image("entry:test", &image);
    let script =
        "echo $GREETING $#; pwd; touch /data/x; echo $RUNVOY_AGENT_TOKEN$RUNVOY_AGENT_URL.";
    let run = stage.run("entry:test", &["/bin/sh", "-c", script]);
    ends_with(&run, 0, &["hello 0", "/.runvoy/run/work", "."]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_can_write_where_it_begins() {
    let stage = Stage::new().await;
    for user in ["nobody", "65534", "1234:1234"] {
        let name = format!("user-{}:test", user.replace(':', "-"));
        shared().import_image(&name, &Image::busybox().change(&format!("USER {user}")));
        let script = "test $(id -u) != 0 && pwd && echo x > y && cat y; touch /etc/z 2>&- || echo refused; exit 7";
        let run = stage.run(&name, &["/bin/sh", "-c", script]);
        ends_with(&run, 7, &["/.runvoy/run/work", "x", "refused"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_root_leaves_the_working_directory_and_tmp() {
    let read_only = |options: &mut runvoy_docker::DockerOptions| options.root = RootStyle::ReadOnly;
    let stage = Stage::with(shared(), read_only).await;
    shared().import_image("reader:test", &Image::busybox().change("USER nobody"));
    let script = "touch /x 2>&- || echo refused; echo a > y && cat y; echo b > /tmp/y && cat /tmp/y; touch /.runvoy/bin/x 2>&- || echo refused";
    for image in [BUSYBOX, "reader:test"] {
        let run = stage.run(image, &["/bin/sh", "-c", script]);
        ends_with(&run, 0, &["refused", "a", "b", "refused"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_and_rights_are_dropped() {
    let stage = Stage::with(shared(), |options| {
        options.memory = "64MB".parse().unwrap();
        options.cpu = "0.5".parse().unwrap();
        options.pids_limit = 50;
    })
    .await;
    let script = "
        grep -E '^(NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/self/status | tr -s '\\t' ' '
        mount -t tmpfs x /tmp 2>&- || echo refused
        cat /proc/1/environ 2>&- || echo hidden
        i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; echo never";
    let run = stage.script(script);
    let finish = run.to_the_end().await;
    let known = stage.plane.known(&run.attempt);
    let lines = known.lines(Stream::Stdout);
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE.
    let expected = [
        "CapEff: 00000000000004fb",
        "CapBnd: 00000000000004fb",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "refused",
        "hidden",
    ];
    assert_eq!(lines, expected);
    assert_ne!(finish.exit_code, Some(0), "more processes than allowed");
    let limits = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}";
    let limits = shared().docker(&["inspect", "--format", limits, &run.name()]);
    assert_eq!(limits, "67108864 67108864 500000000 50");
    run.clean_up().await;
}
