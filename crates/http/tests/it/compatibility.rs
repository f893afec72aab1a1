//! Requests as the published v0.5 client sends them, and what it reads of the answers.

mod old;

use axum::body::Body;
use axum::http::Request;
use runvoy_core::role::Role;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::compatibility::old::{
    Claimed, CreatedUser, Failure, Health, Killed, Listed, Logs, Progress, RevokedUser, Submitted,
    Users,
};
use crate::harness::World;
use crate::harness::agent::micros;
use crate::harness::answer::Answer;
use crate::harness::caller::Caller;

/// A request, word for word; placeholders in braces.
#[derive(Deserialize)]
struct Recorded {
    method: String,
    path: String,
    body: Option<Value>,
}

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str::<Recorded>(include_str!(concat!("../v0.5/", $name, ".json"))).unwrap()
    };
}

/// Sends a recorded request as the old client does: always with both headers, a body only where it has one.
async fn send(
    world: &World,
    caller: &Caller,
    recorded: Recorded,
    names: &[(&str, &str)],
) -> Answer {
    let mut path = recorded.path;
    let mut body = recorded
        .body
        .map_or_else(String::new, |body| body.to_string());
    for (name, value) in names {
        path = path.replace(&format!("{{{name}}}"), value);
        body = body.replace(&format!("{{{name}}}"), value);
    }
    let request = Request::builder()
        .method(recorded.method.as_str())
        .uri(path)
        .header("Content-Type", "application/json")
        .header("X-API-Key", caller.key.as_deref().unwrap_or_default())
        .body(Body::from(body));
    world.send(request.unwrap()).await
}

/// What the old client makes of an answer that it takes for a success.
fn read<T: DeserializeOwned>(answer: &Answer) -> T {
    assert!(answer.status < 400, "{}", answer.shown());
    serde_json::from_slice(&answer.bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", answer.shown()))
}

/// Alice runs something as the old client does; answers the answer, once the run has failed with code 3.
async fn failed_run(world: &World, alice: &Caller) -> Answer {
    let answer = send(world, alice, recorded!("run"), &[]).await;
    world.pass(2);
    let id = answer.text("execution_id").parse().unwrap();
    let mut agent = world.start(&id).await;
    let entries = [
        ("s", "started", "\n"),
        ("o", "hel", ""),
        ("o", "lo", "\n"),
        ("e", "oops", "\n"),
    ];
    agent.push(&entries).await;
    world.pass(30);
    agent.finish(3).await;
    answer
}

#[tokio::test]
async fn a_run_is_accepted_with_its_id_and_the_address_of_its_log() {
    let world = World::new().await;
    let answer = send(&world, &world.root, recorded!("run"), &[]).await;
    assert_eq!(answer.status, 202);
    let run: Submitted = read(&answer);
    assert_eq!(run.execution_id.len(), 32);
    assert_eq!(
        run.log_url,
        format!("/api/v1/executions/{}/logs", run.execution_id)
    );
    assert_eq!(
        (run.status.as_str(), run.image_id.as_str()),
        ("STARTING", "")
    );
}

#[tokio::test]
async fn list_and_status_tell_of_a_finished_run() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let answer = failed_run(&world, &alice).await;
    let id = answer.text("execution_id");

    let status: Progress = read(&send(&world, &alice, recorded!("status"), &[("id", id)]).await);
    assert_eq!(
        (status.execution_id.as_str(), status.status.as_str()),
        (id, "FAILED")
    );
    assert_eq!(status.exit_code, Some(3));
    let completed_at = status.completed_at.unwrap();
    assert!(completed_at >= status.started_at);

    let list: Vec<Listed> = read(&send(&world, &alice, recorded!("list"), &[]).await);
    let [listed] = &list[..] else {
        panic!("{list:?}")
    };
    assert_eq!(
        (listed.execution_id.as_str(), listed.status.as_str()),
        (id, "FAILED")
    );
    assert_eq!(listed.command, "echo \"hello\" | tee out");
    assert_eq!(
        (listed.created_by.as_str(), listed.exit_code),
        ("alice@example.com", Some(3))
    );
    assert_eq!(listed.cloud, "scripted");
    assert_eq!(
        Some(listed.created_by_request_id.as_str()),
        answer.header("x-request-id")
    );
    assert_eq!(
        (listed.started_at, listed.completed_at),
        (status.started_at, Some(completed_at))
    );
    let duration = completed_at.duration_since(status.started_at).as_secs();
    assert_eq!(listed.duration_seconds, duration);
}

#[tokio::test]
async fn the_log_of_a_finished_run_is_one_array_of_lines_in_order_of_time() {
    let world = World::new().await;
    let alice = world.user("alice", Role::Developer).await;
    let answer = failed_run(&world, &alice).await;
    let id = answer.text("execution_id");
    let logs: Logs = read(&send(&world, &alice, recorded!("logs"), &[("id", id)]).await);
    assert_eq!(
        (logs.execution_id.as_str(), logs.status.as_str()),
        (id, "FAILED")
    );
    assert_eq!(logs.websocket_url, None);
    let events = logs.events.unwrap();
    let shown: Vec<_> = events
        .iter()
        .map(|event| (event.line, event.message.as_str()))
        .collect();
    assert_eq!(shown, [(1, "started"), (2, "hello"), (4, "oops")]);
    let times: Vec<_> = events
        .iter()
        .map(|event| event.timestamp.cast_unsigned())
        .collect();
    assert_eq!(times, [1, 2, 4].map(|seq| micros(seq) / 1000));
}

