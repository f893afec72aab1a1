//! What each role may do: no more than is listed here, and nothing without bounds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stack_template::{Resource, Template, strings, values};

/// Actions that AWS only grants on everything, and why that is no harm.
const ON_EVERYTHING: [(&str, &str); 2] = [
    (
        "ecr:GetAuthorizationToken",
        "signs in to the registry; what may be pulled is granted by repository",
    ),
    (
        "ecs:ListTasks",
        "has no resource on Fargate; the condition names the cluster",
    ),
];

/// Actions on tasks that must be bound to the cluster by a condition.
const IN_CLUSTER: [&str; 4] = [
    "ecs:RunTask",
    "ecs:DescribeTasks",
    "ecs:StopTask",
    "ecs:ListTasks",
];

/// A statement that holds whatever the parameters are, or that a parameter adds.
fn statements<'a>(template: &'a Template, role: &Resource<'a>) -> Vec<&'a Value> {
    let inline = values(role.property("Policies")).into_iter();
    let shared = template.of_kind("AWS::IAM::Policy").into_iter();
    let shared = shared
        .filter(|policy| values(policy.property("Roles")).contains(&&json!({ "Ref": role.id })))
        .map(|policy| policy.body);
    let documents = inline
        .map(|policy| &policy["PolicyDocument"])
        .chain(shared.map(|body| &body["Properties"]["PolicyDocument"]));
    let all = documents.flat_map(|document| values(&document["Statement"]));
    all.map(|statement| {
        statement
            .get("Fn::If")
            .map_or(statement, |choice| &choice[1])
    })
    .collect()
}

fn actions(template: &Template, role: &str) -> BTreeSet<String> {
    let role = template.resource(role);
    let all = statements(template, &role).into_iter();
    all.flat_map(|statement| strings(&statement["Action"]))
        .map(str::to_owned)
        .collect()
}

/// What a role may do to a table, and to its indexes.
fn on_table(template: &Template, role: &str, table: &str) -> BTreeSet<String> {
    let role = template.resource(role);
    let mut found = BTreeSet::new();
    for statement in statements(template, &role) {
        let resources = values(&statement["Resource"]);
        let index = format!("${{{table}.Arn}}/index/");
        for action in strings(&statement["Action"]) {
            let action = action.trim_start_matches("dynamodb:");
            if resources.contains(&&json!({"Fn::GetAtt": [table, "Arn"]})) {
                found.insert(action.to_owned());
            }
            let names_index = |resource: &&Value| {
                resource["Fn::Sub"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(&index))
            };
            if resources.iter().any(names_index) {
                found.insert(format!("{action} of indexes"));
            }
        }
    }
    found
}

fn every_statement(template: &Template) -> Vec<(String, &Value)> {
    let roles = template.of_kind("AWS::IAM::Role").into_iter();
    let all = roles.flat_map(|role| {
        let own = statements(template, &role).into_iter();
        own.map(move |statement| (role.id.to_owned(), statement))
            .collect::<Vec<_>>()
    });
    all.collect()
}

#[test]
fn no_action_is_a_pattern() {
    for (role, statement) in every_statement(&Template::main()) {
        assert_eq!(statement["Effect"], json!("Allow"));
        for action in strings(&statement["Action"]) {
            let is_plain = action.contains(':') && !action.contains('*');
            assert!(is_plain, "{role}: {action}");
        }
        assert!(statement.get("NotAction").is_none() && statement.get("NotResource").is_none());
    }
}

#[test]
fn only_what_cannot_be_bounded_is_granted_on_everything() {
    for (role, statement) in every_statement(&Template::main()) {
        if !values(&statement["Resource"]).contains(&&json!("*")) {
            continue;
        }
        for action in strings(&statement["Action"]) {
            let is_known = ON_EVERYTHING.iter().any(|(known, _)| *known == action);
            assert!(is_known, "{role}: {action} on everything");
        }
    }
}

#[test]
fn every_other_resource_belongs_to_the_deployment_or_is_given_by_the_admin() {
    let given = ["ImageRepositoryArns", "TaskRoleArns"];
    for (role, statement) in every_statement(&Template::main()) {
        for resource in values(&statement["Resource"]) {
            let text = resource.to_string();
            let is_own = text.contains("${ProjectName}")
                || text.contains("Fn::GetAtt")
                || text.contains(".Arn}");
            let is_given = given.iter().any(|parameter| text.contains(parameter));
            assert!(is_own || is_given || text == "\"*\"", "{role}: {text}");
        }
    }
}

#[test]
fn roles_are_passed_one_by_one_and_only_to_tasks() {
    let template = Template::main();
    let mut passed = BTreeSet::new();
    for (role, statement) in every_statement(&template) {
        if !strings(&statement["Action"]).contains(&"iam:PassRole") {
            continue;
        }
        let to = &statement["Condition"]["StringEquals"]["iam:PassedToService"];
        assert_eq!(*to, json!("ecs-tasks.amazonaws.com"), "{role}");
        passed.insert(statement["Resource"].to_string());
    }
    let expected = [
        json!({"Fn::GetAtt": ["ExecutionRole", "Arn"]}),
        json!({"Fn::If": ["MakesTaskRole", {"Fn::GetAtt": ["TaskRole", "Arn"]}, {"Ref": "TaskRoleArns"}]}),
    ];
    assert_eq!(passed, expected.iter().map(Value::to_string).collect());
}

