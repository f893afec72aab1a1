//! `/audit`: who changed what, when, by which request.

use runvoy_core::role::Role;
use serde_json::{Value, json};

use crate::harness::{World, locked};

#[tokio::test]
async fn bad_filters_are_refused() {
    let world = World::new().await;
    let requests = [
        "GET /audit?limit=0",
        "GET /audit?limit=1001",
        "GET /audit?user=nobody",
        "GET /audit?execution=abc",
        "GET /audit?since=yesterday",
        "GET /audit?cursor=abc",
        "GET /audit?action=user.created",
    ]
    .map(|line| (line, ""));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    GET /audit?limit=0
      400 {"code":"INVALID_REQUEST","error":"limit must be from 1 to 1000"}
    GET /audit?limit=1001
      400 {"code":"INVALID_REQUEST","error":"limit must be from 1 to 1000"}
    GET /audit?user=nobody
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `nobody`"}
    GET /audit?execution=abc
      400 {"code":"INVALID_REQUEST","error":"execution id must be 32 lower-case hex digits, not `abc`"}
    GET /audit?since=yesterday
      400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: since: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y"}
    GET /audit?cursor=abc
      400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: cursor: operation id must be 32 hex digits"}
    GET /audit?action=user.created
      400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: action: unknown field `action`, expected one of `user`, `execution`, `since`, `limit`, `cursor`"}
    "#);
}

#[tokio::test]
async fn the_whole_life_of_an_execution_is_told_in_order() {
    let world = World::new().await;
    let holder = world.run(&world.root, locked("prod")).await;
    let id = world.submit(&world.root, locked("prod")).await;
    holder.finish(0).await;
    let agent = world.start(&id).await;
    let path = format!("/executions/{id}");
    world
        .delete(&world.root, &path, Value::Null)
        .await
        .assert_status(200);
    agent.finish(0).await;
    let told = world.audited(&id).await;
    assert_eq!(
        told,
        [
            "execution.created",
            "execution.admitted",
            "execution.launch_intended",
            "execution.launch_accepted",
            "execution.started",
            "execution.stop_asked",
            "execution.ended",
            "execution.closed",
        ]
    );
}

#[tokio::test]
async fn an_entry_names_the_person_the_request_and_the_thing() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Admin).await;
    let body = json!({"email": "bob@example.com", "role": "viewer"});
    let created = world.post(&alice, "/users/create", body).await;
    let trail = world.get(&world.root, "/audit?limit=1").await;
    let entry = &trail.json[0];
    assert_eq!(entry["request_id"].as_str(), created.header("x-request-id"));
    let shown = json!([
        entry["principal"],
        entry["action"],
        entry["user"],
        entry["details"],
        entry["at"]
    ]);
    insta::assert_snapshot!(shown.to_string(), @r#"["alice@example.com","user.created","bob@example.com","role viewer","2025-06-15T15:06:40Z"]"#);
}

#[tokio::test]
async fn pages_follow_their_links_newest_first_and_filters_narrow_them_down() {
    let world = World::new().await;
    for name in ["alice", "bob", "carol", "dave"] {
        world.user(name, Role::Viewer).await;
        world.pass(60);
    }
    let (mut path, mut people) = (
        "/audit?limit=2&since=2025-06-15T15:07:40Z".to_owned(),
        Vec::new(),
    );
    loop {
        let page = world.get(&world.root, &path).await;
        page.assert_status(200);
        let entries = page.json.as_array().unwrap().iter();
        people.extend(entries.map(|entry| entry["user"].as_str().unwrap().to_owned()));
        let Some(link) = page.header("link") else {
            break;
        };
        let address = link.strip_prefix("</api/v1").unwrap();
        address
            .strip_suffix(">; rel=\"next\"")
            .unwrap()
            .clone_into(&mut path);
    }
    assert_eq!(
        people,
        ["dave@example.com", "carol@example.com", "bob@example.com"]
    );
    let bob = world.get(&world.root, "/audit?user=BOB@example.com").await;
    assert_eq!(bob.json.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_refused_is_not_told_as_done() {
    let world = World::new().await;
    let viewer = world.user("viewer", Role::Viewer).await;
    let before = world.get(&world.root, "/audit?limit=1000").await.json;
    world
        .post(&viewer, "/run", locked("prod"))
        .await
        .assert_status(403);
    world
        .post(&viewer, "/users/create", json!({"email": "a@b.c"}))
        .await
        .assert_status(403);
    world
        .post(
            &world.root,
            "/users/revoke",
            json!({"email": world.root.email}),
        )
        .await
        .assert_status(409);
    assert_eq!(
        world.get(&world.root, "/audit?limit=1000").await.json,
        before
    );
}
