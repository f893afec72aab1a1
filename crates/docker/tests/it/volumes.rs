//! Volumes: the agent's, which all share, and each attempt's own.

use runvoy_ports::LaunchError;
use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::dockerd_image::Image;

use crate::stage::{BUSYBOX, Run, Stage, shared};

/// With an agent of its own: a few trailing bytes change the program's digest, not the program.
async fn with_agent(dockerd: &Dockerd, mark: &[u8]) -> Stage {
    Stage::with(dockerd, |options| {
        let mut agent = options.agent.to_vec();
        agent.extend_from_slice(mark);
        options.agent = agent.into();
    })
    .await
}

/// The volume of a run's agent.
fn agents(run: &Run<'_>) -> String {
    let digest = &run.container.definition["sha256:".len()..];
    format!("runvoy-agent-{}", &digest[..16])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_a_volume_where_the_agent_lies_is_refused_and_spoils_nothing() {
    let stage = with_agent(shared(), b"reserved").await;
    for (number, path) in ["/.runvoy/bin/runvoy-agent", "/.runvoy", "/.runvoy/run/work"]
        .into_iter()
        .enumerate()
    {
        let image = format!("reserved-{number}:test");
        let volume = format!("VOLUME {path}");
        shared().import_image(&image, &Image::busybox().change(&volume));
        let run = stage.run(&image, &["/bin/true"]);
        match run.try_launch().await {
            Err(LaunchError::Impossible(words)) => {
                assert!(words.contains(&image) && words.contains(path), "{words}");
            }
            other => panic!("{other:?}"),
        }
        assert!(!shared().containers().contains(&run.name()));
        assert!(!shared().volumes().contains(&run.name()));
    }
    let after = stage.script("echo after");
    assert_eq!(after.to_the_end().await.exit_code, Some(0));
    after.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_agents_place_is_replaced() {
    for (mark, spoil) in [
        (b"directory", "mkdir /x/runvoy-agent"),
        (b"shortened", "echo no > /x/runvoy-agent"),
    ] {
        let stage = with_agent(shared(), mark).await;
        let run = stage.script("echo up");
        let volume = format!("{}:/x", agents(&run));
        let options = ["run", "--rm", "--network", "none", "--volume", &volume];
        let command = [BUSYBOX, "/bin/sh", "-c", spoil];
        shared().docker(&[&options[..], &command[..]].concat());
        assert_eq!(run.to_the_end().await.exit_code, Some(0));
        run.clean_up().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_of_a_container_that_somebody_has_removed_is_found_and_removed() {
    let stage = Stage::new().await;
    let run = stage.script("echo up; sleep 1000");
    run.launch().await;
    run.says("up").await;
    shared().docker(&["rm", "--force", &run.name()]);
    assert!(shared().volumes().contains(&run.name()));
    let label = "{{index .Labels \"runvoy.attempt\"}}";
    let label = shared().docker(&["volume", "inspect", "--format", label, &run.name()]);
    assert_eq!(label, run.attempt.to_string());
    let launcher = stage.again();
    let attempts = launcher.attempts().await.unwrap();
    assert_eq!(attempts, std::slice::from_ref(&run.attempt));
    run.gone().await;
    run.clean_up().await;
    assert!(!shared().volumes().contains(&run.name()));
    assert!(launcher.attempts().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_nobody_uses_any_more_are_removed_and_no_others() {
    let dockerd = Dockerd::start();
    dockerd.import_image(BUSYBOX, &Image::busybox());
    let old = with_agent(&dockerd, b"old").await;
    let new = with_agent(&dockerd, b"new").await;
    let runs = [old.script("echo old"), new.script("echo new")];
    for run in &runs {
        assert_eq!(run.to_the_end().await.exit_code, Some(0));
    }
    let [old_agent, new_agent] = runs.each_ref().map(agents);
    dockerd.docker(&["volume", "create", "somebodys"]);
    new.launcher.tidy().await.unwrap();
    assert!(dockerd.volumes().contains(&old_agent), "it is in use");
    for run in &runs {
        run.clean_up().await;
    }
    new.launcher.tidy().await.unwrap();
    let mut left = dockerd.volumes();
    left.sort();
    assert_eq!(left, [new_agent, "somebodys".to_owned()]);
}
