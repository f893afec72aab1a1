//! The control plane's own network.

use runvoy_docker::Engine;

use crate::stage::{Stage, shared};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_somebody_has_removed_is_made_again() {
    let stage = Stage::new().await;
    shared().docker(&["network", "rm", &stage.options.network.name]);
    let run = stage.script("echo back");
    assert_eq!(run.to_the_end().await.exit_code, Some(0));
    run.clean_up().await;
    let found = stage.engine.network(&stage.options.stack).await.unwrap();
    assert_eq!(found, stage.options.network);
}
