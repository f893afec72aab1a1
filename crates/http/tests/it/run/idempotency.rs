//! `Idempotency-Key`: a request that is sent twice is done once.

use axum::body::Body;
use axum::http::Request;
use runvoy_core::role::Role;
use serde_json::{Value, json};

use crate::harness::answer::Answer;
use crate::harness::caller::Caller;
use crate::harness::{World, hello, locked};

/// Seconds for which a key is remembered.
const KEPT: u64 = 24 * 60 * 60;

async fn run_as(world: &World, caller: &Caller, key: impl AsRef<[u8]>, body: &Value) -> Answer {
    let request = Request::post("/api/v1/run")
        .header("x-api-key", caller.key.as_deref().unwrap())
        .header("idempotency-key", key.as_ref())
        .body(Body::from(body.to_string()));
    world.send(request.unwrap()).await
}

async fn count(world: &World) -> usize {
    let list = world.get(&world.root, "/executions").await;
    list.json.as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_request_again_is_the_same_execution_with_its_status_now() {
    let world = World::new().await;
    let first = run_as(&world, &world.root, "k", &hello()).await;
    first.assert_status(202);
    let id = first.text("execution_id");
    world.start(&id.parse().unwrap()).await;

    let again = run_as(&world, &world.root, "k", &hello()).await;
    again.assert_status(202);
    assert_eq!(
        (again.text("execution_id"), again.text("status")),
        (id, "RUNNING")
    );
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn a_repeat_drives_what_the_first_request_left_undone() {
    let world = World::new().await;
    run_as(&world, &world.root, "k", &hello())
        .await
        .assert_status(202);
    world.forget_tasks().await;
    world.settle().await;
    assert!(world.launcher.launched().is_empty());
    run_as(&world, &world.root, "k", &hello())
        .await
        .assert_status(202);
    world.settle().await;
    assert_eq!(world.launcher.launched().len(), 1);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let world = World::new().await;
    run_as(&world, &world.root, "k", &hello())
        .await
        .assert_status(202);
    let other = run_as(&world, &world.root, "k", &json!({"command": "false"})).await;
    insta::assert_snapshot!(other.shown(), @r#"422 {"code":"IDEMPOTENCY_MISMATCH","details":"use a new key for a new request","error":"this Idempotency-Key was used for another request"}"#);
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::new().await;
    let first = run_as(&world, &world.root, "k", &hello()).await;
    world.pass(KEPT - 1);
    let same = run_as(&world, &world.root, "k", &hello()).await;
    assert_eq!(same.text("execution_id"), first.text("execution_id"));
    world.pass(1);
    let new = run_as(&world, &world.root, "k", &json!({"command": "false"})).await;
    new.assert_status(202);
    assert_ne!(new.text("execution_id"), first.text("execution_id"));
    assert_eq!(count(&world).await, 2);
}

#[tokio::test]
async fn the_keys_of_two_people_never_meet() {
    let world = World::new().await;
    let developer = world.user("dev", Role::Developer).await;
    let own = run_as(&world, &world.root, "k", &hello()).await;
    let other = run_as(&world, &developer, "k", &json!({"command": "false"})).await;
    other.assert_status(202);
    assert_ne!(own.text("execution_id"), other.text("execution_id"));
}

#[tokio::test]
async fn the_same_request_twice_at_once_is_one_execution() {
    let world = World::new().await;
    let body = locked("prod");
    let (first, second, third) = tokio::join!(
        run_as(&world, &world.root, "k", &body),
        run_as(&world, &world.root, "k", &body),
        run_as(&world, &world.root, "k", &body),
    );
    assert_eq!(first.text("execution_id"), second.text("execution_id"));
    assert_eq!(first.text("execution_id"), third.text("execution_id"));
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let world = World::new().await;
    let holder = world.submit(&world.root, locked("prod")).await;
    let body = json!({"command": "true", "lock": "prod", "no_wait": true});
    run_as(&world, &world.root, "k", &body)
        .await
        .assert_status(409);
    world
        .delete(&world.root, &format!("/executions/{holder}"), Value::Null)
        .await
        .assert_status(200);
    run_as(&world, &world.root, "k", &body)
        .await
        .assert_status(202);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let world = World::new().await;
    let mut told = String::new();
    for key in [&b""[..], b"two words", b"k\xff", &[b'k'; 129]] {
        told += &run_as(&world, &world.root, key, &hello()).await.shown();
        told += "\n";
    }
    insta::assert_snapshot!(told, @r#"
    400 {"code":"INVALID_REQUEST","error":"Idempotency-Key must be 1 to 128 printable characters without spaces"}
    400 {"code":"INVALID_REQUEST","error":"Idempotency-Key must be 1 to 128 printable characters without spaces"}
    400 {"code":"INVALID_REQUEST","error":"Idempotency-Key must be printable"}
    400 {"code":"INVALID_REQUEST","error":"Idempotency-Key must be 1 to 128 printable characters without spaces"}
    "#);
    run_as(&world, &world.root, [b'k'; 128], &hello())
        .await
        .assert_status(202);
    assert_eq!(count(&world).await, 1);
}
