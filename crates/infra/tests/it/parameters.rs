//! What an admin may choose.

use crate::stack_template::{Template, strings};

/// Parameters that only a deployment knows; every other has a default that works in an empty account.
const NEEDED: [&str; 4] = [
    "AgentImage",
    "ArtifactsBucket",
    "EventProcessorKey",
    "OrchestratorKey",
];

#[test]
fn an_empty_account_needs_only_what_a_deployment_makes() {
    let parameters = Template::main().part("Parameters");
    let mut needed: Vec<&str> = parameters
        .iter()
        .filter(|(_, body)| body.get("Default").is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    needed.sort_unstable();
    assert_eq!(needed, NEEDED);
    let bootstrap = Template::bootstrap().part("Parameters");
    assert!(bootstrap.values().all(|body| body.get("Default").is_some()));
}

#[test]
fn every_parameter_is_explained_and_bounded() {
    for template in Template::both() {
        for (name, body) in template.part("Parameters") {
            assert!(body["Description"].as_str().unwrap().len() > 20, "{name}");
            let pattern = body["AllowedPattern"].as_str();
            assert!(
                pattern.is_some() || body.get("AllowedValues").is_some(),
                "{name}"
            );
            if let Some(pattern) = pattern {
                assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{name}");
                let words = body["ConstraintDescription"].as_str().unwrap();
                assert!(words.starts_with("must be "), "{name}: {words}");
            }
        }
    }
}

#[test]
fn the_console_shows_every_parameter_in_one_group() {
    for template in Template::both() {
        let groups =
            &template.value("Metadata")["AWS::CloudFormation::Interface"]["ParameterGroups"];
        let groups = groups.as_array().unwrap().iter();
        let mut shown: Vec<&str> = groups
            .flat_map(|group| strings(&group["Parameters"]))
            .collect();
        shown.sort_unstable();
        let parameters = template.part("Parameters");
        let mut known: Vec<&str> = parameters.keys().map(String::as_str).collect();
        known.sort_unstable();
        assert_eq!(shown, known);
    }
}

#[test]
fn a_deployment_tells_what_others_need() {
    let outputs = Template::main().part("Outputs");
    let mut told: Vec<&str> = outputs.keys().map(String::as_str).collect();
    told.sort_unstable();
    let expected = [
        "AgentUrl",
        "ApiUrl",
        "ClusterName",
        "DefaultTaskRoleArn",
        "ProjectName",
        "TaskLogGroup",
        "Version",
    ];
    assert_eq!(told, expected);
    let outputs = Template::bootstrap().part("Outputs");
    let mut told: Vec<&str> = outputs.keys().map(String::as_str).collect();
    told.sort_unstable();
    assert_eq!(told, ["AgentRepository", "ArtifactsBucket"]);
}
