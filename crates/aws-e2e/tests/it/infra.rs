//! `runvoy infra` from the built command line: a deployment comes, changes, goes, comes again and leaves nothing.

pub(crate) mod account;
mod parameters;
mod troubles;

use crate::infra::account::Deployment;
use crate::shell::{ended, until};

#[test]
fn nothing_is_made_until_somebody_says_yes() {
    let acme = Deployment::of("careful");
    let apply = |options: &[&str]| acme.run(&["infra", "apply"], options);
    let email = ["--admin-email", "admin@example.com"];

    let said = apply(&["--dry-run", "--admin-email", "admin@example.com"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:#?}");
    for line in ["Creates up to", "Cost when idle", "Nothing was changed."] {
        assert!(said.err.contains(line), "{line}: {said:#?}");
    }

    let said = apply(&email);
    assert_eq!(said.code, 2, "{said:#?}");
    assert!(
        said.err.contains("there is no terminal") && said.err.contains("--yes"),
        "{said:#?}"
    );

    let said = apply(&["--yes"]);
    assert_eq!(said.code, 2, "{said:#?}");
    assert!(said.err.contains("--admin-email EMAIL"), "{said:#?}");

    let said = apply(&["--yes", "--parameter", "Colour=red", email[0], email[1]]);
    assert_eq!(said.code, 2, "{said:#?}");
    assert!(
        said.err.contains("there is no parameter Colour"),
        "{said:#?}"
    );

    assert_eq!(acme.left(), Vec::<String>::new());
    assert!(!acme.admin.home().join(".runvoy").exists());
}

#[test]
fn a_deployment_comes_changes_goes_comes_again_and_leaves_nothing() {
    let acme = Deployment::of("acme");
    create(&acme);
    change(&acme);
    let user = acme.invite("bob@example.com");
    let old = acme.admin.submit(&["--lock", "data", "echo kept"]);
    acme.admin.closed(&old);
    let address = acme.endpoint();
    destroy(&acme);
    assert!(
        acme.left().contains(&"table acme-users".to_owned()),
        "{:#?}",
        acme.left()
    );

    come_again(&acme, &address);
    assert_eq!(acme.admin.log(&old), "kept\n");
    let said = acme.holder_of(&user).run(&["run", "echo still here"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "still here\n"),
        "{said:#?}"
    );
    go_for_good(&acme);
}

/// From nothing; a second time changes nothing.
fn create(acme: &Deployment) {
    let said = acme.apply(&["--admin-email", "admin@example.com"]);
    assert!(said.err.contains("admin@example.com is admin"), "{said:#?}");
    assert!(said.err.contains("as the context default"), "{said:#?}");
    assert_eq!(acme.admin.must(&["run", "echo first"]), "first\n");

    let said = acme.apply(&["--admin-email", "admin@example.com"]);
    assert!(said.err.contains("Nothing changes."), "{said:#?}");
    assert!(
        !said.err.contains("Saved") && !said.err.contains("warning"),
        "{said:#?}"
    );
}

fn change(acme: &Deployment) {
    let with = ["--parameter", "LogRetentionDays=30"];
    let said = acme.run(&["infra", "apply", "--dry-run", "--details"], &with);
    assert!(said.err.contains("~ ApiFunction"), "{said:#?}");
    let said = acme.run(&["infra", "apply", "--dry-run"], &[]);
    assert!(
        said.err.contains("Nothing changes."),
        "a look changed it: {said:#?}"
    );

    acme.apply(&with);
    let said = acme.apply(&[]);
    assert!(
        said.err.contains("Nothing changes."),
        "what was said is kept: {said:#?}"
    );

    let status = acme.status();
    for (field, expected) in [
        ("stack", "UPDATE_COMPLETE"),
        ("bootstrap", "CREATE_COMPLETE"),
        ("health", "well"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("project", "acme"),
    ] {
        assert_eq!(status[field], expected, "{status:#}");
    }
    assert_eq!(status["running_tasks"], 0, "{status:#}");
}

/// Stops what runs; what is remembered stays.
fn destroy(acme: &Deployment) {
    let running = acme.admin.submit(&["--lock", "held", "sleep 600"]);
    acme.admin.recorded(&running, "RUNNING");
    let status = acme.status();
    assert_eq!(status["running_tasks"], 1, "{status:#}");
    assert_eq!(status["open_executions"], 1, "{status:#}");

    let said = acme.run(&["infra", "destroy"], &[]);
    assert_eq!(said.code, 2, "{said:#?}");
    assert!(said.err.contains("there is no terminal"), "{said:#?}");
    assert_eq!(acme.status()["running_tasks"], 1);

    let said = acme.run(&["infra", "destroy", "--yes"], &[]);
    assert_eq!(said.code, 0, "{said:#?}");
    for kept in [
        "  acme-users\n",
        "  /runvoy/acme/tasks\n",
        "  /runvoy/acme/stack-key\n",
    ] {
        assert!(said.err.contains(kept), "{kept}: {said:#?}");
    }
    let tasks = acme.account.tasks_of(&running);
    assert!(
        tasks.iter().all(|task| task["lastStatus"] == "STOPPED"),
        "{tasks:#?}"
    );

    let said = acme.run(&["infra", "status"], &[]);
    assert_eq!(said.code, 125, "{said:#?}");
    assert!(
        said.err.contains("an earlier one left") && said.err.contains("acme-users"),
        "{said:#?}"
    );
}

/// Everything is there again, under another address; the run that was stopped has ended, and its lock is free.
fn come_again(acme: &Deployment, address: &str) {
    let said = acme.apply(&[]);
    assert!(
        said.err.contains("Taken over as they are: ") && said.err.contains("acme-users"),
        "{said:#?}"
    );
    assert!(said.err.contains("as the context default"), "{said:#?}");
    assert!(!said.err.contains("warning"), "{said:#?}");
    assert_ne!(acme.endpoint(), address);

    let stopped = acme.admin.last();
    until(|| {
        acme.account.aws.events().tick_now("acme-reconcile");
        let record = acme.admin.record(&stopped);
        (ended(&record).0 != "RUNNING").then_some(())
    });
    let said = acme
        .admin
        .run(&["run", "--lock", "held", "--no-wait", "echo mine"]);
    assert_eq!((said.code, said.out.as_str()), (0, "mine\n"), "{said:#?}");
}

fn go_for_good(acme: &Deployment) {
    let destroy =
        |options: &[&str]| acme.run(&["infra", "destroy", "--yes", "--delete-data"], options);
    for (options, hint) in [
        (&[][..], "--confirm acme"),
        (&["--confirm", "acm"][..], "the project is acme"),
    ] {
        let said = destroy(options);
        assert_eq!(said.code, 2, "{said:#?}");
        assert!(said.err.contains(hint), "{said:#?}");
    }
    assert_eq!(acme.admin.must(&["run", "echo untouched"]), "untouched\n");

    let said = destroy(&["--confirm", "acme"]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.err.contains("Nothing of acme is left"), "{said:#?}");
    assert_eq!(acme.left(), Vec::<String>::new());

    let said = destroy(&["--confirm", "acme"]);
    assert_eq!(said.code, 0, "what is gone is gone: {said:#?}");
}
