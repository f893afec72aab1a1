//! Somebody joins a team, works, and leaves it.

use std::fs;

use runvoy_wire::execution::ExecutionView;

use crate::harness::{TestServer, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_invited_claims_runs_and_is_revoked() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let line = admin
        .succeed(&["users", "create", "alice@example.com"])
        .await;
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..2], ["runvoy", "claim"], "{line}");

    // A home with nothing configured, and no variables: the line alone must do.
    let world = World::new();
    let alice = world.home("alice");
    alice.succeed(&words[1..]).await;
    assert!(
        alice
            .succeed(&["whoami"])
            .await
            .contains("alice@example.com")
    );
    assert_eq!(alice.succeed(&["run", "-q", "echo hello"]).await, "hello\n");
    let runs: Vec<ExecutionView> = admin.ask(&["list"]).await;
    assert_eq!(runs[0].created_by, "alice@example.com");

    let again = world.home("mallory").run(&words[1..]).await;
    assert_ne!(again.code, 0, "a line works once: {again:?}");

    admin
        .succeed(&["users", "revoke", "alice@example.com"])
        .await;
    for arguments in [["run", "echo hello"].as_slice(), &["list"], &["whoami"]] {
        let output = alice.run(arguments).await;
        assert_eq!(output.code, 77, "{arguments:?}: {output:?}");
    }
    let audit = admin.succeed(&["audit", "list", "-o", "json"]).await;
    assert!(audit.matches("alice@example.com").count() > 2, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_person_loses_what_is_queued_and_with_kill_what_runs() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let key = admin
        .succeed(&["users", "create", "bob@example.com", "--show-key"])
        .await;
    let bob = server.with_key("bob", key.trim_end());
    let running = bob.submit(&["--lock", "prod", "sleep 60"]).await;
    let queued = bob.submit(&["--lock", "prod", "true"]).await;
    admin
        .succeed(&["users", "revoke", "bob@example.com", "--kill"])
        .await;
    let reason = async |id: &str| admin.closed(id).await.reason.unwrap();
    assert_eq!(reason(&running).await, "cancelled");
    // Whoever looks after the line before the revocation comes to it turns it away.
    let end = reason(&queued).await;
    assert!(["cancelled", "denied"].contains(&&*end), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_admin_key_can_be_replaced_on_the_machine() {
    let server = TestServer::start().await;
    let data = server.data_dir();
    let line = [
        "server",
        "reset-admin",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let key = server.world().home("root").succeed(&line).await;
    let old = fs::read_to_string(data.join("admin.key")).unwrap();
    assert_eq!(
        server
            .with_key("old", old.trim_end())
            .run(&["whoami"])
            .await
            .code,
        77
    );
    server
        .with_key("new", key.trim_end())
        .succeed(&["whoami"])
        .await;
}
