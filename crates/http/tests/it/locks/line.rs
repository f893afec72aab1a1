//! The line of a lock: first in, first out, each under a fence of its own.

use runvoy_core::role::Role;
use serde_json::{Value, json};

use crate::harness::{World, hello, locked};

#[tokio::test]
async fn the_line_is_served_in_order_each_under_a_larger_fence() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, locked("prod")).await;
    let mut waiting = Vec::new();
    for position in 1..=3 {
        let answer = world.post(&world.root, "/run", locked("prod")).await;
        assert_eq!(
            (answer.text("status"), &answer.json["queue"]["position"]),
            ("QUEUED", &json!(position))
        );
        waiting.push(answer.text("execution_id").parse().unwrap());
    }
    for (next, fence) in waiting.iter().zip(2..) {
        agent.finish(0).await;
        let started = world.execution(next).await;
        assert_eq!(
            (started.text("status"), &started.json["lock_fence"]),
            ("STARTING", &json!(fence))
        );
        agent = world.start(next).await;
    }
}

#[tokio::test]
async fn a_waiter_sees_its_place_and_whom_it_waits_for() {
    let world = World::new().await;
    let developer = world.user("dev", Role::Developer).await;
    world.run(&world.root, locked("prod")).await;
    world.submit(&world.root, locked("prod")).await;
    let id = world.submit(&developer, locked("prod")).await;
    let waiting = world.get(&developer, &format!("/executions/{id}")).await;
    assert_eq!(waiting.text("waiting_for"), "lock");
    assert_eq!(waiting.text("phase"), "waiting for the lock prod");
    insta::assert_snapshot!(crate::harness::answer::without_ids(&waiting.json["queue"].to_string()), @r#"{"deadline":"2025-06-15T16:06:40Z","held_since":"2025-06-15T15:06:40Z","holder":"[id]","lock":"prod","position":2}"#);
}

#[tokio::test]
async fn who_will_not_wait_is_refused_while_the_lock_is_held_or_others_wait() {
    let world = World::new().await;
    let wish = json!({"command": "true", "lock": "prod", "no_wait": true});
    let holder = world.submit(&world.root, wish.clone()).await;
    let busy = world.post(&world.root, "/run", wish.clone()).await;
    assert_eq!(busy.refusal(), (409, "LOCK_BUSY"));
    assert_eq!(busy.json["context"]["holder"], holder.as_str());

    let waiter = world.submit(&world.root, locked("prod")).await;
    world
        .delete(&world.root, &format!("/executions/{holder}"), Value::Null)
        .await
        .assert_status(200);
    // The lock is free now, and its line has not moved yet.
    let overtaking = world.post(&world.root, "/run", wish).await;
    insta::assert_snapshot!(overtaking.shown(), @r#"409 {"code":"LOCK_BUSY","details":"others wait for it; leave out --no-wait to wait in line","error":"the lock prod is busy"}"#);
    world.settle().await;
    assert_eq!(world.status(&waiter).await, "STARTING");
}

#[tokio::test]
async fn who_waits_too_long_is_turned_away() {
    let world = World::new().await;
    world.run(&world.root, locked("prod")).await;
    let wish = json!({"command": "true", "lock": "prod", "lock_timeout": 60});
    let id = world.submit(&world.root, wish).await;
    world.settle().await;
    world.pass(59);
    world.app.reconcile().await.unwrap();
    assert_eq!(world.status(&id).await, "QUEUED");
    world.pass(1);
    world.app.reconcile().await.unwrap();
    let ended = world.execution(&id).await;
    assert_eq!(
        (ended.text("status"), ended.text("reason")),
        ("FAILED", "lock_timeout")
    );
    let lock = world.get(&world.root, "/locks/prod").await;
    assert_eq!(lock.json["waiting"], 0);
}

#[tokio::test]
async fn the_command_learns_its_fence() {
    let world = World::new().await;
    let first = world.run(&world.root, locked("prod")).await;
    first.finish(0).await;
    let id = world.submit(&world.root, locked("prod")).await;
    world.settle().await;
    let mut agent = crate::harness::agent::Agent::launched(&world, &id);
    let started = agent.start().await;
    assert_eq!(started.json["spec"]["env"]["RUNVOY_LOCK_FENCE"], "2");
    let unlocked = world.submit(&world.root, hello()).await;
    world.settle().await;
    let mut agent = crate::harness::agent::Agent::launched(&world, &unlocked);
    assert!(agent.start().await.json["spec"]["env"]["RUNVOY_LOCK_FENCE"].is_null());
}

#[tokio::test]
async fn many_who_want_one_lock_at_once_never_hold_it_together() {
    let world = World::new().await;
    let (root, wish) = (&world.root, locked("prod"));
    let submit = || world.submit(root, wish.clone());
    let ids = tokio::join!(submit(), submit(), submit(), submit());
    let mut ids = vec![ids.0, ids.1, ids.2, ids.3];
    world.settle().await;
    let mut fences = Vec::new();
    while !ids.is_empty() {
        let holder = world.get(root, "/locks/prod").await.json["holder"]["execution_id"].clone();
        let place = ids
            .iter()
            .position(|id| holder == id.as_str())
            .expect("one of them holds it");
        let id = ids.swap_remove(place);
        for waiting in &ids {
            assert_eq!(world.status(waiting).await, "QUEUED");
        }
        fences.push(
            world.execution(&id).await.json["lock_fence"]
                .as_u64()
                .unwrap(),
        );
        world.start(&id).await.finish(0).await;
    }
    assert_eq!(fences, [1, 2, 3, 4]);
}
