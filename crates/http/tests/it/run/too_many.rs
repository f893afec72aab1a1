//! More runs at once than the limits allow.

use std::num::NonZeroU32;

use axum::Router;
use axum::http::Method;
use runvoy_app::RunLimits;
use runvoy_core::role::Role;
use runvoy_http::{Gate, user_router};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::harness::answer::Answer;
use crate::harness::caller::Caller;
use crate::harness::{World, hello, locked};

fn router(world: &World, per_user: u32, in_all: u32) -> Router {
    let limits = RunLimits {
        per_user: NonZeroU32::new(per_user),
        in_all: NonZeroU32::new(in_all),
    };
    user_router(world.app.clone().with_run_limits(limits), Gate::Key)
}

async fn submit(router: &Router, caller: &Caller, key: Option<&str>, body: Value) -> Answer {
    let mut request = caller.request(Method::POST, "/run", &body);
    if let Some(key) = key {
        let value = key.parse().unwrap();
        request.headers_mut().insert("idempotency-key", value);
    }
    Answer::of(router.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn a_user_has_so_many_at_once_and_others_have_theirs() {
    let world = World::new().await;
    let router = router(&world, 2, 0);
    let alice = world.user("alice", Role::Developer).await;
    let first = submit(&router, &alice, None, hello()).await;
    submit(&router, &alice, None, locked("prod"))
        .await
        .assert_status(202);
    let third = submit(&router, &alice, None, hello()).await;
    insta::assert_snapshot!(third.shown(), @r#"429 {"code":"TOO_MANY_RUNS","context":{"limit":"2","limit_of":"user"},"details":"wait for one to end, or stop one: runvoy list --mine, then runvoy kill ID","error":"your limit of 2 executions that are not over is reached"}"#);
    submit(&router, &world.root, None, hello())
        .await
        .assert_status(202);
    let agent = world
        .start(&first.text("execution_id").parse().unwrap())
        .await;
    assert_eq!(submit(&router, &alice, None, hello()).await.status, 429);
    agent.finish(0).await;
    submit(&router, &alice, None, hello())
        .await
        .assert_status(202);
}

#[tokio::test]
async fn all_together_have_so_many_at_once() {
    let world = World::new().await;
    let router = router(&world, 2, 3);
    let alice = world.user("alice", Role::Developer).await;
    for caller in [&alice, &alice, &world.root] {
        submit(&router, caller, None, hello())
            .await
            .assert_status(202);
    }
    let fourth = submit(&router, &world.root, None, hello()).await;
    insta::assert_snapshot!(fourth.shown(), @r#"429 {"code":"TOO_MANY_RUNS","context":{"limit":"3","limit_of":"server"},"details":"try again when some have ended, or ask an operator to stop some","error":"the server's limit of 3 executions that are not over is reached"}"#);
    let listed = world.get(&world.root, "/executions").await;
    assert_eq!(listed.json.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn one_that_waits_for_its_lock_counts() {
    let world = World::new().await;
    let router = router(&world, 2, 0);
    let alice = world.user("alice", Role::Developer).await;
    for status in ["STARTING", "QUEUED"] {
        let answer = submit(&router, &alice, None, locked("prod")).await;
        assert_eq!(answer.text("status"), status);
    }
    assert_eq!(submit(&router, &alice, None, hello()).await.status, 429);
}

#[tokio::test]
async fn what_was_accepted_before_is_accepted_again() {
    let world = World::new().await;
    let router = router(&world, 1, 1);
    let alice = world.user("alice", Role::Developer).await;
    let first = submit(&router, &alice, Some("one"), hello()).await;
    first.assert_status(202);
    let again = submit(&router, &alice, Some("one"), hello()).await;
    again.assert_status(202);
    assert_eq!(again.text("execution_id"), first.text("execution_id"));
    let other = submit(&router, &alice, Some("one"), locked("prod")).await;
    assert_eq!(other.refusal(), (422, "IDEMPOTENCY_MISMATCH"));
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let world = World::new().await;
    let router = router(&world, 1, 0);
    let alice = world.user("alice", Role::Developer).await;
    let first = submit(&router, &alice, None, hello()).await;
    let refused = submit(&router, &alice, Some("two"), hello()).await;
    assert_eq!(refused.refusal(), (429, "TOO_MANY_RUNS"));
    let agent = world
        .start(&first.text("execution_id").parse().unwrap())
        .await;
    agent.finish(0).await;
    submit(&router, &alice, Some("two"), hello())
        .await
        .assert_status(202);
}
