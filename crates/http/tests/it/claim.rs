//! `/claim/{token}`: an invitation becomes a key, once.

use axum::body::Body;
use axum::http::{Method, Request};
use runvoy_testkit::sample;
use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::answer::Answer;
use crate::harness::caller::Caller;

/// Invites alice, and answers the token.
async fn invite(world: &World, role: &str) -> String {
    let body = json!({"email": "alice@example.com", "role": role});
    let answer = world.post(&world.root, "/users/create", body).await;
    answer.assert_status(201);
    answer.text("claim_token").to_owned()
}

async fn claim(world: &World, token: &str, key: u8) -> Answer {
    let body = json!({"api_key_sha256": sample::hash(key).to_string()});
    world
        .post(&Caller::anonymous(), &format!("/claim/{token}"), body)
        .await
}

fn alice(key: u8) -> Caller {
    Caller::new("alice@example.com", sample::api_key(key).expose())
}

#[tokio::test]
async fn a_token_becomes_the_key_that_the_caller_made() {
    let world = World::new().await;
    let token = invite(&world, "operator").await;
    let claimed = claim(&world, &token, 1).await;
    insta::assert_snapshot!(claimed.shown(), @r#"200 {"message":"keep the key: it is not shown again","role":"operator","user_email":"alice@example.com"}"#);
    let who = world.get(&alice(1), "/whoami").await;
    insta::assert_snapshot!(who.shown(), @r#"200 {"email":"alice@example.com","role":"operator"}"#);
}

#[tokio::test]
async fn the_same_claim_again_gets_the_same_answer() {
    let world = World::new().await;
    let token = invite(&world, "developer").await;
    let first = claim(&world, &token, 1).await;
    world.pass(24 * 60 * 60);
    let again = claim(&world, &token, 1).await;
    assert_eq!((again.status, again.json), (200, first.json));
}

#[tokio::test]
async fn another_claim_of_the_same_token_is_refused_and_says_when_it_was_used() {
    let world = World::new().await;
    let token = invite(&world, "developer").await;
    claim(&world, &token, 1).await.assert_status(200);
    let other = claim(&world, &token, 2).await;
    insta::assert_snapshot!(other.shown(), @r#"409 {"code":"CLAIM_USED","details":"if that was not you, tell your admin at once; ask your admin for a new line: runvoy users create EMAIL, or runvoy users rotate EMAIL","error":"this claim token was used at 2025-06-15T15:06:40Z"}"#);
    world.get(&alice(2), "/whoami").await.assert_status(401);
    world.get(&alice(1), "/whoami").await.assert_status(200);
}

#[tokio::test]
async fn of_two_claims_at_once_one_wins() {
    let world = World::new().await;
    let token = invite(&world, "developer").await;
    let (first, second) = tokio::join!(claim(&world, &token, 1), claim(&world, &token, 2));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test]
async fn a_token_works_a_quarter_of_an_hour_where_nothing_else_is_said() {
    let world = World::new().await;
    let early = invite(&world, "developer").await;
    world.pass(15 * 60 - 1);
    claim(&world, &early, 1).await.assert_status(200);

    let world = World::new().await;
    let late = invite(&world, "developer").await;
    world.pass(15 * 60);
    let expired = claim(&world, &late, 1).await;
    insta::assert_snapshot!(expired.shown(), @r#"409 {"code":"CLAIM_EXPIRED","details":"ask your admin for a new line: runvoy users create EMAIL, or runvoy users rotate EMAIL","error":"this claim token expired at 2025-06-15T15:21:40Z"}"#);
    world.get(&alice(1), "/whoami").await.assert_status(401);
}

#[tokio::test]
async fn a_token_works_as_long_as_the_admin_says() {
    let world = World::new().await;
    let body = json!({"email": "alice@example.com", "claim_ttl": 60});
    let answer = world.post(&world.root, "/users/create", body).await;
    assert_eq!(answer.text("claim_expires_at"), "2025-06-15T15:07:40Z");
    world.pass(60);
    let expired = claim(&world, answer.text("claim_token"), 1).await;
    assert_eq!(expired.refusal(), (409, "CLAIM_EXPIRED"));
}

#[tokio::test]
async fn a_token_that_is_none_and_one_that_nobody_made_are_told_apart() {
    let world = World::new().await;
    let unknown = sample::claim_token(1);
    let requests = [
        ("POST /claim/nonsense".to_owned(), "{}"),
        (format!("POST /claim/{}x", &unknown.expose()[..39]), "{}"),
        (format!("POST /claim/{}", unknown.expose()), "{}"),
        (
            format!("POST /claim/{}", unknown.expose()),
            r#"{"api_key":"x"}"#,
        ),
        (
            format!("POST /claim/{}", unknown.expose()),
            r#"{"api_key_sha256":"x"}"#,
        ),
    ];
    let requests: Vec<_> = requests
        .iter()
        .map(|(line, body)| (line.as_str(), *body))
        .collect();
    insta::assert_snapshot!(world.transcript(&Caller::anonymous(), &requests).await, @r#"
    POST /claim/nonsense {}
      400 {"code":"INVALID_REQUEST","error":"claim token is mistyped or cut off: it begins with rvc_ and has 40 characters"}
    POST /claim/rvc_040g2081040g2081040g2081040g2081qh6x {}
      400 {"code":"INVALID_REQUEST","error":"claim token is mistyped or cut off: it begins with rvc_ and has 40 characters"}
    POST /claim/rvc_040g2081040g2081040g2081040g2081qh6s {}
      404 {"code":"NOT_FOUND","details":"check that the endpoint is the one in the line that your admin sent","error":"no such claim token"}
    POST /claim/rvc_040g2081040g2081040g2081040g2081qh6s {"api_key":"x"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: unknown field `api_key`, expected `api_key_sha256` at line 1 column 10"}
    POST /claim/rvc_040g2081040g2081040g2081040g2081qh6s {"api_key_sha256":"x"}
      400 {"code":"INVALID_REQUEST","error":"API key hash must be the standard base64 of a SHA-256"}
    "#);
}

#[tokio::test]
async fn a_page_view_does_not_burn_a_token() {
    let world = World::new().await;
    let token = invite(&world, "developer").await;
    for content_type in [
        None,
        Some("text/html"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let mut request = Request::get(format!("/api/v1/claim/{token}"));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.shown(), @r#"400 {"code":"INVALID_REQUEST","details":"use the command line: runvoy claim TOKEN --endpoint URL","error":"a claim is not a page to look at"}"#);
        }
    }
    claim(&world, &token, 1).await.assert_status(200);
}

#[tokio::test]
async fn a_claim_without_a_hash_gets_a_key_of_the_server_s_making() {
    let world = World::new().await;
    let token = invite(&world, "viewer").await;
    let path = format!("/claim/{token}");
    let answer = world
        .call(&Caller::anonymous(), Method::POST, &path, Value::Null)
        .await;
    let caller = Caller::new("alice@example.com", answer.text("api_key"));
    assert_eq!(world.get(&caller, "/whoami").await.text("role"), "viewer");
    let again = world
        .call(&Caller::anonymous(), Method::POST, &path, Value::Null)
        .await;
    assert_eq!(again.refusal(), (409, "CLAIM_USED"));
}

#[tokio::test]
async fn a_revoked_person_s_token_is_refused() {
    let world = World::new().await;
    let token = invite(&world, "developer").await;
    let body = json!({"email": "alice@example.com"});
    world
        .post(&world.root, "/users/revoke", body)
        .await
        .assert_status(200);
    let refused = claim(&world, &token, 1).await;
    insta::assert_snapshot!(refused.shown(), @r#"403 {"code":"FORBIDDEN","details":"ask your admin for a new line: runvoy users create EMAIL, or runvoy users rotate EMAIL","error":"this claim token was withdrawn"}"#);
}

#[tokio::test]
async fn the_role_is_the_one_that_the_person_has_when_they_claim() {
    let world = World::new().await;
    let token = invite(&world, "admin").await;
    let body = json!({"email": "alice@example.com", "role": "viewer"});
    world
        .post(&world.root, "/users/role", body)
        .await
        .assert_status(200);
    claim(&world, &token, 1).await.assert_status(200);
    assert_eq!(world.get(&alice(1), "/whoami").await.text("role"), "viewer");
}

#[tokio::test]
async fn a_claim_is_in_the_audit_trail_without_token_or_key() {
    let world = World::new().await;
    let token = invite(&world, "developer").await;
    claim(&world, &token, 1).await.assert_status(200);
    let audit = world
        .get(&world.root, "/audit?user=alice@example.com")
        .await;
    let actions: Vec<_> = audit
        .json
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].clone())
        .collect();
    assert_eq!(actions, ["key.claimed", "user.created"]);
    let text = audit.json.to_string();
    assert!(!text.contains(&token) && !text.contains(sample::api_key(1).expose()));
}

#[tokio::test]
async fn an_invitation_from_before_a_revocation_is_void_for_ever() {
    let world = World::new().await;
    let old = invite(&world, "developer").await;
    world.pass(1);
    let body = json!({"email": "alice@example.com"});
    world
        .post(&world.root, "/users/revoke", body)
        .await
        .assert_status(200);
    let new = invite(&world, "admin").await;
    claim(&world, &new, 1).await.assert_status(200);
    let refused = claim(&world, &old, 2).await;
    insta::assert_snapshot!(refused.shown(), @r#"403 {"code":"FORBIDDEN","details":"ask your admin for a new line: runvoy users create EMAIL, or runvoy users rotate EMAIL","error":"this claim token was withdrawn"}"#);
    world.get(&alice(2), "/whoami").await.assert_status(401);
}
