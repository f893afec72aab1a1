//! The functions, their addresses, and what they are told.

use serde_json::{Value, json};

use crate::stack_template::{Resource, Template};

/// What every function is told.
const EVERY: [&str; 3] = [
    "RUNVOY_LOG_RETENTION_DAYS",
    "RUNVOY_PROJECT",
    "RUNVOY_STACK_KEY_PARAMETER",
];

/// What those are told besides that may launch.
const TO_LAUNCH: [&str; 12] = [
    "RUNVOY_AGENT_IMAGE",
    "RUNVOY_AGENT_URL",
    "RUNVOY_ARCHITECTURE",
    "RUNVOY_ASSIGN_PUBLIC_IP",
    "RUNVOY_CLUSTER",
    "RUNVOY_DEFAULT_IMAGE",
    "RUNVOY_EXECUTION_ROLE",
    "RUNVOY_SECURITY_GROUPS",
    "RUNVOY_SPOT",
    "RUNVOY_SUBNETS",
    "RUNVOY_TASK_LOG_GROUP",
    "RUNVOY_TASK_ROLE",
];

/// A function and what is its own: suffix of its name, code, memory, seconds.
const FUNCTIONS: [(&str, &str, &str, i64, i64); 3] = [
    ("AgentFunction", "agent", "OrchestratorKey", 256, 29),
    ("ApiFunction", "api", "OrchestratorKey", 512, 29),
    (
        "EventProcessorFunction",
        "event-processor",
        "EventProcessorKey",
        512,
        60,
    ),
];

fn wanted_variables(suffix: &str) -> Vec<&'static str> {
    let to_hand_on = ["RUNVOY_EVENT_PROCESSOR", "RUNVOY_FUNCTION"];
    let mut wanted = EVERY.to_vec();
    if suffix != "agent" {
        wanted.extend(TO_LAUNCH);
    }
    if suffix != "event-processor" {
        wanted.extend(to_hand_on);
    }
    wanted.sort_unstable();
    wanted
}

#[test]
fn functions_are_what_they_are_built_as() {
    let template = Template::main();
    assert_eq!(
        template.of_kind("AWS::Lambda::Function").len(),
        FUNCTIONS.len()
    );
    for (id, suffix, code, memory, seconds) in FUNCTIONS {
        let function = template.resource(id);
        let name = format!("${{ProjectName}}-{suffix}");
        assert_eq!(
            *function.property("FunctionName"),
            json!({ "Fn::Sub": name })
        );
        assert_eq!(*function.property("Runtime"), json!("provided.al2023"));
        assert_eq!(*function.property("Architectures"), json!(["arm64"]));
        assert_eq!(*function.property("Handler"), json!("bootstrap"));
        assert_eq!(*function.property("MemorySize"), json!(memory));
        assert_eq!(*function.property("Timeout"), json!(seconds));
        assert_eq!(function.property("Code")["S3Key"], json!({ "Ref": code }));
    }
}

#[test]
fn functions_are_told_exactly_what_they_read() {
    let template = Template::main();
    for (id, suffix, ..) in FUNCTIONS {
        let variables = &template.resource(id).property("Environment")["Variables"];
        let mut told: Vec<&str> = variables
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        told.sort_unstable();
        assert_eq!(told, wanted_variables(suffix), "{id}");
        if suffix != "event-processor" {
            assert_eq!(variables["RUNVOY_FUNCTION"], json!(suffix));
        }
    }
}

#[test]
fn the_event_processor_is_called_by_its_name() {
    let template = Template::main();
    let name = template
        .resource("EventProcessorFunction")
        .property("FunctionName");
    for id in ["ApiFunction", "AgentFunction"] {
        let told = &template.resource(id).property("Environment")["Variables"];
        assert_eq!(told["RUNVOY_EVENT_PROCESSOR"], *name, "{id}");
    }
}

#[test]
fn a_function_has_its_log_group_before_it_writes() {
    let template = Template::main();
    for function in template.of_kind("AWS::Lambda::Function") {
        let group = &function.property("LoggingConfig")["LogGroup"]["Ref"];
        let group = template.resource(group.as_str().unwrap());
        assert_eq!(group.kind, "AWS::Logs::LogGroup");
        let name = function.property("FunctionName")["Fn::Sub"]
            .as_str()
            .unwrap();
        let wanted = format!("/aws/lambda/{name}");
        assert_eq!(
            *group.property("LogGroupName"),
            json!({ "Fn::Sub": wanted })
        );
    }
}

#[test]
fn a_function_has_all_its_rights_before_it_is_made() {
    let template = Template::main();
    for function in template.of_kind("AWS::Lambda::Function") {
        let role = &function.property("Role")["Fn::GetAtt"][0];
        for policy in template.of_kind("AWS::IAM::Policy") {
            let holders = policy.property("Roles").as_array().unwrap();
            let is_held = holders.contains(&json!({ "Ref": role }));
            let waits = function.depends_on().contains(&policy.id);
            assert_eq!(is_held, waits, "{} and {}", function.id, policy.id);
        }
    }
}

#[test]
fn only_what_the_internet_reaches_is_bounded_in_its_number() {
    let template = Template::main();
    for (id, suffix, ..) in FUNCTIONS {
        let bound = template
            .resource(id)
            .property("ReservedConcurrentExecutions");
        assert_eq!(bound.is_null(), suffix == "event-processor", "{id}");
    }
}

#[test]
fn a_public_address_has_both_permissions_that_it_needs() {
    let template = Template::main();
    let addresses = template.of_kind("AWS::Lambda::Url");
    assert_eq!(addresses.len(), 2);
    let permissions = template.of_kind("AWS::Lambda::Permission");
    for address in addresses {
        assert_eq!(*address.property("AuthType"), json!("NONE"));
        let function = address.property("TargetFunctionArn");
        let mut given: Vec<(Value, Value, Value)> = permissions
            .iter()
            .filter(|permission| permission.property("FunctionName") == function)
            .map(public)
            .collect();
        given.sort_by_key(|(action, ..)| action.to_string());
        let expected = [
            (json!("lambda:InvokeFunction"), Value::Null, json!(true)),
            (
                json!("lambda:InvokeFunctionUrl"),
                json!("NONE"),
                Value::Null,
            ),
        ];
        assert_eq!(given, expected, "{}", address.id);
    }
}

/// A permission for everybody: the action, and the two conditions that bind it to the address.
fn public(permission: &Resource<'_>) -> (Value, Value, Value) {
    assert_eq!(
        *permission.property("Principal"),
        json!("*"),
        "{}",
        permission.id
    );
    (
        permission.property("Action").clone(),
        permission.property("FunctionUrlAuthType").clone(),
        permission.property("InvokedViaFunctionUrl").clone(),
    )
}

#[test]
fn nobody_else_may_call_a_function_but_the_rules() {
    let template = Template::main();
    for permission in template.of_kind("AWS::Lambda::Permission") {
        if *permission.property("Principal") == json!("*") {
            let is_bound = !permission.property("FunctionUrlAuthType").is_null()
                || *permission.property("InvokedViaFunctionUrl") == json!(true);
            assert!(
                is_bound,
                "{} lets everybody in past the address",
                permission.id
            );
        } else {
            assert_eq!(
                *permission.property("Principal"),
                json!("events.amazonaws.com")
            );
            assert!(
                !permission.property("SourceArn").is_null(),
                "{}",
                permission.id
            );
        }
    }
}
