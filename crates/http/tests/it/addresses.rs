//! What the address alone decides: unknown ones, wrong methods, trailing slashes.

use axum::body::Body;
use axum::http::{Method, Request};
use runvoy_http::{agent_routes, user_routes};
use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::caller::Caller;

#[tokio::test]
async fn an_unknown_address_is_a_404_that_says_so() {
    let world = World::new().await;
    for address in [
        "/",
        "//",
        "/api",
        "/api/v1",
        "/api/v2/run",
        "/api/v1/nothing",
        "/run",
    ] {
        let answer = world.send(world.root.raw(Method::GET, address, "")).await;
        let shown = answer.shown();
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown, @r#"404 {"code":"NOT_FOUND","error":"no such address"}"#);
        }
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_a_405_that_says_so() {
    let world = World::new().await;
    let answer = world
        .call(&world.root, Method::PUT, "/run", Value::Null)
        .await;
    insta::assert_snapshot!(answer.shown(), @r#"405 {"code":"INVALID_REQUEST","error":"this address does not take that method"}"#);
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[tokio::test]
async fn no_address_takes_a_method_that_is_not_listed() {
    let world = World::new().await;
    let listed: Vec<_> = user_routes().into_iter().chain(agent_routes()).collect();
    for route in &listed {
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        for method in methods {
            let is_listed = listed
                .iter()
                .any(|other| other.path == route.path && other.method == method);
            let path = route.path.replace(['{', '}'], "");
            let request = world.root.raw(method.clone(), &path, "");
            let answer = if path.starts_with("/agent/") {
                world.send_as_agent(request).await
            } else {
                world.send(request).await
            };
            assert_eq!(
                answer.status == 405,
                !is_listed,
                "{method} {path}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn neither_api_serves_the_other_s_addresses() {
    let world = World::new().await;
    for route in user_routes() {
        let request = world
            .root
            .raw(route.method, &route.path.replace(['{', '}'], ""), "");
        world.send_as_agent(request).await.assert_status(404);
    }
    for route in agent_routes() {
        let request = world
            .root
            .raw(route.method, &route.path.replace(['{', '}'], ""), "");
        world.send(request).await.assert_status(404);
    }
}

#[tokio::test]
async fn a_trailing_slash_changes_nothing() {
    let world = World::new().await;
    let agent = world
        .run(&world.root, json!({"command": "true", "lock": "prod"}))
        .await;
    let id = agent.id();
    for path in [
        "/health".to_owned(),
        "/executions".to_owned(),
        format!("/executions/{id}"),
        format!("/executions/{id}/status"),
        format!("/executions/{id}/logs"),
        "/locks".to_owned(),
        "/locks/prod".to_owned(),
        "/users".to_owned(),
        "/whoami".to_owned(),
    ] {
        let plain = world.get(&world.root, &path).await;
        plain.assert_status(200);
        let slashed = world.get(&world.root, &format!("{path}/")).await;
        assert_eq!(
            (slashed.status, slashed.json),
            (plain.status, plain.json),
            "{path}"
        );
    }
    let queried = world
        .get(&world.root, "/executions/?status=SUCCEEDED")
        .await;
    assert_eq!(queried.json, json!([]));
    let body = json!({"command": "true"});
    world
        .post(&world.root, "/run/", body)
        .await
        .assert_status(202);
}

#[tokio::test]
async fn an_address_that_is_no_text_is_refused_like_any_bad_input() {
    let world = World::new().await;
    let answer = world.get(&world.root, "/executions/%FF").await;
    insta::assert_snapshot!(answer.shown(), @r#"400 {"code":"INVALID_REQUEST","error":"the address cannot be read"}"#);
    let claim = world
        .post(&Caller::anonymous(), "/claim/%FF", Value::Null)
        .await;
    insta::assert_snapshot!(claim.shown(), @r#"400 {"code":"INVALID_REQUEST","error":"the address cannot be read"}"#);
}

#[tokio::test]
async fn a_request_s_own_id_is_not_taken_over() {
    let world = World::new().await;
    let request = Request::get("/api/v1/health").header("x-request-id", "mine");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_ne!(answer.header("x-request-id"), Some("mine"));
}
