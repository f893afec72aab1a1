//! Who may do what: every route with every kind of caller.

pub(crate) mod table;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use runvoy_core::role::Role;
use runvoy_http::{Route, agent_routes, user_routes};
use serde_json::{Value, json};

use crate::authorization::table::{Row, TABLE, Whose};
use crate::harness::World;
use crate::harness::caller::Caller;

/// The kinds of callers, in the order of the table's columns.
const WHO: [Who; 7] = [
    Who::Of(Role::Viewer),
    Who::Of(Role::Developer),
    Who::Of(Role::Operator),
    Who::Of(Role::Admin),
    Who::Anonymous,
    Who::Revoked,
    Who::Expired,
];

/// A kind of caller.
#[derive(Debug, Clone, Copy)]
enum Who {
    /// A person of this role.
    Of(Role),
    /// Nobody known.
    Anonymous,
    /// An admin until a moment ago.
    Revoked,
    /// An admin whose key has just expired.
    Expired,
}

/// What a route's placeholders and body stand for, made anew for each request.
struct Things {
    execution: String,
    lock: String,
    invitation: String,
    victim: String,
}

#[tokio::test]
async fn every_route_answers_every_role_as_the_table_says() {
    let mut wrong = Vec::new();
    for (number, row) in TABLE.iter().enumerate() {
        let world = World::new().await;
        for (column, who) in WHO.into_iter().enumerate() {
            let name = format!("caller-{number}-{column}");
            let status = ask(&world, row, who, &name).await;
            if status != row.statuses[column] {
                let Row {
                    method,
                    path,
                    whose,
                    ..
                } = row;
                let wanted = row.statuses[column];
                wrong.push(format!(
                    "{method} {path} ({whose:?}) by {who:?}: {status}, not {wanted}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_route_and_no_other() {
    let shown = |route: Route| format!("{} {}", route.method, route.path);
    let served: BTreeSet<String> = user_routes()
        .into_iter()
        .chain(agent_routes())
        .map(shown)
        .collect();
    let in_table: BTreeSet<String> = TABLE
        .iter()
        .map(|row| format!("{} {}", row.method, row.path))
        .collect();
    assert_eq!(in_table, served);
}

#[test]
fn what_somebody_owns_is_asked_for_by_its_owner_and_by_others() {
    let owned = TABLE.iter().filter(|row| row.whose != Whose::Nobodys);
    let of = |whose| {
        let rows = owned.clone().filter(move |row| row.whose == whose);
        rows.map(|row| (row.method, row.path))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(of(Whose::Own), of(Whose::Others));
    let is_owned = |path: &str| path.contains("{id}") || path.contains("{name}");
    for row in TABLE.iter().filter(|row| is_owned(row.path)) {
        assert_ne!(row.whose, Whose::Nobodys, "{} {}", row.method, row.path);
    }
}

/// The status that a fresh caller of this kind gets for a fresh thing.
async fn ask(world: &World, row: &Row, who: Who, name: &str) -> u16 {
    let caller = world.user(name, Role::Admin).await;
    let owner = match row.whose {
        Whose::Own => caller.clone(),
        Whose::Others | Whose::Nobodys => {
            world.user(&format!("owner-of-{name}"), Role::Admin).await
        }
    };
    let things = things(world, &owner, name).await;
    let caller = turn_into(world, who, caller).await;
    let method: Method = row.method.parse().unwrap();
    let path = row
        .path
        .replace("{id}", &things.execution)
        .replace("{attempt}", &format!("{}-1", things.execution))
        .replace("{name}", &things.lock)
        .replace("{token}", &things.invitation);
    let body = match body(row, &caller, &things) {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    let request = caller.raw(method, &path, body);
    let answer = if path.starts_with("/agent/") {
        world.send_as_agent(request).await
    } else {
        world.send(request).await
    };
    answer.status
}

/// A running execution of `owner` that holds a lock, an open invitation, and somebody to do things to.
async fn things(world: &World, owner: &Caller, name: &str) -> Things {
    let lock = format!("lock-of-{name}");
    let running = world.run(owner, crate::harness::locked(&lock)).await;
    let invited = json!({"email": format!("invited-by-{name}@example.com"), "role": "viewer"});
    let invitation = world.post(&world.root, "/users/create", invited).await;
    Things {
        execution: running.id().to_string(),
        lock,
        invitation: invitation.text("claim_token").to_owned(),
        victim: world
            .user(&format!("victim-of-{name}"), Role::Viewer)
            .await
            .email,
    }
}

/// Makes an admin what the kind of caller says.
async fn turn_into(world: &World, who: Who, caller: Caller) -> Caller {
    let email = caller.email.as_str();
    match who {
        Who::Of(role) => {
            let body = json!({"email": email, "role": role.as_str()});
            world
                .post(&world.root, "/users/role", body)
                .await
                .assert_status(200);
        }
        Who::Anonymous => return Caller::anonymous(),
        Who::Revoked => {
            let body = json!({"email": email});
            world
                .post(&world.root, "/users/revoke", body)
                .await
                .assert_status(200);
        }
        Who::Expired => {
            let body = json!({"overlap": 1});
            world
                .post(&caller, "/users/rotate", body)
                .await
                .assert_status(200);
            world.pass(1);
        }
    }
    caller
}

/// A body that is good for the route.
fn body(row: &Row, caller: &Caller, things: &Things) -> Value {
    let last = row.path.rsplit('/').next().unwrap();
    match (row.method, last) {
        ("POST", "run") => crate::harness::hello(),
        ("DELETE", "{name}") => json!({"force": true, "reason": "a test", "even_if_running": true}),
        ("POST", "create") => json!({"email": format!("new-{}", things.victim), "role": "viewer"}),
        ("POST", "role") => json!({"email": things.victim, "role": "developer"}),
        ("POST", "rotate") if row.whose == Whose::Own => json!({"email": caller.email}),
        ("POST", "rotate" | "revoke") => json!({"email": things.victim}),
        ("POST", "{token}") => json!({}),
        ("POST", "start") => crate::harness::agent::start_body('2'),
        ("POST", "logs") => json!({"first": 1, "entries": []}),
        ("POST", "heartbeat") => json!({"next_seq": 1}),
        _ => Value::Null,
    }
}
