//! `RunTask` and what tells its tasks.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Stage, definition, run};

const HOUR: Duration = Duration::from_hours(1);

fn arns(answer: &Value) -> Vec<&str> {
    answer["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["taskArn"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_token_repeats_the_same_task_until_an_hour_after_its_end() {
    let stage = Stage::new().await;
    let first = stage.must("RunTask", &run("a-1", "true"));
    assert_eq!(
        arns(&stage.must("RunTask", &run("a-1", "true"))),
        arns(&first)
    );
    stage.reaches(arns(&first)[0], "STOPPED").await;
    stage.ecs.clock().advance(Duration::from_secs(59 * 60 + 30));
    assert_eq!(
        arns(&stage.must("RunTask", &run("a-1", "true"))),
        arns(&first)
    );
    stage.ecs.clock().advance(Duration::from_secs(30));
    assert_ne!(
        arns(&stage.must("RunTask", &run("a-1", "true"))),
        arns(&first)
    );
    assert_eq!(stage.ecs.tasks().len(), 2);
}

#[tokio::test]
async fn a_token_is_forgotten_after_a_day_though_its_task_lives() {
    let stage = Stage::new().await;
    let first = stage.run("a-1", "sleep 60");
    stage.ecs.clock().advance(24 * HOUR);
    assert_ne!(stage.run("a-1", "sleep 60"), first);
}

#[tokio::test]
async fn a_token_with_other_parameters_conflicts_and_names_the_task() {
    let stage = Stage::new().await;
    let first = stage.run("a-1", "sleep 60");
    let (code, body) = stage.ask("RunTask", &run("a-1", "sleep 61")).unwrap_err();
    assert_eq!(
        (code.as_str(), &body["resourceIds"]),
        ("ConflictException", &json!([first]))
    );
}

#[tokio::test]
async fn tokens_of_different_clusters_are_strangers() {
    let stage = Stage::new().await;
    stage.must("CreateCluster", &json!({ "clusterName": "q" }));
    let mut elsewhere = run("a-1", "true");
    elsewhere["cluster"] = json!("q");
    let first = stage.run("a-1", "true");
    assert_ne!(arns(&stage.must("RunTask", &elsewhere)), [first.as_str()]);
}

#[tokio::test]
async fn a_failure_is_replayed_to_the_same_token() {
    let stage = Stage::new().await;
    stage.ecs.fail_capacity(1);
    let failed = stage.must("RunTask", &run("a-1", "true"));
    let reason = failed["failures"][0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("Capacity is unavailable at this time."),
        "{reason}"
    );
    assert_eq!(stage.must("RunTask", &run("a-1", "true")), failed);
    assert_eq!(
        stage.must("RunTask", &run("a-2", "true"))["failures"],
        json!([])
    );
}

#[tokio::test]
async fn an_image_can_lack_capacity_for_ever() {
    let stage = Stage::new().await;
    stage.must("RegisterTaskDefinition", &definition("no-capacity/x"));
    for label in ["a-1", "a-2"] {
        assert_eq!(
            stage.must("RunTask", &run(label, "true"))["tasks"],
            json!([])
        );
    }
}

#[tokio::test]
async fn a_task_is_missing_at_first_and_an_hour_after_its_stop() {
    let stage = Stage::new().await;
    stage.ecs.set_delays(|delays| delays.visibility = HOUR);
    let task = stage.run("a-1", "true");
    let missing = json!([{ "arn": task, "reason": "MISSING" }]);
    assert_eq!(stage.describe(&task)["failures"], missing);
    let label = json!({ "cluster": "p", "startedBy": "a-1" });
    assert_eq!(stage.must("ListTasks", &label)["taskArns"], json!([]));
    stage
        .ecs
        .set_delays(|delays| delays.visibility = Duration::ZERO);
    let id = task.rsplit('/').next().unwrap();
    let stopped = stage.reaches(id, "STOPPED").await;
    assert_eq!(stopped["taskArn"], json!(task));
    stage.ecs.clock().advance(HOUR);
    assert_eq!(stage.describe(&task)["failures"], missing);
}

#[tokio::test]
async fn a_listing_by_label_takes_no_other_filter_and_shows_what_is_to_run() {
    let stage = Stage::new().await;
    let (one, two) = (stage.run("a-1", "sleep 60"), stage.run("b-1", "sleep 60"));
    let list = |filter: Value| stage.ask("ListTasks", &filter);
    let labelled = json!({ "cluster": "p", "startedBy": "a-1" });
    assert_eq!(list(labelled.clone()).unwrap()["taskArns"], json!([one]));
    for (field, value) in [("desiredStatus", "STOPPED"), ("family", "p-0")] {
        let mut both = labelled.clone();
        both[field] = json!(value);
        assert_eq!(list(both).unwrap_err().0, "InvalidParameterException");
    }
    stage.must("StopTask", &json!({ "cluster": "p", "task": one }));
    assert_eq!(list(labelled).unwrap()["taskArns"], json!([]));
    let stopped = list(json!({ "cluster": "p", "desiredStatus": "STOPPED" })).unwrap();
    assert_eq!(stopped["taskArns"], json!([one]));
    let family = list(json!({ "cluster": "p", "family": "p-0", "maxResults": 1 })).unwrap();
    assert_eq!(family["taskArns"], json!([two]));
}

#[tokio::test]
async fn what_ecs_refuses_is_refused() {
    let stage = Stage::new().await;
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut request = run("a-1", "true");
        change(&mut request);
        let (code, body) = stage.ask("RunTask", &request).unwrap_err();
        format!("{code}: {}", body["message"].as_str().unwrap())
    };
    let long = "x".repeat(8193);
    let cases: Vec<(String, &str)> = vec![
        (
            refusal(&|run| run["cluster"] = json!("q")),
            "ClusterNotFoundException: Cluster not found.",
        ),
        (
            refusal(&|run| run["taskDefinition"] = json!("p-1")),
            "ClientException: TaskDefinition not found.",
        ),
        (
            refusal(&|run| run["startedBy"] = json!("x".repeat(129))),
            "InvalidParameterException: The startedBy",
        ),
        (
            refusal(&|run| run["overrides"]["containerOverrides"][0]["command"] = json!([long])),
            "InvalidParameterException: Container Overrides length must be at most 8192",
        ),
        (
            refusal(&|run| run["overrides"]["cpu"] = json!("300")),
            "ClientException: No Fargate configuration exists",
        ),
        (
            refusal(&|run| run["overrides"]["ephemeralStorage"] = json!({ "sizeInGiB": 20 })),
            "InvalidParameterException: Eph",
        ),
        (
            refusal(&|run| run["networkConfiguration"] = Value::Null),
            "InvalidParameterException: Network Configuration",
        ),
        (
            refusal(&|run| run["overrides"]["containerOverrides"][0]["name"] = json!("x")),
            "InvalidParameterException: Override for container named x is not a container in the TaskDefinition.",
        ),
        (
            refusal(&|run| {
                run["capacityProviderStrategy"] = json!([{ "capacityProvider": "FARGATE_SPOT" }]);
            }),
            "InvalidParameterException: Specifying both a launch type and capacity provider strategy",
        ),
    ];
    for (said, expected) in cases {
        assert!(said.starts_with(expected), "{said}");
    }
    assert!(stage.ecs.tasks().is_empty());
}

#[tokio::test]
async fn tags_of_a_resource_are_kept() {
    let stage = Stage::new().await;
    let task = stage.run("a-1", "sleep 60");
    let tags = json!([{ "key": "k", "value": "v" }]);
    stage.must("TagResource", &json!({ "resourceArn": task, "tags": tags }));
    assert_eq!(
        stage.must("ListTagsForResource", &json!({ "resourceArn": task }))["tags"],
        tags
    );
}
