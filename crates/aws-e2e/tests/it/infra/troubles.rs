//! What an account can answer to `runvoy infra`, and what it then says.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::account::Deployment;
use crate::shell::Person;

const EMAIL: [&str; 2] = ["--admin-email", "admin@example.com"];

#[test]
fn who_has_no_credentials_is_told_how_to_get_some() {
    let person = Person::new().with("AWS_EC2_METADATA_DISABLED", "true");
    for command in ["apply", "status", "destroy"] {
        let said = person.run(&["infra", command, "--region", "us-east-1"]);
        assert_eq!(said.code, 77, "{command}: {said:#?}");
        assert!(
            said.err.contains("no AWS credentials can be used"),
            "{command}: {said:#?}"
        );
        assert!(said.err.contains("aws sso login"), "{command}: {said:#?}");
    }
}

#[test]
fn in_a_region_without_the_deployment_it_says_where_it_looked() {
    let there = Deployment::of("elsewhere");
    let said = there.run(&["infra", "status"], &["--region", "eu-west-1"]);
    assert_eq!(said.code, 125, "{said:#?}");
    assert!(
        said.err.contains("no deployment elsewhere in eu-west-1"),
        "{said:#?}"
    );
    assert!(said.err.contains("--region REGION"), "{said:#?}");
    for (region, words) in [
        ("mars-north-9x", "is no AWS region"),
        ("ca-west-1", "no Lambda Function URLs"),
    ] {
        let said = there.run(&["infra", "status"], &["--region", region]);
        assert_eq!(said.code, 2, "{said:#?}");
        assert!(said.err.contains(words), "{said:#?}");
    }
}

#[test]
fn a_missing_permission_is_named_and_nothing_is_made() {
    let control = Deployment::of("denied");
    let caller = "AKIALOCALDENIED";
    let person = Person::with_aws(control.account.aws.endpoint()).with("AWS_ACCESS_KEY_ID", caller);
    let denied = Deployment::of_person("denied", person);
    for action in [
        "sts:GetCallerIdentity",
        "cloudformation:DescribeStacks",
        "iam:CreateServiceLinkedRole",
    ] {
        denied.account.aws.control().deny(caller, action);
        let said = denied.run(&["infra", "apply", "--yes"], &EMAIL);
        assert_eq!(said.code, 77, "{action}: {said:#?}");
        assert!(
            said.err.contains(action) && said.err.contains("admin-policy.json"),
            "{action}: {said:#?}"
        );
        assert_eq!(denied.left(), Vec::<String>::new());
        denied.account.aws.control().allow_all();
    }
}

/// The artifacts, but for a function that cannot be one.
fn bad_artifacts(deployment: &Deployment) -> TempDir {
    let bad = TempDir::new().unwrap();
    for entry in fs::read_dir(deployment.account.artifacts.path()).unwrap() {
        let entry = entry.unwrap();
        symlink(entry.path(), bad.path().join(entry.file_name())).unwrap();
    }
    let zip = bad.path().join("event-processor.zip");
    fs::remove_file(&zip).unwrap();
    fs::write(zip, b"PK\x03\x04 and nothing of use").unwrap();
    bad
}

#[test]
fn a_creation_that_failed_is_explained_and_made_anew() {
    let broken = Deployment::of("broken");
    let bad = bad_artifacts(&broken);
    let artifacts = bad.path().display().to_string();
    let options = [&EMAIL[..], &["--artifacts", &artifacts]].concat();
    let said = broken.run(&["infra", "apply", "--yes"], &options);
    assert_eq!(said.code, 125, "{said:#?}");
    for words in [
        "EventProcessorFunction (AWS::Lambda::Function)",
        "ROLLBACK_COMPLETE",
    ] {
        assert!(said.err.contains(words), "{words}: {said:#?}");
    }
    let left = broken.left();
    assert!(
        !left.iter().any(|one| one.starts_with("table")),
        "{left:#?}"
    );
    assert_eq!(broken.status()["stack"], "ROLLBACK_COMPLETE");

    let said = broken.apply(&EMAIL);
    assert!(
        said.err
            .contains("was never made whole (ROLLBACK_COMPLETE)"),
        "{said:#?}"
    );
    assert_eq!(broken.admin.must(&["run", "echo well"]), "well\n");
    a_lost_key_is_made_good(&broken);
}

fn a_lost_key_is_made_good(deployment: &Deployment) {
    let elsewhere = Person::with_aws(deployment.account.aws.endpoint());
    let again = |options: &[&str]| {
        let options = [&EMAIL[..], options].concat();
        deployment.run_as(&elsewhere, &["infra", "apply", "--yes"], &options)
    };
    let said = again(&[]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.err.contains("--new-admin-key"), "{said:#?}");

    let said = again(&["--new-admin-key"]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert_eq!(elsewhere.must(&["run", "echo new"]), "new\n");
    let said = deployment.admin.run(&["list"]);
    assert_eq!(said.code, 77, "the old key has ended: {said:#?}");

    let said = deployment.apply(&EMAIL);
    assert!(said.err.contains("no valid key of theirs"), "{said:#?}");
    let said = deployment.apply(&["--new-admin-key"]);
    assert!(said.err.contains("as the context default"), "{said:#?}");
    deployment.admin.must(&["list"]);
}
