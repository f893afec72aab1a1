//! `runvoy infra` before it reaches any account.

use crate::home::{Home, runvoy_snapshot};

#[cfg(not(feature = "infra"))]
#[test]
fn a_build_without_it_says_where_to_get_one() {
    let shown = Home::new().shown(&["infra", "apply"]);
    for command in ["status", "destroy"] {
        assert_eq!(Home::new().shown(&["infra", command]), shown);
    }
    runvoy_snapshot!(shown, @r"
    exit: 125
    --- stdout
    --- stderr
    error: this build cannot deploy to AWS
    caused by: it was built without the feature `infra`

    hint: in the sources of runvoy:  cargo install --path crates/cli --features infra
          or take the program of a release, which has it
    ");
}

#[test]
fn confirming_is_for_deleting_data() {
    let output = Home::new().run(&["infra", "destroy", "--confirm", "runvoy"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--delete-data"), "{text}");
}

#[cfg(feature = "infra")]
mod with_it {
    use super::*;

    /// A home from which no AWS credentials can be had.
    fn home() -> Home {
        Home::new().set("AWS_EC2_METADATA_DISABLED", "true")
    }

    #[test]
    fn without_a_region_it_says_how_to_name_one() {
        runvoy_snapshot!(home().shown(&["infra", "status"]), @r"
        exit: 2
        --- stdout
        --- stderr
        error: no AWS region is set
        hint: name one:  --region eu-central-1     (or set AWS_REGION, or the region of the profile)
        ");
    }

    #[test]
    fn a_region_without_function_urls_is_refused() {
        runvoy_snapshot!(home().shown(&["infra", "apply", "--region", "ca-west-1"]), @r"
        exit: 2
        --- stdout
        --- stderr
        error: ca-west-1 has no Lambda Function URLs, by which runvoy is reached
        hint: choose a region that has them:  --region eu-central-1
        ");
    }

    #[test]
    fn what_is_no_region_is_refused() {
        let home = home().set("AWS_REGION", "us-east-1a");
        runvoy_snapshot!(home.shown(&["infra", "status"]), @r"
        exit: 2
        --- stdout
        --- stderr
        error: `us-east-1a` is no AWS region
        hint: for example:  --region eu-central-1
        ");
    }

    #[test]
    fn without_credentials_it_says_how_to_sign_in() {
        let output = home().run(&["infra", "apply", "--region", "us-east-1", "--profile", "p"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(77), "{text}");
        assert!(
            text.starts_with("error: no AWS credentials can be used\n"),
            "{text}"
        );
        assert!(text.contains("aws sso login --profile p"), "{text}");
    }

    #[test]
    fn names_and_parameters_are_checked_before_anything_is_asked() {
        for (line, expected) in [
            (["infra", "status", "--project", "my-team"], "project name"),
            (["infra", "apply", "--parameter", "Spot"], "NAME=VALUE"),
            (
                ["infra", "apply", "--admin-email", "nobody"],
                "e-mail address",
            ),
        ] {
            let output = home().run(&line);
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{text}");
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn local_has_nothing_to_deploy() {
        let output = home().run(&["--local", "infra", "status"]);
        assert_eq!(output.status.code(), Some(2));
    }
}
