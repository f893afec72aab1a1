//! Images that the engine has not got.

use std::time::Duration;

use runvoy_core::execution::Evidence;
use runvoy_ports::{LaunchError, Launcher as _, Presence};

use crate::registry::{Registry, large};
use crate::stage::{Run, Stage, shared};

/// Launches it and waits until it came to nothing, which another attempt might change; answers why.
async fn fails(run: &Run<'_>) -> String {
    let evidence = comes_to_nothing(run).await;
    assert!(!evidence.is_final, "{evidence:?}");
    evidence.words.unwrap()
}

/// The same, and no attempt will change it.
async fn fails_for_good(run: &Run<'_>) -> String {
    let evidence = comes_to_nothing(run).await;
    assert!(evidence.is_final, "{evidence:?}");
    evidence.words.unwrap()
}

async fn comes_to_nothing(run: &Run<'_>) -> Evidence {
    run.launch().await;
    let evidence = run.gone().await;
    assert_eq!(run.stage.launcher.progress(&run.attempt), None);
    assert!(!shared().containers().contains(&run.name()));
    run.clean_up().await;
    assert!(matches!(run.probe().await, Presence::Gone(evidence) if evidence.words.is_none()));
    evidence
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_with_progress_and_then_runs() {
    let registry = Registry::start().await;
    let image = registry.push("large", &large("progress"));
    let gate = registry.stop_in_the_middle();
    let stage = Stage::new().await;
    let run = stage.run(&image, &["/bin/cat", "/mark"]);
    run.launch().await;
    run.tells("% of 6 MB").await;
    assert_eq!(run.probe().await, Presence::Running);
    // Asked for again meanwhile, it is not begun again.
    run.launch().await;
    gate.add_permits(1);
    run.gone().await;
    let finish = stage.plane.known(&run.attempt).finish.unwrap();
    assert_eq!(finish.exit_code, Some(0));
    run.says("progress").await;
    run.clean_up().await;
    shared().docker(&["rmi", &image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_is_stopped_leaves_nothing_to_appear_later() {
    let registry = Registry::start().await;
    let image = registry.push("stopped", &large("stopped"));
    let _gate = registry.stop_in_the_middle();
    let stage = Stage::new().await;
    let run = stage.run(&image, &["/bin/cat", "/mark"]);
    run.launch().await;
    run.tells("% of 6 MB").await;
    run.stop().await;
    let evidence = run.gone().await;
    assert!(evidence.words.unwrap().contains("stopped"));
    assert!(!shared().containers().contains(&run.name()));
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_exist_is_told_in_the_registrys_words() {
    let registry = Registry::start().await;
    let stage = Stage::new().await;
    let image = format!("{}/nothing:1", registry.address());
    let words = fails_for_good(&stage.run(&image, &["/bin/true"])).await;
    assert!(
        words.contains(&image) && words.contains("manifest unknown"),
        "{words}"
    );
    let nobody = "127.0.0.1:1/x:1";
    let words = fails(&stage.run(nobody, &["/bin/true"])).await;
    assert!(words.contains("connection refused"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_sent_where_there_are_some_and_a_registry_that_wants_others_says_so() {
    let registry = Registry::start().await;
    let image = registry.push("private", &large("private"));
    // me:a?b~c>d: what the two kinds of base64 write differently.
    registry.ask_for("bWU6YT9ifmM+ZA==");
    let config = tempfile::tempdir().unwrap();
    let auths = |basic: &str| {
        let auths = format!(
            r#"{{"auths": {{"{}": {{"auth": "{basic}"}}}}}}"#,
            registry.address()
        );
        std::fs::write(config.path().join("config.json"), auths).unwrap();
    };
    let with_config = |options: &mut runvoy_docker::DockerOptions| {
        options.docker_config = Some(config.path().to_owned());
    };
    let stage = Stage::with(shared(), with_config).await;
    let anonymous = fails_for_good(&stage.run(&image, &["/bin/true"])).await;
    assert!(
        anonymous.contains("no basic auth credentials"),
        "{anonymous}"
    );
    auths("bWU6d3Jvbmc=");
    let wrong = fails_for_good(&stage.run(&image, &["/bin/true"])).await;
    assert!(
        wrong.contains("who are you") || wrong.contains("unauthorized"),
        "{wrong}"
    );
    std::fs::write(config.path().join("config.json"), "{").unwrap();
    let broken = fails(&stage.run(&image, &["/bin/true"])).await;
    assert!(broken.contains("config.json"), "{broken}");
    auths("bWU6YT9ifmM+ZA==");
    let run = stage.run(&image, &["/bin/cat", "/mark"]);
    assert_eq!(run.to_the_end().await.exit_code, Some(0));
    run.clean_up().await;
    shared().docker(&["rmi", &image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_broken_is_told() {
    let registry = Registry::start().await;
    let image = registry.push("broken", &large("broken"));
    registry.spoil();
    let stage = Stage::new().await;
    let words = fails(&stage.run(&image, &["/bin/true"])).await;
    assert!(words.contains("cannot pull"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_talks_too_much_is_cut_short() {
    let registry = Registry::start().await;
    registry.complain(format!("first\nsecond \u{1b}[31m{}", "x".repeat(3_000_000)));
    let stage = Stage::new().await;
    let image = format!("{}/nothing:1", registry.address());
    let words = fails_for_good(&stage.run(&image, &["/bin/true"])).await;
    assert!(words.chars().count() < 600, "{}", words.len());
    assert!(words.contains("first second \\u{1b}[31m"), "{words}");
    assert!(!words.contains(char::is_control), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_named_by_its_identity_is_not_looked_for_in_a_registry() {
    let stage = Stage::new().await;
    let image = format!("sha256:{}", "0f".repeat(32));
    match stage.run(&image, &["/bin/true"]).try_launch().await {
        Err(LaunchError::Impossible(words)) => assert!(words.contains(&image), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_do_not_come_can_be_stopped() {
    let registry = Registry::start().await;
    let image = registry.push("late", &large("late"));
    let config = tempfile::tempdir().unwrap();
    // Who reads it waits for somebody who writes.
    let pipe = config.path().join("config.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let with_config = |options: &mut runvoy_docker::DockerOptions| {
        options.docker_config = Some(config.path().to_owned());
    };
    let stage = Stage::with(shared(), with_config).await;
    let run = stage.run(&image, &["/bin/true"]);
    run.launch().await;
    run.tells("pulling").await;
    run.stop().await;
    let gone = tokio::time::timeout(Duration::from_secs(18), run.gone()).await;
    assert!(gone.unwrap().words.unwrap().contains("stopped"));
    run.clean_up().await;
}
