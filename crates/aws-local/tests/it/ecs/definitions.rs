//! Task definitions and clusters.

use serde_json::{Value, json};

use super::stage::{Stage, definition, run};

#[tokio::test]
async fn a_family_means_its_newest_active_revision() {
    let stage = Stage::new().await;
    let second = stage.must("RegisterTaskDefinition", &definition("alpine:2"));
    assert_eq!(second["taskDefinition"]["revision"], json!(2));
    let image = || {
        let found = stage.must(
            "DescribeTaskDefinition",
            &json!({ "taskDefinition": "p-0" }),
        );
        found["taskDefinition"]["containerDefinitions"][1]["image"].clone()
    };
    assert_eq!(image(), json!("alpine:2"));
    stage.must(
        "DeregisterTaskDefinition",
        &json!({ "taskDefinition": "p-0:2" }),
    );
    assert_eq!(image(), json!("alpine"));
    let first = &stage.must("RunTask", &run("a-1", "true"))["tasks"][0];
    assert_eq!(
        first["taskDefinitionArn"],
        json!("arn:aws:ecs:us-east-1:123456789012:task-definition/p-0:1")
    );
    let mut inactive = run("a-2", "true");
    inactive["taskDefinition"] = json!("p-0:2");
    let (code, body) = stage.ask("RunTask", &inactive).unwrap_err();
    assert_eq!(
        (code.as_str(), &body["message"]),
        ("ClientException", &json!("TaskDefinition is inactive"))
    );
}

#[tokio::test]
async fn only_inactive_definitions_are_deleted() {
    let stage = Stage::new().await;
    let delete = || {
        stage.must(
            "DeleteTaskDefinitions",
            &json!({ "taskDefinitions": ["p-0:1"] }),
        )
    };
    let refused = delete();
    assert_eq!(refused["taskDefinitions"], json!([]));
    assert!(
        refused["failures"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("ACTIVE")
    );
    let list = |status: &str| {
        stage.must(
            "ListTaskDefinitions",
            &json!({ "familyPrefix": "p-0", "status": status }),
        )
    };
    let arn = json!(["arn:aws:ecs:us-east-1:123456789012:task-definition/p-0:1"]);
    assert_eq!(list("ACTIVE")["taskDefinitionArns"], arn);
    stage.must(
        "DeregisterTaskDefinition",
        &json!({ "taskDefinition": "p-0:1" }),
    );
    assert_eq!(
        (
            &list("ACTIVE")["taskDefinitionArns"],
            &list("INACTIVE")["taskDefinitionArns"]
        ),
        (&json!([]), &arn)
    );
    assert_eq!(delete()["failures"], json!([]));
    assert_eq!(list("INACTIVE")["taskDefinitionArns"], json!([]));
}

#[tokio::test]
async fn an_unknown_definition_cannot_be_described() {
    let stage = Stage::new().await;
    let (code, body) = stage
        .ask("DescribeTaskDefinition", &json!({ "taskDefinition": "q" }))
        .unwrap_err();
    assert_eq!(
        (code.as_str(), &body["message"]),
        (
            "ClientException",
            &json!("Unable to describe task definition.")
        )
    );
}

#[tokio::test]
async fn a_definition_that_fargate_cannot_run_is_refused() {
    let stage = Stage::new().await;
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut request = definition("alpine");
        change(&mut request);
        let (code, body) = stage.ask("RegisterTaskDefinition", &request).unwrap_err();
        assert_eq!(code, "ClientException");
        body["message"].as_str().unwrap().to_owned()
    };
    assert!(
        refusal(&|one| one["memory"] = json!("4096"))
            .starts_with("No Fargate configuration exists")
    );
    assert!(
        refusal(&|one| one["networkMode"] = json!("bridge")).starts_with("Fargate only supports")
    );
    assert!(
        refusal(&|one| one["containerDefinitions"][0]["essential"] = json!(true))
            .contains("copier")
    );
    assert!(refusal(&|one| one["volumes"] = json!([])).contains("runvoy"));
    assert!(
        refusal(&|one| one["containerDefinitions"][1]["stopTimeout"] = json!(121))
            .contains("stopTimeout")
    );
    let without_role = refusal(&|one| {
        one["executionRoleArn"] = Value::Null;
        one["containerDefinitions"][1]["logConfiguration"] = json!({ "logDriver": "awslogs" });
    });
    assert!(without_role.contains("execution role ARN to support log driver awslogs"));
}

#[tokio::test]
async fn a_cluster_with_tasks_is_not_deleted() {
    let stage = Stage::new().await;
    let task = stage.run("a-1", "sleep 60");
    let cluster = json!({ "cluster": "p" });
    assert_eq!(
        stage.ask("DeleteCluster", &cluster).unwrap_err().0,
        "ClusterContainsTasksException"
    );
    stage.must("StopTask", &json!({ "cluster": "p", "task": task }));
    stage.reaches(&task, "STOPPED").await;
    stage.must("DeleteCluster", &cluster);
    let described = stage.must("DescribeClusters", &json!({ "clusters": ["p", "q"] }));
    assert_eq!(described["clusters"][0]["status"], json!("INACTIVE"));
    assert_eq!(described["failures"][0]["reason"], json!("MISSING"));
    assert_eq!(
        stage.ask("RunTask", &run("a-2", "true")).unwrap_err().0,
        "ClientException"
    );
}
