//! Events of tasks.

use std::time::{Duration, Instant};

use runvoy_aws_local::EventMode;
use serde_json::{Value, json};

use super::stage::Stage;

fn versions(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["detail"]["version"].as_u64().unwrap())
        .collect()
}

async fn first_task(mode: EventMode, count: usize) -> Vec<Value> {
    let stage = Stage::new().await;
    stage.ecs.set_events(mode);
    let task = stage.run("a-1", "exit 7");
    stage.reaches(&task, "STOPPED").await;
    stage.events(count).await
}

#[tokio::test]
async fn each_step_is_an_event_with_a_growing_version() {
    let events = first_task(EventMode::InOrder, 6).await;
    assert_eq!(versions(&events), [1, 2, 3, 4, 5, 6]);
    let statuses: Vec<&str> = events
        .iter()
        .map(|event| event["detail"]["lastStatus"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            "PROVISIONING",
            "PENDING",
            "PENDING",
            "RUNNING",
            "DEPROVISIONING",
            "STOPPED"
        ]
    );
    let last = events.last().unwrap();
    assert_eq!(
        (&last["source"], &last["detail-type"]),
        (&json!("aws.ecs"), &json!("ECS Task State Change"))
    );
    assert_eq!(last["resources"], json!([last["detail"]["taskArn"]]));
    assert_eq!(
        last["detail"]["clusterArn"],
        json!("arn:aws:ecs:us-east-1:123456789012:cluster/p")
    );
    assert_eq!(
        (&last["detail"]["startedBy"], &last["detail"]["stopCode"]),
        (&json!("a-1"), &json!("EssentialContainerExited"))
    );
    for time in [
        "createdAt",
        "pullStartedAt",
        "pullStoppedAt",
        "startedAt",
        "stoppedAt",
    ] {
        let text = last["detail"][time].as_str().unwrap();
        assert!(text.parse::<jiff::Timestamp>().is_ok(), "{time}: {text}");
    }
}

#[tokio::test]
async fn events_can_come_twice() {
    let events = first_task(EventMode::Twice, 12).await;
    assert_eq!(versions(&events), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    assert_eq!(events[0]["id"], events[1]["id"]);
}

#[tokio::test]
async fn events_can_come_in_reverse() {
    assert_eq!(
        versions(&first_task(EventMode::Reversed, 6).await),
        [6, 5, 4, 3, 2, 1]
    );
}

#[tokio::test]
async fn events_can_come_late() {
    let begin = Instant::now();
    let late = Duration::from_millis(500);
    assert_eq!(
        versions(&first_task(EventMode::Late(late), 6).await),
        [1, 2, 3, 4, 5, 6]
    );
    assert!(begin.elapsed() >= late);
}

#[tokio::test]
async fn events_can_be_lost() {
    let stage = Stage::new().await;
    stage.ecs.set_events(EventMode::Dropped);
    let lost = stage.run("a-1", "true");
    stage.reaches(&lost, "STOPPED").await;
    stage.ecs.set_events(EventMode::InOrder);
    let seen = stage.run("b-1", "true");
    stage.reaches(&seen, "STOPPED").await;
    let events = stage.events(6).await;
    assert!(
        events
            .iter()
            .all(|event| event["detail"]["taskArn"] == json!(seen))
    );
}
