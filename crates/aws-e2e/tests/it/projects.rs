//! Two deployments side by side in one account: nothing of one touches the other.

use crate::infra::account::Deployment;
use crate::shell::{ended, until};

const APPLY: [&str; 3] = ["infra", "apply", "--yes"];
const EMAIL: [&str; 2] = ["--admin-email", "admin@example.com"];

/// Two deployments, the name of one the beginning of the other's, and one admin who has a context for each.
#[test]
fn people_locks_and_runs_of_one_deployment_are_nothing_to_the_other() {
    let (one, two) = (Deployment::of("north"), Deployment::of("north2"));
    let said = one.apply(&EMAIL);
    assert!(said.err.contains("as the context default"), "{said:#?}");
    let said = two.run_as(&one.admin, &APPLY, &EMAIL);
    assert_eq!(said.code, 0, "{said:#?}");
    for words in ["as the context north2", "runvoy --context north2 run"] {
        assert!(said.err.contains(words), "{words}: {said:#?}");
    }
    keys_open_only_their_own(&one, &two);
    let held = hold(&one, "default");
    let beside = hold(&one, "north2");

    let gone = [
        "infra",
        "destroy",
        "--yes",
        "--delete-data",
        "--confirm",
        "north",
    ];
    let said = one.run(&gone, &[]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert_eq!(one.left(), Vec::<String>::new());
    let stopped = one.account.tasks_of(&held);
    assert!(
        stopped.iter().all(|task| task["lastStatus"] == "STOPPED"),
        "{stopped:#?}"
    );

    one.admin.must(&["context", "use", "north2"]);
    goes_on(&two, &one, &beside);
}

/// The other is as it was, and follows its address when that changes.
fn goes_on(two: &Deployment, one: &Deployment, running: &str) {
    let admin = &one.admin;
    assert_eq!(admin.record(running)["status"], "RUNNING");
    let said = two.run_as(admin, &APPLY, &[]);
    assert!(said.err.contains("Nothing changes."), "{said:#?}");
    admin.must(&["kill", running]);
    let record = admin.closed(running);
    assert_eq!(ended(&record).0, "STOPPED", "{record:#}");
    assert_eq!(
        admin.must(&["run", "--lock", "deploy", "echo free"]),
        "free\n"
    );

    let said = two.run_as(admin, &["infra", "destroy", "--yes"], &[]);
    assert_eq!(said.code, 0, "{said:#?}");
    let said = two.run_as(admin, &APPLY, &[]);
    assert!(said.err.contains("as the context north2"), "{said:#?}");
    assert_eq!(admin.must(&["run", "echo again"]), "again\n");
}

/// Takes the lock that both have; answers who holds it.
fn hold(deployment: &Deployment, context: &str) -> String {
    let admin = &deployment.admin;
    let id = admin.submit(&[
        "--context",
        context,
        "--lock",
        "deploy",
        "--no-wait",
        "sleep 600",
    ]);
    until(|| {
        let record = admin.ask(&["--context", context, "status", &id]);
        (record["status"] == "RUNNING").then_some(())
    });
    let list = admin.ask(&["--context", context, "list"]);
    assert_eq!(list.to_string().matches("sleep 600").count(), 1, "{list:#}");
    id
}

fn keys_open_only_their_own(one: &Deployment, two: &Deployment) {
    let key = one.invite("carol@example.com");
    let said = one.holder_of(&key).run(&["list"]);
    assert_eq!(said.code, 0, "{said:#?}");
    let said = two.holder_of(&key).run(&["list"]);
    assert_eq!(said.code, 77, "{said:#?}");
    let users = one.admin.ask(&["--context", "north2", "users", "list"]);
    assert!(!users.to_string().contains("carol"), "{users:#}");
}
