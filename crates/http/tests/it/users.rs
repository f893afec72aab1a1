//! `/users`: creating people, revoking them, changing what they may do, replacing their keys.

mod last_admin;
mod rotate;

use runvoy_core::role::Role;
use serde_json::{Value, json};

use crate::harness::{World, hello, locked};

#[tokio::test]
async fn bad_people_are_refused_with_what_they_may_be() {
    let world = World::new().await;
    let requests = [
        ("POST /users/create", ""),
        ("POST /users/create", r#"{"email":""}"#),
        ("POST /users/create", r#"{"email":"nobody"}"#),
        ("POST /users/create", r#"{"email":"a b@c.d"}"#),
        ("POST /users/create", r#"{"email":"a@b.c","role":"root"}"#),
        ("POST /users/create", r#"{"email":"a@b.c","role":"Admin"}"#),
        (
            "POST /users/create",
            r#"{"email":"a@b.c","api_key":"short"}"#,
        ),
        (
            "POST /users/create",
            r#"{"email":"a@b.c","api_key":"rvy_0000000000000000000000000000000000"}"#,
        ),
        (
            "POST /users/create",
            r#"{"email":"a@b.c","claim_ttl":604801}"#,
        ),
        ("POST /users/create", r#"{"email":"a@b.c","name":"A"}"#),
        ("POST /users/create", r#"{"email":"root@example.com"}"#),
        ("POST /users/revoke", r#"{"email":"nobody"}"#),
        ("POST /users/revoke", r#"{"email":"nobody@example.com"}"#),
        (
            "POST /users/role",
            r#"{"email":"nobody@example.com","role":"viewer"}"#,
        ),
        ("POST /users/role", r#"{"email":"root@example.com"}"#),
        (
            "POST /users/role",
            r#"{"email":"root@example.com","role":""}"#,
        ),
        ("POST /users/rotate", r#"{"email":"nobody@example.com"}"#),
        ("POST /users/rotate", r#"{"overlap":2592001}"#),
        ("POST /users/rotate", r#"{"overlap":-1}"#),
        ("POST /users/rotate", r#"{"api_key_sha256":"abc"}"#),
        ("POST /users/rotate", r#"{"key":"abc"}"#),
    ];
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /users/create
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: missing field `email` at line 1 column 2"}
    POST /users/create {"email":""}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not ``"}
    POST /users/create {"email":"nobody"}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `nobody`"}
    POST /users/create {"email":"a b@c.d"}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `a b@c.d`"}
    POST /users/create {"email":"a@b.c","role":"root"}
      400 {"code":"INVALID_REQUEST","error":"role must be viewer, developer, operator or admin, not `root`"}
    POST /users/create {"email":"a@b.c","role":"Admin"}
      400 {"code":"INVALID_REQUEST","error":"role must be viewer, developer, operator or admin, not `Admin`"}
    POST /users/create {"email":"a@b.c","api_key":"short"}
      400 {"code":"INVALID_REQUEST","error":"API key must be 20 to 200 printable characters without spaces"}
    POST /users/create {"email":"a@b.c","api_key":"rvy_0000000000000000000000000000000000"}
      400 {"code":"INVALID_REQUEST","error":"API key is mistyped or cut off (its checksum does not match)"}
    POST /users/create {"email":"a@b.c","claim_ttl":604801}
      400 {"code":"INVALID_REQUEST","error":"a claim token works for at most 7 days"}
    POST /users/create {"email":"a@b.c","name":"A"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: unknown field `name`, expected one of `email`, `role`, `api_key`, `claim_ttl`, `show_key` at line 1 column 23"}
    POST /users/create {"email":"root@example.com"}
      409 {"code":"CONFLICT","details":"change the role: runvoy users role root@example.com ROLE; give a new key: runvoy users rotate root@example.com","error":"root@example.com exists already, as admin"}
    POST /users/revoke {"email":"nobody"}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `nobody`"}
    POST /users/revoke {"email":"nobody@example.com"}
      404 {"code":"NOT_FOUND","details":"see: runvoy users list","error":"no active user nobody@example.com"}
    POST /users/role {"email":"nobody@example.com","role":"viewer"}
      404 {"code":"NOT_FOUND","details":"see: runvoy users list","error":"no active user nobody@example.com"}
    POST /users/role {"email":"root@example.com"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: missing field `role` at line 1 column 28"}
    POST /users/role {"email":"root@example.com","role":""}
      400 {"code":"INVALID_REQUEST","error":"role must be viewer, developer, operator or admin, not ``"}
    POST /users/rotate {"email":"nobody@example.com"}
      404 {"code":"NOT_FOUND","details":"see: runvoy users list","error":"no active user nobody@example.com"}
    POST /users/rotate {"overlap":2592001}
      400 {"code":"INVALID_REQUEST","error":"overlap is at most 30 days"}
    POST /users/rotate {"overlap":-1}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid value: integer `-1`, expected u64 at line 1 column 13"}
    POST /users/rotate {"api_key_sha256":"abc"}
      400 {"code":"INVALID_REQUEST","error":"API key hash must be the standard base64 of a SHA-256"}
    POST /users/rotate {"key":"abc"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: unknown field `key`, expected one of `email`, `api_key_sha256`, `overlap` at line 1 column 6"}
    "#);
    let users = world.get(&world.root, "/users").await;
    assert_eq!(users.json["users"].as_array().unwrap().len(), 1);
}

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
