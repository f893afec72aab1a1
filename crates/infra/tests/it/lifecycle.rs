//! A deployment from an empty account to an empty account.

use std::sync::Mutex;

use runvoy_infra::{AdminPlan, ChangeKind, Infra, Progress};

use crate::world::{World, admin, give_admin, parameter};

/// From nothing.
async fn create(world: &World, infra: &Infra) {
    let plan = world.plan(infra, &[]).await;
    assert!(plan.is_new && plan.adopts.is_empty() && !plan.changes.is_empty());
    let status = infra.status().await.unwrap();
    assert!(status.bootstrap.is_none(), "planning made something");
    let events = Mutex::new(Vec::new());
    let listener = |progress| events.lock().unwrap().push(progress);
    let made = infra.apply(plan, &listener).await.unwrap();
    assert!(made.is_changed && made.api_url.starts_with("http"));
    let told = events.into_inner().unwrap();
    let is_told = |id: &str| {
        let mut told = told.iter();
        told.any(|one| matches!(one, Progress::Resource(event) if event.logical_id == id))
    };
    assert!(is_told("ApiFunction") && is_told("UsersTable"));
    give_admin(infra).await;
}

async fn change_nothing(world: &World, infra: &Infra) {
    let plan = world.plan(infra, &[]).await;
    assert!(
        !plan.is_new && plan.changes.is_empty(),
        "{:?}",
        plan.changes
    );
    assert!(!infra.apply(plan, &|_| {}).await.unwrap().is_changed);
    assert!(has_admin(infra).await);
}

async fn change(world: &World, infra: &Infra) {
    world.build("2");
    let plan = world.plan(infra, &[("LogRetentionDays", "30")]).await;
    let mut changes = plan.changes.iter();
    assert!(
        changes.all(|one| one.kind == ChangeKind::Modify),
        "{:?}",
        plan.changes
    );
    assert!(infra.apply(plan, &|_| {}).await.unwrap().is_changed);
    assert_eq!(parameter(infra, "LogRetentionDays").await, "30");
    world.build("3");
    assert!(world.apply(infra, &[]).await.unwrap().is_changed);
    let kept = parameter(infra, "LogRetentionDays").await;
    assert_eq!(kept, "30", "it was said before");
}

async fn come_again(world: &World, infra: &Infra) {
    infra.destroy(&|_| {}).await.unwrap();
    let status = infra.status().await.unwrap();
    assert!(status.stack.is_none() && status.remains.contains(&"acme-users".to_owned()));
    let plan = world.plan(infra, &[]).await;
    assert!(plan.is_new && plan.adopts.contains(&"acme-users".to_owned()));
    assert!(infra.apply(plan, &|_| {}).await.unwrap().is_changed);
    assert!(has_admin(infra).await, "the people are gone");
}

async fn leave_nothing(infra: &Infra) {
    infra.destroy(&|_| {}).await.unwrap();
    infra.delete_data(&|_| {}).await.unwrap();
    let status = infra.status().await.unwrap();
    assert!(status.stack.is_none() && status.bootstrap.is_none() && status.remains.is_empty());
    assert_eq!(infra.keeps().await.unwrap(), names_that_would_be_kept());
}

async fn has_admin(infra: &Infra) -> bool {
    let plan = infra.plan_admin(admin(false)).await.unwrap();
    matches!(plan, AdminPlan::Present { key_fits: true, .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_comes_changes_goes_and_comes_again() {
    let world = World::new().await;
    let infra = world.infra("acme").await;
    create(&world, &infra).await;
    change_nothing(&world, &infra).await;
    change(&world, &infra).await;
    come_again(&world, &infra).await;
    leave_nothing(&infra).await;
}

/// Names that would be kept, whether or not they are there.
fn names_that_would_be_kept() -> Vec<String> {
    let tables = [
        "api-keys",
        "users",
        "claims",
        "idempotency",
        "executions",
        "locks",
        "waiters",
        "logs",
        "audit",
        "tasks",
    ];
    let tables = tables.iter().map(|table| format!("acme-{table}"));
    tables
        .chain([
            "/runvoy/acme/tasks".to_owned(),
            "/runvoy/acme/stack-key".to_owned(),
        ])
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_projects_do_not_touch_each_other() {
    let world = World::new().await;
    let (one, two) = (world.infra("acme").await, world.infra("acme2").await);
    world.apply(&one, &[]).await.unwrap();
    world.apply(&two, &[]).await.unwrap();
    give_admin(&one).await;
    give_admin(&two).await;
    one.destroy(&|_| {}).await.unwrap();
    one.delete_data(&|_| {}).await.unwrap();
    assert!(one.status().await.unwrap().remains.is_empty());
    let plan = world.plan(&two, &[]).await;
    assert!(
        !plan.is_new && plan.changes.is_empty(),
        "{:?}",
        plan.changes
    );
    assert!(has_admin(&two).await);
}
