//! What was seen of a lock before a submission: relied on where it still is so, and corrected where it is not.

use std::time::Duration;

use runvoy_app::{AppError, ErrorKind, LockGlance, LockWish, NewExecution, Submitted};
use runvoy_core::execution::{Execution, Status};
use runvoy_ports::LockReads as _;
use runvoy_testkit::sample;

use crate::world::{World, wish};

const TICK: Duration = Duration::from_millis(1);

async fn glance(world: &World) -> LockGlance {
    let name = sample::lock_name("prod");
    world.app.glance(&name).await.unwrap()
}

/// Submits relying on what was seen.
async fn submit(world: &World, glance: LockGlance, no_wait: bool) -> Result<Submitted, AppError> {
    let lock = LockWish {
        name: sample::lock_name("prod"),
        timeout: None,
        no_wait,
        glance: Some(glance),
    };
    let wish = NewExecution {
        lock: Some(lock),
        ..wish(None)
    };
    world.submit(wish).await
}

/// Runs to its end; what it frees is handed on only when somebody works.
async fn end(world: &World, run: &Execution) {
    let agent = world.started(&world.find(run.id()).await).await;
    agent.exit(world, 0).await.unwrap();
    agent.leave(world);
}

/// Ends whoever holds the lock, again and again; answers them in order.
async fn served(world: &World) -> Vec<Execution> {
    let mut served = Vec::new();
    world.later(TICK).await;
    while let Some(id) = world.holder().await {
        let run = world.find(&id).await;
        end(world, &run).await;
        world.later(TICK).await;
        world.assert_over(&run).await;
        served.push(run);
    }
    served
}

async fn assert_served(world: &World, runs: &[&Execution]) {
    let served = served(world).await;
    let ids = |runs: Vec<&Execution>| -> Vec<String> {
        let ids = runs.into_iter().map(|run| run.id().to_string());
        ids.collect()
    };
    assert_eq!(ids(served.iter().collect()), ids(runs.to_vec()));
    let fences = served.iter().map(|run| run.fence().unwrap().number());
    assert!(fences.is_sorted_by(|one, next| one < next));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_still_free_is_taken() {
    let world = World::new().await;
    let seen = glance(&world).await;
    let first = submit(&world, seen, true).await.unwrap().execution;
    assert_eq!(first.status(), Status::Starting);
    world.work().await;
    end(&world, &first).await;
    world.work().await;
    let seen = glance(&world).await;
    let second = submit(&world, seen, true).await.unwrap().execution;
    assert_eq!(second.fence().unwrap().number(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_taken_meanwhile_is_waited_for() {
    // A lock that was never there before, and one that was.
    for was_there in [false, true] {
        let world = World::new().await;
        if was_there {
            let run = world.run_locked().await;
            end(&world, &run).await;
            world.work().await;
        }
        let seen = glance(&world).await;
        let refused = seen.clone();
        let first = world.run_locked().await;
        let second = submit(&world, seen, false).await.unwrap();
        assert_eq!(second.execution.status(), Status::Queued);
        assert_eq!(second.queue.unwrap().position, 1);
        let refused = submit(&world, refused, true).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::LockBusy);
        assert_served(&world, &[&first, &second.execution]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_taken_and_queued_for_meanwhile_is_had_last() {
    let world = World::new().await;
    let seen = glance(&world).await;
    let (first, second) = (world.run_locked().await, world.run_locked().await);
    // Free again, and not handed on yet.
    let agent = world.started(&first).await;
    agent.exit(&world, 0).await.unwrap();
    agent.leave(&world);
    assert_eq!(world.holder().await, None);
    let third = submit(&world, seen, false).await.unwrap().execution;
    assert_eq!(third.status(), Status::Queued);
    assert_served(&world, &[&second, &third]).await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_freed_meanwhile_is_had_as_soon_as_it_is_driven() {
    let world = World::new().await;
    let first = world.run_locked().await;
    let seen = glance(&world).await;
    end(&world, &first).await;
    world.work().await;
    assert_eq!(world.holder().await, None);
    let second = submit(&world, seen, false).await.unwrap().execution;
    world.work().await;
    assert_eq!(world.status(&second).await, Status::Starting);
    assert_eq!(world.holder().await.as_ref(), Some(second.id()));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_has_passed_to_another_meanwhile_is_waited_for() {
    let world = World::new().await;
    let first = world.run_locked().await;
    let seen = glance(&world).await;
    end(&world, &first).await;
    world.work().await;
    let second = world.run_locked().await;
    let third = submit(&world, seen, false).await.unwrap().execution;
    assert_eq!(third.status(), Status::Queued);
    assert_served(&world, &[&second, &third]).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_who_waited_before_the_glance_is_overtaken_though_the_lock_is_free() {
    let world = World::new().await;
    let (first, second) = (world.run_locked().await, world.run_locked().await);
    let agent = world.started(&first).await;
    agent.exit(&world, 0).await.unwrap();
    agent.leave(&world);
    assert_eq!(world.holder().await, None);
    let seen = glance(&world).await;
    let refused = submit(&world, seen.clone(), true).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockBusy);
    let third = submit(&world, seen, false).await.unwrap();
    assert_eq!(third.queue.unwrap().position, 2);
    assert_served(&world, &[&second, &third.execution]).await;
}

#[tokio::test(start_paused = true)]
async fn one_glance_serves_one_of_many() {
    let world = World::new().await;
    let seen = glance(&world).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        let submitted = submit(&world, seen.clone(), false).await.unwrap();
        runs.push(submitted.execution);
    }
    let starting = runs.iter().filter(|run| run.status() == Status::Starting);
    assert_eq!(starting.count(), 1);
    let name = sample::lock_name("prod");
    assert_eq!(world.store.list_waiters(&name, 9).await.unwrap().len(), 3);
    assert_served(&world, &runs.iter().collect::<Vec<_>>()).await;
}
