//! Locks and their lines: first in, first out.

use std::time::Duration;

use runvoy_app::{ErrorKind, LockWish, NewExecution, OpContext};
use runvoy_core::execution::{Execution, Status};
use runvoy_core::key::KeyRecord;
use runvoy_core::outcome::Reason;
use runvoy_core::role::Role;
use runvoy_ports::{Clock as _, Ledger as _, UserReads as _, Write};
use runvoy_testkit::sample;

use crate::world::{World, alice, less, person, wish};

const TICK: Duration = Duration::from_micros(1);

#[tokio::test(start_paused = true)]
async fn the_line_is_served_in_order_of_ids_and_the_fence_grows() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(world.run_locked().await);
    }
    assert!(runs.is_sorted_by_key(Execution::id));
    for (place, run) in runs.iter().enumerate() {
        assert_eq!(world.holder().await.as_ref(), Some(run.id()));
        let fence = world.find(run.id()).await.fence().unwrap();
        assert_eq!(fence.number(), place as u64 + 1);
        end(&world, run).await;
    }
    assert_eq!(world.holder().await, None);
    assert_eq!(world.prod().await.fence().number(), 5);
}

#[tokio::test(start_paused = true)]
async fn when_the_holder_ends_the_next_starts_at_once() {
    let world = World::new().await;
    let (first, second) = (world.run_locked().await, world.run_locked().await);
    assert_eq!(world.launcher.launched().len(), 1);
    let agent = world.started(&first).await;
    agent.exit(&world, 0).await.unwrap();
    // No reconciler: only what the finish has handed on.
    world.work().await;
    assert_eq!(world.status(&second).await, Status::Starting);
    assert_eq!(world.launcher.launched().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_free_lock_whose_hand_on_was_lost_is_found_by_the_reconciler() {
    let world = World::new().await;
    let (first, second) = (world.run_locked().await, world.run_locked().await);
    let agent = world.started(&first).await;
    agent.exit(&world, 0).await.unwrap();
    while world.next_task().is_some() {}
    assert_eq!(world.status(&second).await, Status::Queued);
    world.later(TICK).await;
    assert_eq!(world.status(&second).await, Status::Starting);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_overtake_those_who_wait() {
    let world = World::new().await;
    let (first, second) = (world.run_locked().await, world.run_locked().await);
    let agent = world.started(&first).await;
    agent.exit(&world, 0).await.unwrap();
    // The lock is free, but nobody has advanced it yet.
    assert_eq!(world.holder().await, None);
    let third = world.submit(wish(Some("prod"))).await.unwrap();
    assert_eq!(third.execution.status(), Status::Queued);
    assert_eq!(third.queue.unwrap().position, 2);
    let refused = world.submit(no_wait()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockBusy);
    world.work().await;
    assert_eq!(world.holder().await.as_ref(), Some(second.id()));
    assert_eq!(world.status(&third.execution).await, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn who_will_not_wait_is_told_who_holds_the_lock() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    let refused = world.submit(no_wait()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockBusy);
    let named = refused.context().iter().find(|(name, _)| *name == "holder");
    assert_eq!(named.unwrap().1, holder.id().to_string());
    assert!(refused.details().unwrap().contains("alice@example.com"));
    let bob = person("bob", Role::Developer);
    let refused = world.app.submit(&bob, no_wait()).await.unwrap_err();
    assert!(!refused.details().unwrap().contains("alice"));
    end(&world, &holder).await;
    assert!(world.submit(no_wait()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn those_in_line_see_their_place_and_the_holder() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    world.run_locked().await;
    let last = world.run_locked().await;
    let shown = world.app.execution(&alice(), last.id()).await.unwrap();
    let place = shown.queue.unwrap();
    assert_eq!(place.position, 2);
    assert_eq!(place.holder.unwrap().0, *holder.id());
    let hour = Duration::from_hours(1);
    assert_eq!(place.deadline, world.clock.now().checked_add(hour).unwrap());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_exactly_when_its_time_is_up() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    let late = world.submit(waiting_for(Duration::from_secs(30))).await;
    let late = late.unwrap().execution;
    world.later(less(Duration::from_secs(30), TICK)).await;
    assert_eq!(world.status(&late).await, Status::Queued);
    world.later(TICK).await;
    assert_eq!(world.reason(&late).await, Some(Reason::LockTimeout));
    assert_eq!(world.holder().await.as_ref(), Some(holder.id()));
    world.assert_over(&late).await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_comes_free_in_the_last_moment_is_had_and_after_it_is_not() {
    for (before_the_end, expected) in [(TICK, None), (Duration::ZERO, Some(Reason::LockTimeout))] {
        let world = World::new().await;
        let holder = world.run_locked().await;
        let waiting = world.submit(waiting_for(Duration::from_secs(30))).await;
        let waiting = waiting.unwrap().execution;
        let agent = world.started(&holder).await;
        world
            .clock
            .advance(less(Duration::from_secs(30), before_the_end));
        agent.exit(&world, 0).await.unwrap();
        world.work().await;
        assert_eq!(world.reason(&waiting).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_is_told_when_the_waiting_ends() {
    let world = World::new().await;
    world.run_locked().await;
    let waiting = world.submit(waiting_for(Duration::from_secs(30))).await;
    let waiting = waiting.unwrap().execution;
    world.clock.advance(Duration::from_secs(10));
    let again = world.app.drive(waiting.id()).await.unwrap();
    assert_eq!(again, Some(Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_in_the_line_leaves_it_and_nobody_else_moves() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    let (second, third) = (world.run_locked().await, world.run_locked().await);
    world.app.kill(&alice(), second.id()).await.unwrap();
    world.work().await;
    assert_eq!(world.reason(&second).await, Some(Reason::Cancelled));
    world.assert_over(&second).await;
    assert_eq!(world.holder().await.as_ref(), Some(holder.id()));
    let shown = world.app.execution(&alice(), third.id()).await.unwrap();
    assert_eq!(shown.queue.unwrap().position, 1);
    end(&world, &holder).await;
    assert_eq!(world.holder().await.as_ref(), Some(third.id()));
    assert!(
        world
            .launcher
            .launched()
            .iter()
            .all(|one| one.execution() != second.id())
    );
}

#[tokio::test(start_paused = true)]
async fn who_may_no_longer_run_when_the_turn_comes_is_denied_and_the_next_is_tried() {
    type Change = fn(KeyRecord) -> KeyRecord;
    let changes: [Change; 3] = [
        |key| KeyRecord {
            revoked_at: Some(sample::at(1)),
            ..key
        },
        |key| KeyRecord {
            expires_at: Some(sample::at(0)),
            ..key
        },
        |key| KeyRecord {
            role: Role::Viewer,
            ..key
        },
    ];
    for change in changes {
        let world = World::new().await;
        let holder = world.run_locked().await;
        let key = Write::InsertKey(sample::key(1, "bob"));
        world.store.commit(&sample::batch(vec![key])).await.unwrap();
        let denied = world.app.submit(&bob_by_key(), wish(Some("prod"))).await;
        let denied = denied.unwrap().execution;
        let next = world.run_locked().await;
        let found = world
            .store
            .find_key(&sample::hash(1))
            .await
            .unwrap()
            .unwrap();
        let write = Write::ReplaceKey(change(found.value), found.version);
        world
            .store
            .commit(&sample::batch(vec![write]))
            .await
            .unwrap();
        end(&world, &holder).await;
        assert_eq!(world.reason(&denied).await, Some(Reason::Denied));
        world.assert_over(&denied).await;
        assert_eq!(world.holder().await.as_ref(), Some(next.id()));
    }
}

#[tokio::test(start_paused = true)]
async fn locks_of_other_names_are_no_hindrance() {
    let world = World::new().await;
    world.run_locked().await;
    let other = world.submit(wish(Some("staging"))).await.unwrap();
    assert_eq!(other.execution.status(), Status::Starting);
    assert_eq!(world.run().await.status(), Status::Starting);
}

/// Runs the holder to its end.
async fn end(world: &World, run: &Execution) {
    let run = world.find(run.id()).await;
    let agent = world.started(&run).await;
    agent.exit(world, 0).await.unwrap();
    agent.leave(world);
    world.work().await;
}

fn no_wait() -> NewExecution {
    let lock = LockWish {
        name: sample::lock_name("prod"),
        timeout: None,
        no_wait: true,
        glance: None,
    };
    NewExecution {
        lock: Some(lock),
        ..wish(None)
    }
}

fn waiting_for(timeout: Duration) -> NewExecution {
    let lock = LockWish {
        name: sample::lock_name("prod"),
        timeout: Some(timeout),
        no_wait: false,
        glance: None,
    };
    NewExecution {
        lock: Some(lock),
        ..wish(None)
    }
}

fn bob_by_key() -> OpContext {
    let mut bob = person("bob", Role::Developer);
    bob.actor.key = Some(sample::hash(1));
    bob
}
