//! Taking a lock from its holder.

use std::time::Duration;

use runvoy_app::{AppError, ErrorKind, OpContext, Release, Released};
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::Status;
use runvoy_core::role::Role;
use runvoy_ports::Presence;
use runvoy_testkit::sample;

use crate::world::{World, alice, person};

const TICK: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn without_force_a_release_is_refused_with_the_line_to_type() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    let mut gentle = by_force();
    gentle.force = false;
    let refused = release(&world, &alice(), &gentle).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockHeld);
    assert!(refused.to_string().contains(holder.id().as_str()));
    let kill = format!("runvoy kill {}", holder.id());
    assert!(refused.details().unwrap().contains(&kill));
    assert_eq!(world.holder().await.as_ref(), Some(holder.id()));
}

#[tokio::test(start_paused = true)]
async fn force_needs_a_reason() {
    let world = World::new().await;
    world.run_locked().await;
    for reason in [None, Some(String::new()), Some("  ".to_owned())] {
        let release_ = Release {
            reason,
            even_if_running: true,
            ..by_force()
        };
        let refused = release(&world, &alice(), &release_).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    assert!(world.holder().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn force_alone_does_not_take_a_lock_from_a_holder_that_can_be_reached() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    world.started(&holder).await;
    let refused = release(&world, &alice(), &by_force()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockHeld);
    assert!(refused.details().unwrap().contains("--even-if-running"));
    assert_eq!(world.holder().await.as_ref(), Some(holder.id()));
}

#[tokio::test(start_paused = true)]
async fn force_takes_the_lock_from_a_holder_that_nobody_can_reach() {
    let world = World::new().await;
    let (holder, next) = (world.run_locked().await, world.run_locked().await);
    let agent = world.started(&holder).await;
    world
        .launcher
        .set_presence(&agent.attempt, Presence::Unknown);
    world.later(TICK).await;
    let released = release(&world, &alice(), &by_force()).await.unwrap();
    assert_eq!(
        (&released.holder, released.may_still_run),
        (holder.id(), true)
    );
    world.work().await;
    assert_eq!(world.holder().await.as_ref(), Some(next.id()));
    let found = world.find(holder.id()).await;
    assert!(found.is_lock_lost() && found.status() == Status::Running);
    assert!(world.find(next.id()).await.fence() > found.fence());
    assert_eq!(world.count(&holder, AuditAction::LockReleased).await, 1);
}

#[tokio::test(start_paused = true)]
async fn even_if_running_hands_on_and_a_late_end_frees_nobody_elses_lock() {
    let world = World::new().await;
    let (holder, next) = (world.run_locked().await, world.run_locked().await);
    let old = world.started(&holder).await;
    let even = Release {
        even_if_running: true,
        ..by_force()
    };
    assert!(
        release(&world, &alice(), &even)
            .await
            .unwrap()
            .may_still_run
    );
    world.work().await;
    assert!(world.find(holder.id()).await.is_lock_lost());
    assert_eq!(world.holder().await.as_ref(), Some(next.id()));
    let lock = world.prod().await;
    old.exit(&world, 0).await.unwrap();
    old.leave(&world);
    world.work().await;
    assert_eq!(world.status(&holder).await, Status::Succeeded);
    world.assert_over(&holder).await;
    assert_eq!(world.prod().await, lock);
}

#[tokio::test(start_paused = true)]
async fn a_late_end_of_an_old_holder_leaves_a_lock_free_that_nobody_took() {
    let world = World::new().await;
    let holder = world.run_locked().await;
    let old = world.started(&holder).await;
    let even = Release {
        even_if_running: true,
        ..by_force()
    };
    release(&world, &alice(), &even).await.unwrap();
    world.work().await;
    let lock = world.prod().await;
    world.app.kill(&alice(), holder.id()).await.unwrap();
    old.obey(&world).await.unwrap();
    assert_eq!(world.prod().await, lock);
    assert_eq!(lock.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_nobody_holds_cannot_be_released() {
    let world = World::new().await;
    let never = release(&world, &alice(), &by_force()).await.unwrap_err();
    assert_eq!(never.kind(), ErrorKind::NotFound);
    let run = world.run_locked().await;
    world.app.kill(&alice(), run.id()).await.unwrap();
    let free = release(&world, &alice(), &by_force()).await.unwrap_err();
    assert_eq!(free.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn developers_release_only_their_own_and_operators_everybodys() {
    let world = World::new().await;
    world.run_locked().await;
    let even = Release {
        even_if_running: true,
        ..by_force()
    };
    for role in [Role::Viewer, Role::Developer] {
        let refused = release(&world, &person("bob", role), &even).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    }
    assert!(world.holder().await.is_some());
    let operator = person("olga", Role::Operator);
    release(&world, &operator, &even).await.unwrap();
    assert_eq!(world.holder().await, None);
}

async fn release(world: &World, ctx: &OpContext, release: &Release) -> Result<Released, AppError> {
    world
        .app
        .release(ctx, &sample::lock_name("prod"), release)
        .await
}

fn by_force() -> Release {
    Release {
        force: true,
        even_if_running: false,
        reason: Some("the host burns".to_owned()),
    }
}