#[tokio::test]
async fn logs_of_a_live_run_are_null_until_it_is_over() {
    let world = World::new().await;
    let id = world.submit(&world.root, crate::harness::hello()).await;
    let logs = async || -> Logs {
        read(
            &send(
                &world,
                &world.root,
                recorded!("logs"),
                &[("id", id.as_str())],
            )
            .await,
        )
    };
    assert!(logs().await.events.is_none());
    let mut agent = world.start(&id).await;
    agent.print(&["one"]).await;
    let live = logs().await;
    assert_eq!(
        (live.events.is_none(), live.status.as_str()),
        (true, "RUNNING")
    );

    let killed = send(
        &world,
        &world.root,
        recorded!("kill"),
        &[("id", id.as_str())],
    )
    .await;
    let killed: Killed = read(&killed);
    assert_eq!(
        (killed.execution_id.as_str(), killed.message.as_str()),
        (id.as_str(), "stopping")
    );
    let stopping = logs().await;
    assert_eq!(
        (stopping.events.unwrap().len(), stopping.status.as_str()),
        (1, "TERMINATING")
    );
}

#[tokio::test]
async fn a_kill_of_a_finished_run_is_answered_without_a_body() {
    let world = World::new().await;
    let agent = world.run(&world.root, crate::harness::hello()).await;
    let id = agent.finish(0).await;
    let answer = send(
        &world,
        &world.root,
        recorded!("kill"),
        &[("id", id.as_str())],
    )
    .await;
    assert_eq!((answer.status, answer.bytes.len()), (204, 0));
}

#[tokio::test]
async fn users_are_created_claimed_listed_and_revoked() {
    let world = World::new().await;
    let answer = send(&world, &world.root, recorded!("users-create"), &[]).await;
    assert_eq!(answer.status, 201);
    let created: CreatedUser = read(&answer);
    assert_eq!(
        (created.user.email.as_str(), created.user.role.as_str()),
        ("alice@example.com", "developer")
    );
    assert!(!created.user.revoked && created.user.last_used.is_none());

    let token = [("token", created.claim_token.as_str())];
    let claimed: Claimed =
        read(&send(&world, &Caller::anonymous(), recorded!("claim"), &token).await);
    assert_eq!(claimed.user_email, "alice@example.com");
    assert!(!claimed.message.is_empty());
    let alice = Caller::new("alice@example.com", &claimed.api_key);
    let submitted: Submitted = read(&send(&world, &alice, recorded!("run"), &[]).await);
    assert_eq!(submitted.execution_id.len(), 32);

    let users: Users = read(&send(&world, &world.root, recorded!("users-list"), &[]).await);
    let [listed, root] = &users.users[..] else {
        panic!("{users:?}")
    };
    assert_eq!(
        (listed.email.as_str(), root.email.as_str()),
        ("alice@example.com", "root@example.com")
    );
    assert_eq!(listed.created_at, created.user.created_at);
    assert!(listed.last_used.is_some());

    let revoked: RevokedUser =
        read(&send(&world, &world.root, recorded!("users-revoke"), &[]).await);
    assert_eq!(revoked.email, "alice@example.com");
    assert!(!revoked.message.is_empty());
    let refused = send(&world, &alice, recorded!("list"), &[]).await;
    let failure: Failure = serde_json::from_slice(&refused.bytes).unwrap();
    assert_eq!(
        (refused.status, failure.code.as_str()),
        (401, "API_KEY_REVOKED")
    );
}

#[tokio::test]
async fn a_user_with_a_key_that_the_admin_brings_needs_no_claim() {
    let world = World::new().await;
    let created: CreatedUser =
        read(&send(&world, &world.root, recorded!("users-create-with-key"), &[]).await);
    assert_eq!(
        (created.user.role.as_str(), created.claim_token.as_str()),
        ("viewer", "")
    );
    let bob = Caller::new("bob@example.com", "a-key-of-the-old-system-0123456789");
    let list: Vec<Listed> = read(&send(&world, &bob, recorded!("list"), &[]).await);
    assert!(list.is_empty());
}

#[tokio::test]
async fn health_is_answered_to_anybody() {
    let world = World::new().await;
    let health: Health = read(&send(&world, &Caller::anonymous(), recorded!("health"), &[]).await);
    assert_eq!(
        (health.status.as_str(), health.provider.as_str()),
        ("ok", "scripted")
    );
    assert!(!health.version.is_empty());
}

#[tokio::test]
async fn what_this_server_does_not_have_is_refused_in_words_that_the_client_shows() {
    let world = World::new().await;
    let answer = send(&world, &world.root, recorded!("run-with-everything"), &[]).await;
    let failure: Failure = serde_json::from_slice(&answer.bytes).unwrap();
    assert_eq!((answer.status, failure.code.as_str()), (422, "UNSUPPORTED"));
    assert_eq!(failure.error, "secrets is not supported here");
    assert!(!failure.details.is_empty());
}
