//! A walk through every route: each success that is described is really answered.

use std::collections::BTreeSet;

use axum::http::Method;
use runvoy_core::role::Role;
use serde_json::{Value, json};

use super::{DOCUMENT, operations};
use crate::harness::{World, hello, locked};

/// Who walks, and what was answered on the way.
struct Walk {
    world: World,
    answered: BTreeSet<String>,
}

impl Walk {
    /// Asks as the first admin. `line` is the route as described, `path` the address.
    async fn ask(&mut self, line: &str, path: &str, body: Value) -> Value {
        let method: Method = line.split(' ').next().unwrap().parse().unwrap();
        let answer = self.world.call(&self.world.root, method, path, body).await;
        self.answered.insert(format!("{line} {}", answer.status));
        answer.json
    }

    async fn get(&mut self, template: &str, path: &str) -> Value {
        self.ask(&format!("GET {template}"), path, Value::Null)
            .await
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.ask(&format!("POST {path}"), path, body).await
    }
}

#[tokio::test]
async fn every_success_that_is_described_is_answered_as_described() {
    let mut walk = Walk {
        world: World::new().await,
        answered: BTreeSet::new(),
    };
    walk_executions(&mut walk).await;
    walk_people(&mut walk).await;
    walk_the_rest(&mut walk).await;
    let described = operations().flat_map(|(method, path, operation)| {
        let statuses = operation["responses"].as_object().unwrap().keys();
        let successes = statuses.filter(|status| status.as_str() < "400");
        successes.map(move |status| format!("{method} {path} {status}"))
    });
    let described: BTreeSet<String> = described.collect();
    assert_eq!(walk.answered, described);
}

async fn walk_executions(walk: &mut Walk) {
    let accepted = walk.post("/run", locked("prod")).await;
    let id = accepted["execution_id"].as_str().unwrap().to_owned();
    let waits = walk.post("/run", locked("prod")).await;
    assert_eq!(waits["queue"]["position"], 1);
    let waiting = waits["execution_id"].as_str().unwrap().to_owned();
    let mut agent = walk.world.start(&id.parse().unwrap()).await;
    agent.print(&["one", "two"]).await;
    let queued = format!("/executions/{waiting}");
    walk.get("/executions/{id}", &queued).await;
    walk.get(
        "/executions/{id}/status",
        &format!("/executions/{id}/status"),
    )
    .await;
    for parameters in ["", "?after=0", "?after=1&limit=1&wait=0"] {
        let path = format!("/executions/{id}/logs{parameters}");
        walk.get("/executions/{id}/logs", &path).await;
    }
    walk.get("/locks", "/locks").await;
    let lock = walk.get("/locks/{name}", "/locks/prod").await;
    assert_eq!(lock["queue"][0]["execution_id"], waiting.as_str());
    let force = json!({"force": true, "reason": "a test", "even_if_running": true});
    walk.ask("DELETE /locks/{name}", "/locks/prod", force).await;
    let another = walk.post("/run", hello()).await;
    let another = another["execution_id"].as_str().unwrap().to_owned();
    let kill = format!("/executions/{another}/kill");
    for _ in 0..2 {
        walk.ask("DELETE /executions/{id}", &queued, Value::Null)
            .await;
        walk.ask("POST /executions/{id}/kill", &kill, Value::Null)
            .await;
        walk.world.settle().await;
    }
    walk.get(
        "/executions",
        "/executions?limit=1&status=QUEUED,STOPPED,FAILED,RUNNING",
    )
    .await;
}

async fn walk_people(walk: &mut Walk) {
    let invited = json!({"email": "new@example.com", "role": "viewer"});
    let invited = walk.post("/users/create", invited).await;
    let token = invited["claim_token"].as_str().unwrap().to_owned();
    let claim = format!("/claim/{token}");
    walk.ask("POST /claim/{token}", &claim, json!({})).await;
    let shown = json!({"email": "other@example.com", "claim_ttl": 60});
    let invited = walk.post("/users/create", shown).await;
    let token = invited["claim_token"].as_str().unwrap().to_owned();
    walk.get("/claim/{token}", &format!("/claim/{token}")).await;
    let role = json!({"email": "new@example.com", "role": "operator"});
    walk.post("/users/role", role).await;
    walk.get("/users", "/users").await;
    let rotate = json!({"email": "new@example.com", "overlap": 60});
    walk.post("/users/rotate", rotate).await;
    let revoke = json!({"email": "new@example.com", "kill": true});
    walk.post("/users/revoke", revoke).await;
    walk.get("/whoami", "/whoami").await;
}

async fn walk_the_rest(walk: &mut Walk) {
    walk.get("/health", "/health").await;
    walk.get("/audit", "/audit?limit=2&since=2020-01-01T00:00:00Z")
        .await;
    walk.get("/openapi.json", "/openapi.json").await;
    // Asked for below.
    walk.answered.insert("GET /openapi.json 304".to_owned());
}

#[tokio::test]
async fn the_description_is_served_to_anybody_and_only_once_to_who_has_it() {
    let world = World::new().await;
    let path = "/api/v1/openapi.json";
    let nobody = crate::harness::caller::Caller::anonymous();
    let answer = world.send(nobody.raw(Method::GET, path, "")).await;
    answer.assert_status(200);
    assert!(
        answer.json == *DOCUMENT,
        "cargo xtask openapi, and build again"
    );
    let tag = answer.header("etag").unwrap().to_owned();
    for (known, status) in [
        (tag.clone(), 304),
        (format!("\"other\", W/{tag}"), 304),
        ("*".to_owned(), 304),
        ("\"other\"".to_owned(), 200),
    ] {
        let mut request = nobody.raw(Method::GET, path, "");
        let headers = request.headers_mut();
        headers.insert("if-none-match", known.parse().unwrap());
        let answer = world.send(request).await;
        answer.assert_status(status);
        assert_eq!(answer.bytes.is_empty(), status == 304);
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
    }
}

#[tokio::test]
async fn the_parameters_that_are_described_are_those_that_are_taken() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let mut asked = 0;
    for (method, path, operation) in operations() {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_query = parameters.filter(|parameter| parameter["in"] == "query");
        let described: BTreeSet<&str> = in_query
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        if described.is_empty() {
            continue;
        }
        asked += 1;
        assert_eq!(method, "GET");
        let path = path.replace("{id}", agent.id().as_str());
        let answer = world.get(&world.root, &format!("{path}?no-such=1")).await;
        answer.assert_status(400);
        // "unknown field `no-such`, expected one of `a`, `b`"
        let names = answer.text("error").split('`').skip(3).step_by(2);
        assert_eq!(names.collect::<BTreeSet<&str>>(), described, "{path}");
    }
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_every_route_with_a_body() {
    let world = World::new().await;
    let caller = world.user("alice", Role::Admin).await;
    for (method, path, operation) in operations() {
        if operation["requestBody"].is_null() {
            continue;
        }
        let path = path.replace("{name}", "prod").replace("{token}", "rvc_x");
        let method = method.parse().unwrap();
        let answer = world
            .call(&caller, method, &path, json!({"no_such": 1}))
            .await;
        assert_eq!(answer.refusal(), (400, "INVALID_REQUEST"), "{path}");
        assert!(answer.text("error").contains("no_such"), "{path}");
    }
}
