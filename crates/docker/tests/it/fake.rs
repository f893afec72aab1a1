//! An engine that cannot do what it is asked for: it is none, and answers like one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use runvoy_core::container::ContainerWish;
use runvoy_core::id::AttemptId;
use runvoy_docker::{DockerLauncher, Engine, Network};
use runvoy_ports::{LaunchRequest, Launcher as _, Placement, Presence};
use runvoy_testkit::eventually;
use serde_json::json;

use crate::stage::{SOON, options};

/// Answers like an engine whose pulls fail and that has made a container of the attempt all the same.
async fn answer(can_remove: State<Arc<AtomicBool>>, method: Method, uri: Uri) -> Response {
    let path = uri.path();
    let says = |status: StatusCode, words: &str| {
        (status, json!({ "message": words }).to_string()).into_response()
    };
    match method {
        Method::GET if path.ends_with("/version") => json!({"ApiVersion": "1.41"}),
        Method::GET if path.ends_with("/info") => {
            json!({"ID": "FAKE", "Architecture": "x86_64", "NCPU": 2, "MemTotal": 8 << 30_u64})
        }
        Method::GET => json!({"State": {"Status": "created"}}),
        Method::POST if path.ends_with("/containers/create") => {
            return says(StatusCode::NOT_FOUND, "No such image: x:1");
        }
        Method::POST => {
            let words = "the registry is on fire";
            json!({"error": words, "errorDetail": {"message": words}})
        }
        _ if can_remove.load(Ordering::Relaxed) => return StatusCode::NO_CONTENT.into_response(),
        _ => return says(StatusCode::INTERNAL_SERVER_ERROR, "cannot remove"),
    }
    .to_string()
    .into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn why_it_failed_is_told_though_its_container_could_not_be_removed_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    let can_remove = Arc::new(AtomicBool::new(false));
    let router = Router::new()
        .fallback(answer)
        .with_state(can_remove.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let engine = Engine::connect(Some(&host)).await.unwrap();
    let network = Network {
        name: "runvoy-0".to_owned(),
        bridge: "rv-0".to_owned(),
        gateway: "127.0.0.1".parse().unwrap(),
        subnet: "127.0.0.0/8".to_owned(),
    };
    let launcher = DockerLauncher::new(engine, options("00000000", network, String::new()));
    let attempt: AttemptId = format!("{:032x}-1", 1).parse().unwrap();
    let request = LaunchRequest {
        attempt: attempt.clone(),
        token: "boot-token".into(),
        container: launcher.plan(&ContainerWish::default()).unwrap(),
    };
    launcher.launch(&request).await.unwrap();
    let placement = Placement {
        attempt,
        place: None,
    };
    eventually(SOON, || async {
        let presence = launcher.probe(&placement).await;
        (presence == Presence::Unknown).then_some(())
    })
    .await;
    can_remove.store(true, Ordering::Relaxed);
    match launcher.probe(&placement).await {
        Presence::Gone(evidence) => {
            let words = evidence.words.unwrap();
            assert!(words.contains("the registry is on fire"), "{words}");
        }
        other => panic!("{other:?}"),
    }
}
