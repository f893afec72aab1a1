//! The control plane's own network.

use futures_util::future::join_all;
use runvoy_docker::Engine;
use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::dockerd_image::Image;

use crate::stage::{BUSYBOX, Stage, shared};

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_race_get_the_same_network() {
    let engine = Engine::connect(Some(&shared().host())).await.unwrap();
    let stack = format!("ffff{:04x}", std::process::id() & 0xffff);
    let (a, b, c) = tokio::join!(
        engine.network(&stack),
        engine.network(&stack),
        engine.network(&stack)
    );
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    assert!(a == b && b == c);
    assert_eq!(
        (a.name.as_str(), a.bridge.as_str()),
        (
            format!("runvoy-{stack}").as_str(),
            format!("rv-{stack}").as_str()
        )
    );
    let named = shared().docker(&["network", "ls", "--format", "{{.Name}}"]);
    assert_eq!(named.lines().filter(|name| *name == a.name).count(), 1);
    shared().docker(&["network", "rm", &a.name]);
}

/// An engine of the test's own, so that no other test's network takes the addresses of one that is removed. The agent is
/// there.
async fn engine_with_agent() -> (Dockerd, Stage) {
    let dockerd = Dockerd::start();
    dockerd.import_image(BUSYBOX, &Image::busybox());
    let stage = Stage::on(&dockerd).await;
    let first = stage.script("echo first");
    assert_eq!(first.to_the_end().await.exit_code, Some(0));
    first.clean_up().await;
    (dockerd, stage)
}

/// There is one network again, as it was, and nothing on it.
async fn is_restored(dockerd: &Dockerd, stage: &Stage) {
    let found = stage.engine.network(&stage.options.stack).await.unwrap();
    assert_eq!(found, stage.options.network);
    let named = dockerd.docker(&["network", "ls", "--format", "{{.Name}}"]);
    assert_eq!(named.lines().filter(|name| *name == found.name).count(), 1);
    assert_eq!(dockerd.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_somebody_has_removed_is_made_again() {
    let (dockerd, stage) = engine_with_agent().await;
    dockerd.docker(&["network", "rm", &stage.options.network.name]);
    let run = stage.script("echo back");
    assert_eq!(run.to_the_end().await.exit_code, Some(0));
    run.clean_up().await;
    is_restored(&dockerd, &stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_at_once_that_find_no_network_all_run_on_one_that_is_made_again() {
    let (dockerd, stage) = engine_with_agent().await;
    dockerd.docker(&["network", "rm", &stage.options.network.name]);
    let runs: Vec<_> = (3..9)
        .map(|code| (code, stage.script(&format!("exit {code}"))))
        .collect();
    let ends = join_all(runs.iter().map(|(_, run)| run.to_the_end())).await;
    for ((code, run), end) in runs.iter().zip(ends) {
        assert_eq!(end.exit_code, Some(*code));
        run.clean_up().await;
    }
    is_restored(&dockerd, &stage).await;
}
