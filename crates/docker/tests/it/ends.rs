//! How containers end that do not end by themselves, and what is left to tell of it.

use runvoy_core::execution::ProviderWord;
use runvoy_core::log::Stream;
use runvoy_ports::{Launcher as _, Presence};
use runvoy_testkit::dockerd_image::Image;

use crate::stage::{Stage, shared};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_it_whatever_its_agent_thinks() {
    let stage = Stage::new().await;
    let run = stage.script("trap '' TERM; echo up; sleep 1000");
    run.launch().await;
    run.says("up").await;
    run.stop().await;
    let evidence = run.gone().await;
    assert!(evidence.words.unwrap().contains("code 137"));
    assert_eq!(evidence.word, None);
    let (entries, end) = run.copy(1000).await;
    assert!(entries.iter().any(|entry| entry.text == "up"));
    assert_eq!(end, None);
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_killed_from_outside_is_gone() {
    let stage = Stage::new().await;
    let run = stage.script("echo up; sleep 1000");
    run.launch().await;
    run.says("up").await;
    shared().docker(&["kill", &run.name()]);
    let evidence = run.gone().await;
    assert!(evidence.words.unwrap().contains("code 137"));
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_removed_from_outside_is_gone() {
    let stage = Stage::new().await;
    let run = stage.script("echo up; sleep 1000");
    run.launch().await;
    run.says("up").await;
    shared().docker(&["rm", "--force", "--volumes", &run.name()]);
    assert!(matches!(run.probe().await, Presence::Gone(_)));
    assert_eq!(run.copy(1000).await, (Vec::new(), None));
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_container_runs_and_can_be_stopped() {
    let stage = Stage::new().await;
    let run = stage.script("echo up; sleep 1000");
    run.launch().await;
    run.says("up").await;
    shared().docker(&["pause", &run.name()]);
    assert_eq!(run.probe().await, Presence::Running);
    run.stop().await;
    run.gone().await;
    run.clean_up().await;
}

/// Takes all the memory that there is.
const GREEDY: &str = "echo up; tail /dev/zero";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_too_much_memory_ends_so() {
    let stage = Stage::with(shared(), |options| options.memory = "64MB".parse().unwrap()).await;
    let run = stage.script(GREEDY);
    let finish = run.to_the_end().await;
    let known = stage.plane.known(&run.attempt);
    assert_eq!(finish.ended_by, "oom", "{:?}", known.entries);
    let system = known.lines(Stream::System).join("\n");
    assert!(system.contains("out of memory"), "{system}");
    let (_, end) = run.copy(1 << 20).await;
    assert!(end.is_some());
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_for_want_of_memory_is_known_to_have() {
    let stage = Stage::with(shared(), |options| {
        options.memory = "64MB".parse().unwrap();
        // The kernel takes the command first; this agent takes the memory itself.
        options.agent = "#!/bin/sh\nexec tail /dev/zero\n".into();
    })
    .await;
    let run = stage.script("echo never");
    run.launch().await;
    let evidence = run.gone().await;
    assert_eq!(evidence.word, Some(ProviderWord::OutOfMemory));
    assert_eq!(evidence.report, None);
    let words = evidence.words.unwrap();
    assert!(words.contains("the container ran out of memory"), "{words}");
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_for_another_machine_is_named_as_such() {
    let stage = Stage::new().await;
    let mut program = vec![0; 64];
    program[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    program[16] = 2;
    program[18] = 183;
    shared().import_image("arm:test", &Image::scratch().file("/tool", &program, 0o755));
    let run = stage.run("arm:test", &["/tool"]);
    let finish = run.to_the_end().await;
    assert_eq!(finish.exit_code, Some(126));
    let system = stage
        .plane
        .known(&run.attempt)
        .lines(Stream::System)
        .join("\n");
    assert!(
        system.contains("a program for ARM64, and this place is X86_64"),
        "{system}"
    );
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_not_there_is_127() {
    let stage = Stage::new().await;
    shared().import_image("nothing:test", &Image::scratch().file("/etc/x", b"", 0o644));
    let run = stage.run("nothing:test", &["/bin/sh", "-c", "true"]);
    assert_eq!(run.to_the_end().await.exit_code, Some(127));
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_cannot_call_says_why_in_its_containers_log() {
    let stage = Stage::with(shared(), |options| {
        options.agent_url = "nonsense".to_owned();
    })
    .await;
    let run = stage.script("echo never");
    run.launch().await;
    let evidence = run.gone().await;
    let words = evidence.words.unwrap();
    assert!(words.contains("runvoy-agent"), "{words}");
    let lines = stage.launcher.provider_lines(&run.attempt).await.unwrap();
    assert_eq!(lines.last(), Some(&words));
    run.clean_up().await;
}
