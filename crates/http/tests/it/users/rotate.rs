//! `POST /users/rotate`: a new key, and for a while the old one too.

use runvoy_core::role::Role;
use runvoy_testkit::sample;
use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::caller::Caller;

async fn rotate(world: &World, caller: &Caller, overlap: u64) -> Caller {
    let answer = world
        .post(caller, "/users/rotate", json!({"overlap": overlap}))
        .await;
    answer.assert_status(200);
    caller.with_key(answer.text("api_key"))
}

async fn is_live(world: &World, caller: &Caller) -> bool {
    world.get(caller, "/whoami").await.status == 200
}

#[tokio::test]
async fn without_an_overlap_the_old_key_ends_at_once() {
    let world = World::new().await;
    let old = world.user("alice", Role::Viewer).await;
    let answer = world.post(&old, "/users/rotate", Value::Null).await;
    assert_eq!(answer.text("old_keys_end_at"), "2025-06-15T15:06:40Z");
    let new = old.with_key(answer.text("api_key"));
    assert!(is_live(&world, &new).await);
    assert_eq!(
        world.get(&old, "/whoami").await.refusal(),
        (401, "API_KEY_REVOKED")
    );
}

#[tokio::test]
async fn with_an_overlap_both_keys_work_until_it_is_over() {
    let world = World::new().await;
    let old = world.user("alice", Role::Developer).await;
    let new = rotate(&world, &old, 3600).await;
    world.pass(3599);
    assert!(is_live(&world, &old).await && is_live(&world, &new).await);
    let ends = world.get(&old, "/whoami").await;
    assert_eq!(ends.text("key_expires_at"), "2025-06-15T16:06:40Z");
    assert!(world.get(&new, "/whoami").await.json["key_expires_at"].is_null());
    world.pass(1);
    let refused = world.get(&old, "/whoami").await;
    insta::assert_snapshot!(refused.shown(), @r#"401 {"code":"API_KEY_EXPIRED","details":"ask an admin for a new one: runvoy users rotate EMAIL","error":"the API key expired at 2025-06-15T16:06:40Z"}"#);
    assert!(is_live(&world, &new).await);
}

#[tokio::test]
async fn never_more_than_two_keys_are_live() {
    let world = World::new().await;
    let first = world.user("alice", Role::Developer).await;
    let second = rotate(&world, &first, 3600).await;
    let third = rotate(&world, &second, 3600).await;
    assert!(!is_live(&world, &first).await);
    assert!(is_live(&world, &second).await && is_live(&world, &third).await);
}

#[tokio::test]
async fn a_later_rotation_never_lengthens_an_old_key_s_time() {
    let world = World::new().await;
    let first = world.user("alice", Role::Developer).await;
    rotate(&world, &first, 60).await;
    rotate(&world, &first, 3600).await;
    world.pass(60);
    assert!(!is_live(&world, &first).await);
}

#[tokio::test]
async fn a_revocation_ends_both_keys() {
    let world = World::new().await;
    let first = world.user("alice", Role::Developer).await;
    let second = rotate(&world, &first, 3600).await;
    world
        .post(&world.root, "/users/revoke", json!({"email": first.email}))
        .await
        .assert_status(200);
    assert!(!is_live(&world, &first).await && !is_live(&world, &second).await);
}

#[tokio::test]
async fn a_change_of_role_reaches_both_keys() {
    let world = World::new().await;
    let first = world.user("alice", Role::Developer).await;
    let second = rotate(&world, &first, 3600).await;
    let body = json!({"email": first.email, "role": "viewer"});
    world
        .post(&world.root, "/users/role", body)
        .await
        .assert_status(200);
    for caller in [first, second] {
        assert_eq!(world.get(&caller, "/whoami").await.text("role"), "viewer");
    }
}

#[tokio::test]
async fn a_caller_who_makes_the_key_sends_only_its_hash() {
    let world = World::new().await;
    let old = world.user("alice", Role::Developer).await;
    let body = json!({"api_key_sha256": sample::hash(3).to_string()});
    let answer = world.post(&old, "/users/rotate", body.clone()).await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"email":"alice@example.com","old_keys_end_at":"2025-06-15T15:06:40Z"}"#);
    let new = old.with_key(sample::api_key(3).expose());
    assert!(is_live(&world, &new).await);
    let again = world.post(&new, "/users/rotate", body).await;
    insta::assert_snapshot!(again.shown(), @r#"409 {"code":"CONFLICT","error":"this key is registered already"}"#);
    assert!(is_live(&world, &new).await);
}

#[tokio::test]
async fn an_admin_replaces_the_key_of_somebody_who_lost_it() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let answer = world
        .post(&world.root, "/users/rotate", json!({"email": alice.email}))
        .await;
    assert_eq!(answer.text("email"), alice.email);
    assert!(is_live(&world, &alice.with_key(answer.text("api_key"))).await);
    assert!(!is_live(&world, &alice).await);
    assert!(is_live(&world, &world.root).await);
}

#[tokio::test]
async fn answers_say_when_the_key_ends_from_two_weeks_before_on() {
    const DAY: u64 = 24 * 3600;
    let world = World::new().await;
    let old = world.user("alice", Role::Developer).await;
    let new = rotate(&world, &old, 20 * DAY).await;
    let ends = async |caller: &Caller, path: &str| {
        let answer = world.get(caller, path).await;
        answer.header("x-runvoy-key-expires").map(str::to_owned)
    };
    world.pass(6 * DAY - 1);
    assert_eq!(ends(&old, "/whoami").await, None);
    world.pass(1);
    let end = Some("2025-07-05T15:06:40Z".to_owned());
    assert_eq!(ends(&old, "/whoami").await, end);
    // Refusals after the key was checked say it too.
    assert_eq!(ends(&old, "/users").await, end);
    assert_eq!(ends(&old, "/executions/nothing").await, end);
    assert_eq!(ends(&new, "/whoami").await, None);
    assert_eq!(ends(&Caller::anonymous(), "/health").await, None);
    let run = world.post(&old, "/run", json!({"command": "true"})).await;
    assert_eq!(run.header("x-runvoy-key-expires"), end.as_deref());
    world.pass(14 * DAY);
    assert_eq!(ends(&old, "/whoami").await, None);
}
