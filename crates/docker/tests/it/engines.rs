//! Engines that are away, die and come back.

use std::process::Command;
use std::time::{Duration, Instant};

use runvoy_core::execution::ProviderWord;
use runvoy_core::outcome::EndedBy;
use runvoy_docker::{Engine, EngineError};
use runvoy_ports::{LaunchError, Launcher as _, Presence};
use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::dockerd_image::Image;
use runvoy_testkit::eventually;

use crate::registry::{Registry, large};
use crate::stage::{BUSYBOX, SOON, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let host = format!("unix://{}", socket.display());
    let absent = Engine::connect(Some(&host)).await.unwrap_err();
    assert!(matches!(absent, EngineError::NoSocket(_)), "{absent:?}");
    assert!(absent.hint().is_some() && !absent.is_starting());
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let dead = Engine::connect(Some(&host)).await.unwrap_err();
    assert!(
        dead.is_starting() && dead.to_string().contains(&host),
        "{dead:?}"
    );
    let patience = Duration::from_millis(300);
    assert!(
        Engine::connect_patiently(Some(&host), patience)
            .await
            .unwrap_err()
            .is_starting()
    );
    let foreign = Engine::connect(Some("ssh://me@host")).await.unwrap_err();
    assert!(matches!(foreign, EngineError::Address(_)), "{foreign:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_in_the_middle_is_unknown_and_then_tells_the_truth() {
    let mut dockerd = Dockerd::start();
    dockerd.import_image(BUSYBOX, &Image::busybox());
    let stage = Stage::on(&dockerd).await;
    let run = stage.script("echo up; sleep 1000");
    run.launch().await;
    run.says("up").await;
    dockerd.kill9();
    assert_eq!(run.probe().await, Presence::Unknown);
    let other = stage.script("echo other");
    assert!(matches!(
        other.try_launch().await,
        Err(LaunchError::Unknown(_))
    ));
    run.stop().await;
    assert!(stage.launcher.clean_up(&other.attempt).await.is_err());
    dockerd.restart();
    // The engine ends what it finds running, unless it was told to let it live: by TERM, which the agent may be quick
    // enough to report, and else by KILL.
    let evidence = run.gone().await;
    let is_told_to_end = evidence
        .report
        .is_some_and(|report| report.ended_by == EndedBy::Signal);
    let is_known = evidence.word == Some(ProviderWord::Interrupted);
    assert!(is_told_to_end || is_known, "{evidence:?}");
    let (entries, _) = run.copy(1 << 20).await;
    assert!(entries.iter().any(|entry| entry.text == "up"));
    assert_eq!(other.to_the_end().await.exit_code, Some(0));
    run.clean_up().await;
    other.clean_up().await;
    assert_eq!(dockerd.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_in_the_middle_of_a_pull_fails_one_attempt_and_the_next_runs_once() {
    let registry = Registry::start().await;
    let image = registry.push("deadly", &large("deadly"));
    let gate = registry.stop_in_the_middle();
    let mut dockerd = Dockerd::start();
    let stage = Stage::on(&dockerd).await;
    let run = stage.run(&image, &["/bin/true"]);
    run.launch().await;
    run.tells("% of 6 MB").await;
    dockerd.kill9();
    eventually(SOON, || async {
        (run.probe().await == Presence::Unknown).then_some(())
    })
    .await;
    dockerd.restart();
    let evidence = run.gone().await;
    assert!(!evidence.is_final, "{evidence:?}");
    let words = evidence.words.unwrap();
    assert!(words.contains("did not answer"), "{words}");
    gate.add_permits(100);
    let next = stage.next(&run, &["/bin/sh", "-c", "exit 7"]);
    assert_eq!(next.to_the_end().await.exit_code, Some(7));
    assert_eq!(stage.plane.known(&next.attempt).starts.len(), 1);
    assert_eq!(stage.plane.known(&run.attempt).starts.len(), 0);
    run.clean_up().await;
    next.clean_up().await;
    assert_eq!(dockerd.containers(), Vec::<String>::new());
    assert!(stage.launcher.attempts().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_while_the_engine_is_away_is_removed_when_it_is_back() {
    let mut dockerd = Dockerd::start();
    dockerd.import_image(BUSYBOX, &Image::busybox());
    let stage = Stage::on(&dockerd).await;
    let run = stage.script("echo done");
    assert_eq!(run.to_the_end().await.exit_code, Some(0));
    dockerd.kill9();
    assert!(stage.launcher.clean_up(&run.attempt).await.is_err());
    dockerd.restart();
    eventually(SOON, || async {
        dockerd.containers().is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_takes_calls_and_never_answers_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let host = format!("unix://{}", socket.display());
    let begun = Instant::now();
    let patience = Duration::from_millis(300);
    let error = Engine::connect_patiently(Some(&host), patience).await;
    assert!(error.unwrap_err().is_starting());
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_hangs_is_unknown_soon() {
    let dockerd = Dockerd::start();
    dockerd.import_image(BUSYBOX, &Image::busybox());
    let stage = Stage::on(&dockerd).await;
    let run = stage.script("echo done");
    let pid = std::fs::read_to_string(dockerd.root().with_file_name("pid")).unwrap();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, pid.trim()]).status();
        assert!(sent.unwrap().success());
    };
    signal("-STOP");
    let probed = tokio::time::timeout(Duration::from_secs(40), run.probe()).await;
    signal("-CONT");
    assert_eq!(probed, Ok(Presence::Unknown));
    assert_eq!(run.to_the_end().await.exit_code, Some(0));
    run.clean_up().await;
}
