//! Bodies that do not come, come late, or are longer than a stranger's may be.

use std::convert::Infallible;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures_util::stream;
use runvoy_core::key::ApiKey;
use runvoy_http::{Gate, user_router};
use serde_json::json;
use tower::ServiceExt as _;

use crate::harness::answer::Answer;
use crate::harness::caller::Caller;
use crate::harness::{World, locked};

fn made_up() -> Caller {
    Caller::new("nobody@example.com", ApiKey::from_random([9; 20]).expose())
}

/// Nothing comes, and no end either.
fn never() -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
}

/// The same, and time stands still once it is asked for the `last` time: never while a store is waited for.
fn never_from(mut last: u32) -> Body {
    Body::from_stream(stream::poll_fn(move |_| {
        last = last.wrapping_sub(1);
        if last == 0 {
            tokio::time::pause();
        }
        Poll::<Option<Result<Bytes, Infallible>>>::Pending
    }))
}

/// All of it comes, but not with the head.
fn late(text: String) -> Body {
    Body::from_stream(stream::once(async {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(text)
    }))
}

/// What is answered to `POST` below the base path; an answer that does not come within a minute fails.
async fn post(world: &World, caller: &Caller, path: &str, body: Body) -> Answer {
    let request = caller.raw(Method::POST, &format!("/api/v1{path}"), body);
    let router = user_router(world.app.clone(), Gate::Key);
    let answering = router.oneshot(request);
    let answered = tokio::time::timeout(Duration::from_mins(1), answering).await;
    Answer::of(answered.expect("an answer").unwrap()).await
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_longer_than_ten_seconds() {
    let world = World::new().await;
    // `/run` looks whether the body is there already, before it asks who calls.
    for (caller, path, asked) in [
        (&world.root, "/run", 2),
        (&world.root, "/users/create", 1),
        (&Caller::anonymous(), "/claim/some-token", 1),
    ] {
        let answer = post(&world, caller, path, never_from(asked)).await;
        tokio::time::resume();
        assert_eq!(
            answer.shown(),
            r#"400 {"code":"INVALID_REQUEST","error":"the body did not come within 10 seconds"}"#,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_run_of_somebody_unknown_is_refused_before_its_body_has_come() {
    let world = World::new().await;
    for caller in [made_up(), Caller::new("nobody@example.com", "no key")] {
        let answer = post(&world, &caller, "/run", never()).await;
        assert_eq!(answer.refusal(), (401, "INVALID_API_KEY"));
    }
    let answer = post(&world, &Caller::anonymous(), "/run", never()).await;
    assert_eq!(answer.refusal(), (401, "UNAUTHORIZED"));
}

#[tokio::test]
async fn a_run_of_somebody_unknown_is_refused_for_the_key_and_not_for_its_body() {
    let world = World::new().await;
    for body in ["{".to_owned(), "x".repeat(2 * 1024 * 1024)] {
        let answer = post(&world, &made_up(), "/run", Body::from(body)).await;
        assert_eq!(answer.refusal(), (401, "INVALID_API_KEY"));
    }
}

#[tokio::test]
async fn a_run_whose_body_comes_after_its_head_is_accepted() {
    let world = World::new().await;
    for status in ["STARTING", "QUEUED"] {
        let body = late(locked("deploy").to_string());
        let answer = post(&world, &world.root, "/run", body).await;
        answer.assert_status(202);
        assert_eq!(answer.text("status"), status);
    }
}

#[tokio::test]
async fn a_stranger_cannot_send_more_than_a_claim_needs() {
    let world = World::new().await;
    let body = json!({"api_key_sha256": "0".repeat(4 * 1024)}).to_string();
    let answer = post(
        &world,
        &Caller::anonymous(),
        "/claim/some-token",
        body.into(),
    )
    .await;
    assert_eq!(
        answer.shown(),
        r#"413 {"code":"PAYLOAD_TOO_LARGE","error":"the body is larger than 4 KiB"}"#
    );
}
