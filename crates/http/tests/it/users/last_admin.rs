//! The last admin cannot be taken away.

use runvoy_core::role::Role;
use serde_json::json;

use crate::harness::World;
use crate::harness::caller::Caller;

async fn active_admins(world: &World, asking: &Caller) -> usize {
    let users = world.get(asking, "/users").await;
    let users = users.json["users"].as_array().unwrap().iter();
    users
        .filter(|user| user["role"] == "admin" && user["revoked"] == false)
        .count()
}

#[tokio::test]
async fn the_last_admin_can_be_neither_revoked_nor_demoted() {
    let world = World::new().await;
    world.user("operator", Role::Operator).await;
    let root = &world.root;
    let revoked = world
        .post(root, "/users/revoke", json!({"email": root.email}))
        .await;
    insta::assert_snapshot!(revoked.shown(), @r#"409 {"code":"CONFLICT","details":"make somebody else an admin first: runvoy users role EMAIL admin","error":"root@example.com is the last admin"}"#);
    let demoted = json!({"email": root.email, "role": "operator"});
    let demoted = world.post(root, "/users/role", demoted).await;
    assert_eq!(demoted.shown(), revoked.shown());
    world.get(root, "/users").await.assert_status(200);
}

#[tokio::test]
async fn an_admin_who_has_not_fetched_a_key_yet_does_not_count() {
    let world = World::new().await;
    let invited = json!({"email": "invited@example.com", "role": "admin"});
    world
        .post(&world.root, "/users/create", invited)
        .await
        .assert_status(201);
    let revoked = world
        .post(
            &world.root,
            "/users/revoke",
            json!({"email": world.root.email}),
        )
        .await;
    assert_eq!(revoked.refusal(), (409, "CONFLICT"));
}

#[tokio::test]
async fn an_admin_may_leave_while_another_stays() {
    let world = World::new().await;
    let other = world.user("other", Role::Admin).await;
    let demoted = json!({"email": world.root.email, "role": "viewer"});
    world
        .post(&world.root, "/users/role", demoted)
        .await
        .assert_status(200);
    assert_eq!(active_admins(&world, &other).await, 1);
}

#[tokio::test]
async fn of_two_admins_who_revoke_each_other_at_once_one_stays() {
    let world = World::new().await;
    let other = world.user("other", Role::Admin).await;
    let (first, second) = tokio::join!(
        world.post(&world.root, "/users/revoke", json!({"email": other.email})),
        world.post(&other, "/users/revoke", json!({"email": world.root.email})),
    );
    exactly_one(&world, &other, first.status, second.status).await;
}

#[tokio::test]
async fn of_two_admins_who_demote_each_other_at_once_one_stays() {
    let world = World::new().await;
    let other = world.user("other", Role::Admin).await;
    let demote = |email: &str| json!({"email": email, "role": "viewer"});
    let (first, second) = tokio::join!(
        world.post(&world.root, "/users/role", demote(&other.email)),
        world.post(&other, "/users/role", demote(&world.root.email)),
    );
    exactly_one(&world, &other, first.status, second.status).await;
}

#[tokio::test]
async fn of_two_admins_who_leave_at_once_one_stays() {
    let world = World::new().await;
    let other = world.user("other", Role::Admin).await;
    let (first, second) = tokio::join!(
        world.post(
            &world.root,
            "/users/revoke",
            json!({"email": world.root.email})
        ),
        world.post(&other, "/users/revoke", json!({"email": other.email})),
    );
    exactly_one(&world, &other, first.status, second.status).await;
}

/// One of two requests did what it asked; the other came too late for it. One admin can still do an admin's work.
async fn exactly_one(world: &World, other: &Caller, first: u16, second: u16) {
    let done = [first, second]
        .iter()
        .filter(|status| **status == 200)
        .count();
    assert_eq!(done, 1, "{first} {second}");
    let mut left = 0;
    for admin in [&world.root, other] {
        if world.get(admin, "/users").await.status == 200
            && world.get(admin, "/whoami").await.text("role") == "admin"
        {
            left += 1;
            assert_eq!(active_admins(world, admin).await, 1);
        }
    }
    assert_eq!(left, 1);
}
