//! `/locks`: who holds what, who waits, and taking a lock away.

mod line;

use runvoy_core::id::ExecutionId;
use runvoy_core::role::Role;
use runvoy_ports::Presence;
use serde_json::{Value, json};

use crate::harness::{World, locked};

fn force() -> Value {
    json!({"force": true, "reason": "the holder's machine is gone"})
}

fn hand_on() -> Value {
    json!({"force": true, "reason": "two may run", "even_if_running": true})
}

#[tokio::test]
async fn bad_names_and_bodies_are_refused_and_unknown_locks_not_found() {
    let world = World::new().await;
    world.submit(&world.root, locked("prod")).await;
    let requests = [
        ("GET /locks/-prod", ""),
        ("GET /locks/a%20b", ""),
        ("DELETE /locks/%1B%5B31m", "{}"),
        ("GET /locks/other", ""),
        ("DELETE /locks/other", r#"{"force":true,"reason":"x"}"#),
        ("DELETE /locks/prod", "force"),
        ("DELETE /locks/prod", r#"{"forced":true}"#),
        ("DELETE /locks/prod", r#"{"force":"yes"}"#),
    ];
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    GET /locks/-prod
      400 {"code":"INVALID_REQUEST","error":"lock name must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not `-prod`"}
    GET /locks/a%20b
      400 {"code":"INVALID_REQUEST","error":"lock name must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not `a b`"}
    DELETE /locks/%1B%5B31m {}
      400 {"code":"INVALID_REQUEST","error":"lock name must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not `\\u{1b}[31m`"}
    GET /locks/other
      404 {"code":"NOT_FOUND","error":"no such lock: other"}
    DELETE /locks/other {"force":true,"reason":"x"}
      404 {"code":"NOT_FOUND","error":"no such lock: other"}
    DELETE /locks/prod force
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: expected ident at line 1 column 2"}
    DELETE /locks/prod {"forced":true}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: unknown field `forced`, expected one of `force`, `reason`, `even_if_running` at line 1 column 9"}
    DELETE /locks/prod {"force":"yes"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: string \"yes\", expected a boolean at line 1 column 14"}
    "#);
}

#[tokio::test]
async fn a_name_with_slashes_is_one_name() {
    let world = World::new().await;
    world.submit(&world.root, locked("prod/eu:db")).await;
    let answer = world.get(&world.root, "/locks/prod%2Feu%3Adb").await;
    assert_eq!(answer.text("name"), "prod/eu:db");
}

#[tokio::test]
async fn a_lock_shows_its_holder_its_fence_and_its_line() {
    let world = World::new().await;
    world.run(&world.root, locked("prod")).await;
    world.pass(5);
    world.submit(&world.root, locked("prod")).await;
    let answer = world.get(&world.root, "/locks/prod").await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"fence":1,"holder":{"execution_id":"[id]","since":"2025-06-15T15:06:40Z","status":"RUNNING","user":"root@example.com"},"name":"prod","queue":[{"execution_id":"[id]","position":1,"since":"2025-06-15T15:06:45Z"}],"waiting":1}"#);
    let list = world.get(&world.root, "/locks").await;
    insta::assert_snapshot!(list.shown(), @r#"200 [{"fence":1,"holder":{"execution_id":"[id]","since":"2025-06-15T15:06:40Z","status":"RUNNING","user":"root@example.com"},"name":"prod","waiting":1}]"#);
}

#[tokio::test]
async fn a_developer_sees_of_another_s_lock_only_id_and_since() {
    let world = World::new().await;
    let developer = world.user("dev", Role::Developer).await;
    world.run(&world.root, locked("prod")).await;
    let other = world.get(&developer, "/locks/prod").await;
    insta::assert_snapshot!(other.shown(), @r#"200 {"fence":1,"holder":{"execution_id":"[id]","since":"2025-06-15T15:06:40Z"},"name":"prod","waiting":0}"#);
    let busy = json!({"command": "true", "lock": "prod", "no_wait": true});
    let busy = world.post(&developer, "/run", busy).await;
    insta::assert_snapshot!(busy.shown(), @r#"409 {"code":"LOCK_BUSY","context":{"held_since":"2025-06-15T15:06:40Z","holder":"[id]"},"details":"execution [id] holds it since 2025-06-15T15:06:40Z; leave out --no-wait to wait in line","error":"the lock prod is busy"}"#);
    world.run(&developer, locked("staging")).await;
    let own = world.get(&developer, "/locks/staging").await;
    assert_eq!(own.json["holder"]["user"], "dev@example.com");
    assert_eq!(own.json["holder"]["status"], "RUNNING");
}

#[tokio::test]
async fn without_force_a_release_is_refused_and_says_how_to_stop_the_holder() {
    let world = World::new().await;
    world.run(&world.root, locked("prod")).await;
    for body in [
        Value::Null,
        json!({}),
        json!({"reason": "please", "even_if_running": true}),
    ] {
        let refused = world.delete(&world.root, "/locks/prod", body).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused.shown(), @r#"409 {"code":"LOCK_HELD","context":{"holder":"[id]"},"details":"stop its holder and the lock frees itself: runvoy kill [id]","error":"the lock prod is held by execution [id]"}"#);
        }
    }
}

#[tokio::test]
async fn a_release_by_force_needs_a_reason() {
    let world = World::new().await;
    world.run(&world.root, locked("prod")).await;
    for body in [
        json!({"force": true}),
        json!({"force": true, "reason": " "}),
    ] {
        let refused = world.delete(&world.root, "/locks/prod", body).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused.shown(), @r#"400 {"code":"INVALID_REQUEST","details":"add --reason TEXT; it is kept in the audit trail","error":"a release by force needs a reason"}"#);
        }
    }
}

#[tokio::test]
async fn a_holder_that_can_be_reached_keeps_its_lock_even_from_force() {
    let world = World::new().await;
    let agent = world.run(&world.root, locked("prod")).await;
    let refused = world.delete(&world.root, "/locks/prod", force()).await;
    insta::assert_snapshot!(refused.shown(), @r#"409 {"code":"LOCK_HELD","context":{"holder":"[id]"},"details":"its holder can be reached and runs; --even-if-running hands the lock on all the same, and two may run then","error":"the lock prod is held by execution [id]"}"#);
    let lock = world.get(&world.root, "/locks/prod").await;
    assert_eq!(lock.json["holder"]["execution_id"], agent.id().as_str());
}

#[tokio::test]
async fn force_takes_a_lock_from_a_holder_that_nobody_can_reach() {
    let world = World::new().await;
    let agent = world.run(&world.root, locked("prod")).await;
    let next = world.submit(&world.root, locked("prod")).await;
    world
        .launcher
        .set_presence(&agent.attempt, Presence::Unknown);
    world.app.drive(agent.id()).await.unwrap();
    let lock = world.get(&world.root, "/locks/prod").await;
    assert_eq!(
        lock.json["holder"]["unreachable_since"],
        "2025-06-15T15:06:40Z"
    );

    let released = world.delete(&world.root, "/locks/prod", force()).await;
    insta::assert_snapshot!(released.shown(), @r#"200 {"message":"released; its holder may still run, and the next in line may run beside it","name":"prod","released_from":"[id]"}"#);
    world.settle().await;
    assert_eq!(holder(&world).await.as_deref(), Some(next.as_str()));
    assert_eq!(world.execution(agent.id()).await.json["lock_lost"], true);
    let audit = world.get(&world.root, "/audit?limit=1000").await;
    let entries = audit.json.as_array().unwrap();
    let entry = entries
        .iter()
        .find(|entry| entry["action"] == "lock.released")
        .unwrap();
    assert_eq!(entry["principal"], "root@example.com");
    assert!(
        entry["details"]
            .as_str()
            .unwrap()
            .ends_with("the holder's machine is gone")
    );
}

#[tokio::test]
async fn a_lock_may_be_handed_on_from_a_running_holder_only_on_express_demand() {
    let world = World::new().await;
    let first = world.run(&world.root, locked("prod")).await;
    let second = world.submit(&world.root, locked("prod")).await;
    let released = world.delete(&world.root, "/locks/prod", hand_on()).await;
    insta::assert_snapshot!(released.shown(), @r#"200 {"message":"released; its holder may still run, and the next in line may run beside it","name":"prod","released_from":"[id]"}"#);
    world.settle().await;
    assert_eq!(holder(&world).await.as_deref(), Some(second.as_str()));
    assert_eq!(world.status(first.id()).await, "RUNNING");

    first.finish(0).await;
    assert_eq!(
        holder(&world).await.as_deref(),
        Some(second.as_str()),
        "a late end frees nobody else's lock"
    );
}

#[tokio::test]
async fn a_lock_that_nobody_holds_cannot_be_released() {
    let world = World::new().await;
    let agent = world.run(&world.root, locked("prod")).await;
    agent.finish(0).await;
    let answer = world.delete(&world.root, "/locks/prod", force()).await;
    insta::assert_snapshot!(answer.shown(), @r#"404 {"code":"NOT_FOUND","error":"nobody holds the lock prod"}"#);
}

/// Who holds the lock `prod`.
async fn holder(world: &World) -> Option<String> {
    let lock = world.get(&world.root, "/locks/prod").await;
    let holder = lock.json["holder"]["execution_id"].as_str()?;
    holder.parse::<ExecutionId>().unwrap();
    Some(holder.to_owned())
}
