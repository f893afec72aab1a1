//! The policy of the person who deploys: less than an administrator's, and small enough to be one policy.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stack_template::{Template, strings, values};

const POLICY: &str = include_str!("../../../../deployments/aws/admin-policy.json");
const GUIDE: &str = include_str!("../../../../deployments/aws/README.md");

/// The most characters of a managed policy, white space apart.
const MAX_CHARACTERS: usize = 6_144;

/// Services whose actions may be patterns as a whole, since nothing of theirs holds data, and all of it is the project's.
const WITHOUT_DATA: [&str; 7] = [
    "cloudformation",
    "cloudwatch",
    "ecr",
    "events",
    "lambda",
    "sns",
    "sqs",
];

/// Actions that are granted on everything: AWS knows no resource for them, or they only read what is not secret.
const ON_EVERYTHING: [&str; 13] = [
    "cloudformation:GetTemplateSummary",
    "cloudformation:ValidateTemplate",
    "cloudwatch:DescribeAlarms",
    "ec2:Describe*",
    "ecr:GetAuthorizationToken",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTaskDefinition*",
    "ecs:ListTasks",
    "lambda:GetAccountSettings",
    "logs:DescribeLogGroups",
    "sns:Unsubscribe",
    "sts:GetCallerIdentity",
];

fn policy() -> Value {
    serde_json::from_str(POLICY).unwrap()
}

#[test]
fn it_fits_into_one_policy_whatever_the_projects_name() {
    let worst = POLICY
        .replace("ACCOUNT", "123456789012")
        .replace("PROJECT", &"p".repeat(20))
        .replace(
            "TASK_ROLE_POLICY_ARN",
            &format!("arn:aws:iam::123456789012:policy/{}", "p".repeat(128)),
        );
    let characters = worst.chars().filter(|c| !c.is_whitespace()).count();
    assert!(characters <= MAX_CHARACTERS, "{characters} characters");
}

#[test]
fn only_what_cannot_be_bounded_is_granted_on_everything() {
    for statement in values(&policy()["Statement"]) {
        if statement["Resource"] == json!("*") {
            for action in strings(&statement["Action"]) {
                assert!(ON_EVERYTHING.contains(&action), "{action} on everything");
            }
        }
    }
}

#[test]
fn everything_else_is_the_projects_or_bears_its_tag() {
    for statement in values(&policy()["Statement"]) {
        for resource in strings(&statement["Resource"]) {
            let is_service_role = resource.contains(":role/aws-service-role/ecs.amazonaws.com/");
            let is_network = resource == "arn:aws:ec2:*:ACCOUNT:*";
            let is_own = resource.contains("PROJECT");
            assert!(
                resource == "*" || is_own || is_network || is_service_role,
                "{resource}"
            );
            let condition = statement["Condition"].to_string();
            let is_making = statement["Sid"] == json!("MakeNetwork");
            assert!(
                !is_network || is_making || condition.contains("/runvoy:project"),
                "{}",
                statement["Sid"]
            );
        }
    }
}

#[test]
fn whole_services_are_granted_only_where_no_data_is() {
    for statement in values(&policy()["Statement"]) {
        for action in strings(&statement["Action"]) {
            let (service, verb) = action.split_once(':').unwrap();
            assert!(verb != "*" || WITHOUT_DATA.contains(&service), "{action}");
        }
    }
}

#[test]
fn it_passes_roles_to_functions_only_and_attaches_only_named_policies() {
    let policy = policy();
    let of_action = |wanted: &str| -> Vec<Value> {
        let all = values(&policy["Statement"]).into_iter();
        all.filter(|statement| strings(&statement["Action"]).contains(&wanted))
            .cloned()
            .collect()
    };
    let passing = of_action("iam:PassRole");
    assert_eq!(passing.len(), 1);
    let to = &passing[0]["Condition"]["StringEquals"]["iam:PassedToService"];
    assert_eq!(*to, json!("lambda.amazonaws.com"));
    let attaching = of_action("iam:AttachRolePolicy");
    assert_eq!(attaching.len(), 1);
    assert!(attaching[0]["Condition"]["ArnEquals"]["iam:PolicyARN"].is_array());
}

#[test]
fn it_neither_reads_what_commands_wrote_nor_starts_commands() {
    let granted: BTreeSet<String> = values(&policy()["Statement"])
        .iter()
        .flat_map(|statement| strings(&statement["Action"]))
        .map(str::to_owned)
        .collect();
    for action in [
        "logs:GetLogEvents",
        "logs:FilterLogEvents",
        "dynamodb:Scan",
        "ecs:RunTask",
        "ssm:GetParameter",
    ] {
        let is_granted = granted.iter().any(|pattern| matches(pattern, action));
        assert!(!is_granted, "{action}");
    }
}

#[test]
fn it_knows_every_service_of_the_templates() {
    let granted: BTreeSet<String> = values(&policy()["Statement"])
        .iter()
        .flat_map(|statement| strings(&statement["Action"]))
        .map(|action| action.split_once(':').unwrap().0.to_owned())
        .collect();
    for template in Template::both() {
        for resource in template.resources() {
            let service = resource.kind.split("::").nth(1).unwrap().to_lowercase();
            assert!(granted.contains(&service), "{}", resource.kind);
        }
    }
}

#[test]
fn its_placeholders_are_explained() {
    for placeholder in ["ACCOUNT", "PROJECT", "TASK_ROLE_POLICY_ARN"] {
        assert!(POLICY.contains(placeholder));
        assert!(
            GUIDE.contains(&format!("| `{placeholder}` |")),
            "{placeholder}"
        );
    }
}

/// Whether an action fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, action: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == action;
    };
    let Some(rest) = action.strip_prefix(head) else {
        return false;
    };
    (0..=rest.len()).any(|skipped| matches(tail, &rest[skipped..]))
}