#[test]
fn tasks_are_touched_in_the_own_cluster_only() {
    let own = json!({"Fn::GetAtt": ["Cluster", "Arn"]});
    for (role, statement) in every_statement(&Template::main()) {
        let of_cluster = strings(&statement["Action"])
            .iter()
            .any(|action| IN_CLUSTER.contains(action));
        if of_cluster {
            assert_eq!(
                statement["Condition"]["ArnEquals"]["ecs:cluster"], own,
                "{role}"
            );
        }
    }
}

#[test]
fn tags_are_only_set_on_what_is_just_being_made() {
    for (role, statement) in every_statement(&Template::main()) {
        if strings(&statement["Action"]).contains(&"ecs:TagResource") {
            let made_by = &statement["Condition"]["StringEquals"]["ecs:CreateAction"];
            assert_eq!(
                *made_by,
                json!(["RegisterTaskDefinition", "RunTask"]),
                "{role}"
            );
        }
    }
}

#[test]
fn the_agents_function_can_neither_launch_nor_see_people() {
    let template = Template::main();
    let services: BTreeSet<String> = actions(&template, "AgentRole")
        .into_iter()
        .filter(|action| !action.starts_with("dynamodb:"))
        .collect();
    let expected = [
        "lambda:InvokeFunction",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ssm:GetParameter",
    ];
    assert_eq!(services, expected.map(str::to_owned).into());
    for table in [
        "ApiKeys",
        "Users",
        "Claims",
        "Idempotency",
        "Waiters",
        "Tasks",
    ] {
        let granted = on_table(&template, "AgentRole", &format!("{table}Table"));
        assert!(granted.is_empty(), "{table}: {granted:?}");
    }
}

#[test]
fn the_event_processor_cannot_see_users_claims_and_requests() {
    let template = Template::main();
    for table in ["Users", "Claims", "Idempotency"] {
        let granted = on_table(&template, "EventProcessorRole", &format!("{table}Table"));
        assert!(granted.is_empty(), "{table}: {granted:?}");
    }
    let keys = on_table(&template, "EventProcessorRole", "ApiKeysTable");
    assert_eq!(keys, ["GetItem".to_owned()].into());
}

#[test]
fn the_audit_is_never_changed() {
    let template = Template::main();
    for role in ["ApiRole", "AgentRole", "EventProcessorRole"] {
        let granted = on_table(&template, role, "AuditTable");
        assert!(granted.contains("PutItem"), "{role}");
        for action in ["UpdateItem", "DeleteItem"] {
            assert!(!granted.contains(action), "{role}: {action}");
        }
    }
}

#[test]
fn no_role_reads_whole_tables() {
    let template = Template::main();
    for role in ["ApiRole", "AgentRole", "EventProcessorRole"] {
        assert!(
            !actions(&template, role).contains("dynamodb:Scan"),
            "{role}"
        );
    }
}

#[test]
fn roles_are_trusted_by_one_service_each() {
    let template = Template::main();
    for role in template.of_kind("AWS::IAM::Role") {
        let trust = values(&role.property("AssumeRolePolicyDocument")["Statement"]);
        assert_eq!(trust.len(), 1, "{}", role.id);
        let service = trust[0]["Principal"]["Service"].as_str().unwrap();
        let is_of_function = template
            .of_kind("AWS::Lambda::Function")
            .iter()
            .any(|function| function.property("Role")["Fn::GetAtt"][0] == json!(role.id));
        let expected = if is_of_function {
            "lambda.amazonaws.com"
        } else {
            "ecs-tasks.amazonaws.com"
        };
        assert_eq!(service, expected, "{}", role.id);
        assert_eq!(trust[0]["Action"], json!("sts:AssumeRole"));
    }
}

#[test]
fn the_default_role_is_given_to_tasks_of_this_account_only() {
    let template = Template::main();
    let role = template.resource("TaskRole");
    let condition = &role.property("AssumeRolePolicyDocument")["Statement"][0]["Condition"];
    assert_eq!(
        condition["StringEquals"]["aws:SourceAccount"],
        json!({"Ref": "AWS::AccountId"})
    );
    assert!(condition["ArnLike"]["aws:SourceArn"]["Fn::Sub"].is_string());
    assert!(
        role.property("Policies").is_null(),
        "it can do nothing unless policies are given"
    );
}

#[test]
fn functions_enter_a_vpc_only_where_one_is_given() {
    let template = Template::main();
    for function in template.of_kind("AWS::Lambda::Function") {
        assert_eq!(
            function.property("VpcConfig")["Fn::If"][0],
            json!("PutsLambdasInVpc")
        );
        let role = function.property("Role")["Fn::GetAtt"][0].as_str().unwrap();
        let managed = template.resource(role).property("ManagedPolicyArns");
        assert_eq!(managed["Fn::If"][0], json!("PutsLambdasInVpc"), "{role}");
        assert_eq!(
            managed["Fn::If"][2],
            json!({"Ref": "AWS::NoValue"}),
            "{role}"
        );
    }
}
