//! Launching: once for an attempt, whatever happens in between.

use runvoy_core::container::ContainerWish;
use runvoy_ports::{LaunchError, Launcher as _, Placement, Presence};

use crate::stage::{BUSYBOX, Stage, shared};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_launch_places_no_second_one() {
    let stage = Stage::new().await;
    let run = stage.script("echo up; sleep 1000");
    run.launch().await;
    run.says("up").await;
    run.launch().await;
    // Another process of the same control plane knows nothing of the first launch.
    stage.again().launch(&run.request()).await.unwrap();
    let known = stage.plane.known(&run.attempt);
    assert_eq!(known.starts.len(), 1);
    let expected = format!("docker:{}/{}", stage.engine.id(), run.name());
    assert_eq!(known.starts[0].place.as_str(), expected);
    assert_eq!(run.probe().await, Presence::Running);
    run.stop().await;
    run.gone().await;
    // Nor does one that comes after the end.
    run.launch().await;
    assert!(matches!(run.probe().await, Presence::Gone(_)));
    assert_eq!(stage.plane.known(&run.attempt).starts.len(), 1);
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_at_once_place_one() {
    let stage = Stage::new().await;
    let run = stage.script("echo up; sleep 1000");
    let (first, second) = (stage.again(), stage.again());
    let request = run.request();
    let (a, b, c, d) = tokio::join!(
        first.launch(&request),
        second.launch(&request),
        first.launch(&request),
        second.launch(&request)
    );
    assert!(
        a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok(),
        "{a:?} {b:?} {c:?} {d:?}"
    );
    run.says("up").await;
    assert_eq!(stage.plane.known(&run.attempt).starts.len(), 1);
    run.stop().await;
    run.gone().await;
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_was_made_and_not_started_is_started_by_the_next_launch() {
    let stage = Stage::new().await;
    let run = stage.script("echo up");
    run.launch().await;
    run.gone().await;
    run.clean_up().await;
    // What a control plane leaves that dies between the two.
    shared().docker(&[
        "create",
        "--name",
        &run.name(),
        "--network",
        &stage.options.network.name,
        BUSYBOX,
        "true",
    ]);
    assert!(run.try_launch().await.is_ok());
    run.gone().await;
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_was_made_and_that_nobody_will_start_is_removed() {
    let stage = Stage::new().await;
    let run = stage.script("echo up");
    shared().docker(&["create", "--name", &run.name(), BUSYBOX, "true"]);
    assert!(matches!(run.probe().await, Presence::Gone(evidence) if evidence.words.is_none()));
    assert!(!shared().containers().contains(&run.name()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_launched_is_gone_and_needs_no_cleaning() {
    let stage = Stage::new().await;
    let run = stage.script("echo never");
    assert!(matches!(run.probe().await, Presence::Gone(_)));
    run.stop().await;
    run.clean_up().await;
    assert_eq!(run.copy(100).await, (Vec::new(), None));
    assert!(
        stage
            .launcher
            .provider_lines(&run.attempt)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_on_another_engine_is_not_known_here() {
    let stage = Stage::new().await;
    let run = stage.script("echo never");
    let elsewhere = Placement {
        attempt: run.attempt.clone(),
        place: Some(format!("docker:ANOTHER/{}", run.name()).parse().unwrap()),
    };
    assert_eq!(stage.launcher.probe(&elsewhere).await, Presence::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_launches_at_once_fill_the_agents_volume_once() {
    let stages = [Stage::new().await, Stage::new().await];
    // Each of these has its own agent: a trailing byte changes the program's digest, not the program.
    let other = |stage: &Stage| {
        let mut options = stage.options.clone();
        let mut agent = options.agent.to_vec();
        agent.extend_from_slice(b"many first launches");
        options.agent = agent.into();
        runvoy_docker::DockerLauncher::new(stage.engine.clone(), options)
    };
    let launchers = [other(&stages[0]), other(&stages[0]), other(&stages[1])];
    let runs = [
        stages[0].script("echo a"),
        stages[0].script("echo b"),
        stages[1].script("echo c"),
    ];
    let requests = runs.each_ref().map(crate::stage::Run::request);
    let (a, b, c) = tokio::join!(
        launchers[0].launch(&requests[0]),
        launchers[1].launch(&requests[1]),
        launchers[2].launch(&requests[2])
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    for run in &runs {
        run.gone().await;
        let finish = run.stage.plane.known(&run.attempt).finish;
        assert_eq!(finish.and_then(|finish| finish.exit_code), Some(0));
        run.clean_up().await;
    }
    assert!(
        !shared()
            .containers()
            .iter()
            .any(|name| name.ends_with("-fill"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_somebody_has_removed_is_brought_again() {
    let stage = Stage::with(shared(), |options| {
        let mut agent = options.agent.to_vec();
        agent.extend_from_slice(b"removed by somebody");
        options.agent = agent.into();
    })
    .await;
    let first = stage.script("echo first");
    assert_eq!(first.to_the_end().await.exit_code, Some(0));
    first.clean_up().await;
    let volume = shared().volumes().into_iter();
    let digest = &first.container.definition["sha256:".len()..];
    let expected = format!("runvoy-agent-{}", &digest[..16]);
    let volume = volume
        .into_iter()
        .find(|volume| *volume == expected)
        .unwrap();
    shared().docker(&["volume", "rm", &volume]);
    let second = stage.script("echo second");
    assert_eq!(second.to_the_end().await.exit_code, Some(0));
    second.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_refused_before_anything_is_placed() {
    let stage = Stage::with(shared(), |options| options.default_image = None).await;
    let field = |wish: &ContainerWish| stage.launcher.plan(wish).unwrap_err().field;
    assert_eq!(field(&ContainerWish::default()), "image");
    let wish = |cpu: &str, memory: &str| ContainerWish {
        image: Some(BUSYBOX.parse().unwrap()),
        cpu: Some(cpu.parse().unwrap()),
        memory: Some(memory.parse().unwrap()),
    };
    assert_eq!(field(&wish("63", "64MB")), "cpu");
    assert_eq!(field(&wish("1", "4000GB")), "memory");
    let planned = stage.launcher.plan(&wish("1", "64MB")).unwrap().unwrap();
    assert_eq!(planned.architecture, stage.engine.architecture());
    let mut run = stage.script("echo never");
    run.container = planned;
    let mut request = run.request();
    request.container = None;
    let refused = stage.launcher.launch(&request).await;
    assert!(matches!(refused, Err(LaunchError::Impossible(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_the_image_has_not_is_refused_in_the_engines_words() {
    let stage = Stage::new().await;
    let image = runvoy_testkit::dockerd_image::Image::busybox().change("USER stranger");
    shared().import_image("stranger:test", &image);
    let run = stage.run("stranger:test", &["/bin/true"]);
    match run.try_launch().await {
        Err(LaunchError::Impossible(words)) => assert!(words.contains("stranger"), "{words}"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(run.probe().await, Presence::Gone(_)));
    assert!(!shared().containers().contains(&run.name()));
}
