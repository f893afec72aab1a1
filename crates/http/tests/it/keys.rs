//! Keys, as requests show them.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use runvoy_app::Actor;
use runvoy_core::role::Role;
use runvoy_http::{Gate, user_router};
use runvoy_testkit::sample;
use serde_json::json;
use tower::ServiceExt as _;

use crate::harness::World;
use crate::harness::answer::Answer;

async fn whoami(world: &World, headers: impl FnOnce(Builder) -> Builder) -> Answer {
    let request = headers(Request::get("/api/v1/whoami"));
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_request_without_a_good_key_learns_what_is_wrong_with_it() {
    let world = World::new().await;
    let key = sample::api_key(9);
    let unknown = key.expose();
    let mistyped = unknown.replacen('4', "5", 1);
    let cut = &unknown[..unknown.len() - 1];
    let values = [
        "",
        " ",
        "short",
        "not a key, but long enough",
        &mistyped,
        cut,
        unknown,
    ];
    let mut told = whoami(&world, |request| request).await.shown();
    for value in values {
        let answer = whoami(&world, |request| request.header("x-api-key", value)).await;
        write!(told, "\n{value:?}: {}", answer.shown()).unwrap();
    }
    let bytes = &b"\xff\xfe"[..];
    let garbled = whoami(&world, |request| request.header("x-api-key", bytes)).await;
    let basic = "Basic cm9vdDpyb290";
    let password = whoami(&world, |request| request.header("authorization", basic)).await;
    write!(
        told,
        "
garbled: {}",
        garbled.shown()
    )
    .unwrap();
    write!(
        told,
        "
{basic}: {}",
        password.shown()
    )
    .unwrap();
    insta::assert_snapshot!(told, @r#"
    401 {"code":"UNAUTHORIZED","details":"send it in the header X-API-Key, or set it up: runvoy configure","error":"no API key was sent"}
    "": 401 {"code":"INVALID_API_KEY","error":"API key must be 20 to 200 printable characters without spaces"}
    " ": 401 {"code":"INVALID_API_KEY","error":"API key must be 20 to 200 printable characters without spaces"}
    "short": 401 {"code":"INVALID_API_KEY","error":"API key must be 20 to 200 printable characters without spaces"}
    "not a key, but long enough": 401 {"code":"INVALID_API_KEY","error":"API key must be 20 to 200 printable characters without spaces"}
    "rvy_154gj289144gj289144gj289144gj289mhxj": 401 {"code":"INVALID_API_KEY","error":"API key is mistyped or cut off (its checksum does not match)"}
    "rvy_144gj289144gj289144gj289144gj289mhx": 401 {"code":"INVALID_API_KEY","error":"API key is mistyped or cut off (its checksum does not match)"}
    "rvy_144gj289144gj289144gj289144gj289mhxj": 401 {"code":"INVALID_API_KEY","details":"check api_key in ~/.runvoy/config.yaml and that the endpoint is the one it belongs to","error":"the API key is unknown"}
    garbled: 401 {"code":"UNAUTHORIZED","details":"send it in the header X-API-Key, or set it up: runvoy configure","error":"no API key was sent"}
    Basic cm9vdDpyb290: 401 {"code":"UNAUTHORIZED","details":"send it in the header X-API-Key, or set it up: runvoy configure","error":"no API key was sent"}
    "#);
}

#[tokio::test]
async fn a_key_may_come_as_a_bearer_token_too() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.root.key.as_ref().unwrap());
    let answer = whoami(&world, |request| request.header("authorization", bearer)).await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"email":"root@example.com","role":"admin"}"#);
}

#[tokio::test]
async fn a_key_of_another_system_works_as_it_is() {
    let world = World::new().await;
    let key = "abcdefghijklmnopqrstuvwxyz";
    let body = json!({"email": "old@example.com", "role": "viewer", "api_key": key});
    let created = world.post(&world.root, "/users/create", body.clone()).await;
    insta::assert_snapshot!(created.shown(), @r#"201 {"user":{"created_at":"2025-06-15T15:06:40Z","email":"old@example.com","last_used":null,"revoked":false,"role":"viewer"}}"#);
    let answer = whoami(&world, |request| request.header("x-api-key", key)).await;
    assert_eq!(answer.text("email"), "old@example.com");
    let mut again = body;
    again["email"] = json!("other@example.com");
    let again = world.post(&world.root, "/users/create", again).await;
    insta::assert_snapshot!(again.shown(), @r#"409 {"code":"CONFLICT","details":"bring another key","error":"this key is registered already"}"#);
}

#[tokio::test]
async fn no_answer_about_a_bad_key_repeats_it() {
    let world = World::new().await;
    let secret = "hunter2-hunter2-hunter2-hunter2";
    let answer = whoami(&world, |request| request.header("x-api-key", secret)).await;
    assert_eq!(answer.refusal(), (401, "INVALID_API_KEY"));
    assert!(!answer.json.to_string().contains("hunter2"));
}

#[tokio::test]
async fn the_use_of_a_key_is_seen_in_the_list_of_users() {
    let world = World::new().await;
    let viewer = world.user("viewer", Role::Viewer).await;
    let last_used = async || {
        let users = world.get(&world.root, "/users").await;
        let mut users = users.json["users"].as_array().unwrap().iter();
        users
            .find(|user| user["email"] == viewer.email.as_str())
            .unwrap()["last_used"]
            .clone()
    };
    assert!(last_used().await.is_null());
    world.pass(60);
    world.get(&viewer, "/whoami").await.assert_status(200);
    assert_eq!(last_used().await, "2025-06-15T15:07:40Z");
}

#[tokio::test]
async fn where_only_one_person_can_reach_the_router_nobody_is_asked_for_a_key() {
    let world = World::new().await;
    let actor = Actor {
        email: sample::email("alice"),
        role: Role::Admin,
        key: None,
    };
    let router = user_router(world.app.clone(), Gate::Only(actor));
    let request = Request::get("/api/v1/whoami").body(Body::empty()).unwrap();
    let answer = Answer::of(router.oneshot(request).await.unwrap()).await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"email":"alice@example.com","role":"admin"}"#);
}
