//! `/users`: creating people, revoking them, changing what they may do, replacing their keys.

mod bad_input;
mod last_admin;
mod rotate;

use runvoy_core::role::Role;
use serde_json::{Value, json};

use crate::harness::{World, hello, locked};

#[tokio::test]
async fn addresses_are_the_same_however_they_are_typed() {
    let world = World::new().await;
    let body = json!({"email": " Alice@Example.COM ", "show_key": true});
    let created = world.post(&world.root, "/users/create", body).await;
    assert_eq!(created.json["user"]["email"], "alice@example.com");
    assert_eq!(created.json["user"]["role"], "developer");
    let revoked = world
        .post(
            &world.root,
            "/users/revoke",
            json!({"email": "ALICE@example.com"}),
        )
        .await;
    insta::assert_snapshot!(revoked.shown(), @r#"200 {"cancelled":[],"email":"alice@example.com","message":"alice@example.com was revoked","running":[]}"#);
}

#[tokio::test]
async fn a_revocation_counts_from_the_next_request_on() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Admin).await;
    world.get(&alice, "/whoami").await.assert_status(200);
    world
        .post(&world.root, "/users/revoke", json!({"email": alice.email}))
        .await
        .assert_status(200);
    let refused = world.get(&alice, "/whoami").await;
    insta::assert_snapshot!(refused.shown(), @r#"401 {"code":"API_KEY_REVOKED","details":"ask an admin for a new one: runvoy users rotate EMAIL","error":"the API key was revoked at 2025-06-15T15:06:40Z"}"#);
    let run = world.post(&alice, "/run", hello()).await;
    assert_eq!(run.refusal(), (401, "API_KEY_REVOKED"));
    let users = world.get(&world.root, "/users").await;
    let users = users.json["users"].as_array().unwrap();
    let alice = users
        .iter()
        .find(|user| user["email"] == alice.email.as_str())
        .unwrap();
    assert_eq!(alice["revoked"], true);
}

#[tokio::test]
async fn a_revocation_cancels_what_is_queued_and_lists_what_runs() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let holder = world.run(&alice, locked("prod")).await;
    let queued = world.submit(&alice, locked("prod")).await;
    let others = world.submit(&world.root, locked("prod")).await;
    let revoked = world
        .post(&world.root, "/users/revoke", json!({"email": alice.email}))
        .await;
    assert_eq!(revoked.json["cancelled"], json!([queued.as_str()]));
    assert_eq!(revoked.json["running"], json!([holder.id().as_str()]));
    assert_eq!(world.status(&queued).await, "STOPPED");
    assert_eq!(world.status(holder.id()).await, "RUNNING");
    holder.finish(0).await;
    assert_eq!(
        world.status(&others).await,
        "STARTING",
        "the line goes on without the cancelled"
    );
}

#[tokio::test]
async fn a_revocation_stops_what_runs_where_that_is_asked_for() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let agent = world.run(&alice, hello()).await;
    let body = json!({"email": alice.email, "kill": true});
    let revoked = world.post(&world.root, "/users/revoke", body).await;
    assert_eq!(revoked.json["running"], json!([agent.id().as_str()]));
    assert_eq!(agent.heartbeat().await.json["cancel"], true);
}

#[tokio::test]
async fn a_revoked_address_can_be_created_again_and_its_old_key_stays_dead() {
    let world = World::new().await;
    let old = world.user("alice", Role::Admin).await;
    world
        .post(&world.root, "/users/revoke", json!({"email": old.email}))
        .await
        .assert_status(200);
    let new = world.user("alice", Role::Viewer).await;
    assert_eq!(world.get(&new, "/whoami").await.text("role"), "viewer");
    assert_eq!(
        world.get(&old, "/whoami").await.refusal(),
        (401, "API_KEY_REVOKED")
    );
}

#[tokio::test]
async fn a_change_of_role_counts_from_the_next_request_on() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Viewer).await;
    assert_eq!(
        world.post(&alice, "/run", hello()).await.refusal(),
        (403, "FORBIDDEN")
    );
    let change = async |role: &str| {
        let body = json!({"email": alice.email, "role": role});
        world.post(&world.root, "/users/role", body).await
    };
    let changed = change("developer").await;
    insta::assert_snapshot!(changed.shown(), @r#"200 {"created_at":"2025-06-15T15:06:40Z","email":"alice@example.com","last_used":"2025-06-15T15:06:40Z","revoked":false,"role":"developer"}"#);
    world.submit(&alice, hello()).await;
    change("viewer").await.assert_status(200);
    let refused = world.post(&alice, "/run", hello()).await;
    insta::assert_snapshot!(refused.shown(), @r#"403 {"code":"FORBIDDEN","details":"ask an admin to do it, or to change your role: runvoy users role EMAIL ROLE","error":"the role viewer may not run commands"}"#);
}

#[tokio::test]
async fn a_queued_run_whose_key_was_replaced_is_denied_when_its_turn_comes() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let holder = world.run(&world.root, locked("prod")).await;
    let queued = world.submit(&alice, locked("prod")).await;
    let last = world.submit(&world.root, locked("prod")).await;
    world
        .post(&alice, "/users/rotate", Value::Null)
        .await
        .assert_status(200);
    assert_eq!(world.status(&queued).await, "QUEUED");
    holder.finish(0).await;
    denied(&world, &queued, "its key was revoked while it waited").await;
    assert_eq!(
        world.status(&last).await,
        "STARTING",
        "the next in line goes on"
    );
}

#[tokio::test]
async fn a_queued_run_whose_user_may_no_longer_run_is_denied_when_its_turn_comes() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let holder = world.run(&world.root, locked("prod")).await;
    let queued = world.submit(&alice, locked("prod")).await;
    let body = json!({"email": alice.email, "role": "viewer"});
    world
        .post(&world.root, "/users/role", body)
        .await
        .assert_status(200);
    holder.finish(0).await;
    denied(&world, &queued, "its user may no longer run commands").await;
}

#[tokio::test]
async fn a_queued_run_whose_key_expired_is_denied_when_its_turn_comes() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let holder = world.run(&world.root, locked("prod")).await;
    let queued = world.submit(&alice, locked("prod")).await;
    world
        .post(&alice, "/users/rotate", json!({"overlap": 60}))
        .await
        .assert_status(200);
    world.pass(60);
    holder.finish(0).await;
    denied(&world, &queued, "its key expired while it waited").await;
}

async fn denied(world: &World, id: &runvoy_core::id::ExecutionId, why: &str) {
    let ended = world.execution(id).await;
    let shown = (
        ended.text("status"),
        ended.text("reason"),
        ended.text("message"),
    );
    assert_eq!(shown, ("FAILED", "denied", why));
    let launched = world.launcher.launched();
    assert!(launched.iter().all(|attempt| attempt.execution() != id));
}
