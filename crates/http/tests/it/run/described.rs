//! What the description lets be sent, and what is taken.

use axum::http::Method;
use runvoy_wire::BASE_PATH;
use serde_json::{Value, json};

use crate::harness::World;
use crate::openapi::check::Asked;

/// Whether the description lets a run be asked for in this way, and the status of the answer.
async fn asked(world: &World, body: &Value) -> (bool, u16) {
    let path = format!("{BASE_PATH}/run");
    let request = world.root.raw(Method::POST, &path, body.to_string());
    let (asked, request) = Asked::read(request).await;
    (asked.is_described(), world.send(request).await.status)
}

fn with(field: &str, value: &Value) -> Value {
    let mut body = json!({"command": "true"});
    body[field] = value.clone();
    body
}

#[tokio::test]
async fn what_is_not_described_is_refused() {
    let world = World::new().await;
    let fields = [
        ("argv", json!(["true"])),
        ("timeout", json!(86_401)),
        ("timeout", json!(-1)),
        ("grace", json!(700)),
        ("log_limit", json!(u64::MAX)),
        ("lock", json!(" x")),
        ("lock", json!("x".repeat(129))),
        ("workdir", json!("infra")),
        ("env", json!({"A=B": "1"})),
        ("env", json!({"RUNVOY_A": "1"})),
        ("secret_env", json!({"1A": "1"})),
        ("cpu", json!(-1)),
        ("cpu", json!("much")),
        ("memory", json!(-1)),
        ("memory", json!("2TB")),
    ];
    let mut bodies = vec![
        json!({}),
        json!({"command": null, "argv": null}),
        json!({"command": "true", "lock": "prod", "lock_timeout": 2_592_001}),
    ];
    bodies.extend(fields.iter().map(|(field, value)| with(field, value)));
    for body in bodies {
        assert_eq!(asked(&world, &body).await, (false, 400), "{body}");
    }
}

#[tokio::test]
async fn the_most_that_is_described_is_taken() {
    let world = World::new().await;
    let fields = [
        ("argv", Value::Null),
        ("timeout", json!(86_400)),
        ("grace", json!(600)),
        ("log_limit", json!(256 * 1024 * 1024)),
        ("lock", json!("prod/eu-1.a:b_c")),
        ("workdir", json!("/")),
        ("env", json!({"_A1": "1"})),
    ];
    let mut bodies = vec![
        json!({"argv": ["true"], "command": null}),
        json!({"command": "true", "lock": "prod", "lock_timeout": 2_592_000}),
    ];
    bodies.extend(fields.iter().map(|(field, value)| with(field, value)));
    for body in bodies {
        assert_eq!(asked(&world, &body).await, (true, 202), "{body}");
    }
}
