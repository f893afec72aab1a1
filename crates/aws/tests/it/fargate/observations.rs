//! Events, in any order, and the reconciler's cursor.

use runvoy_ports::{Launcher as _, Presence};
use runvoy_testkit::sample;
use serde_json::json;

use super::{Stage, attempt, stopped, task, unnamed};

/// Whether the facts alone prove that the attempt is gone; ECS knows of nothing.
async fn is_gone(stage: &Stage) -> bool {
    stage.aws.forget("DescribeTasks");
    stage.aws.say("ListTasks", json!({"taskArns": []}));
    stage
        .aws
        .say("DescribeTasks", json!({"tasks": [], "failures": []}));
    matches!(stage.launcher.probe(&unnamed()).await, Presence::Gone(_))
}

#[tokio::test]
async fn an_event_names_the_attempt_to_drive_however_often_it_comes() {
    let stage = Stage::new().await;
    for told in [
        task(2, "RUNNING"),
        stopped(5),
        stopped(5),
        task(1, "PENDING"),
    ] {
        assert_eq!(stage.tell(told).await, Some(attempt()));
    }
}

#[tokio::test]
async fn an_older_event_never_overrides_a_newer() {
    for order in [
        [1, 3, 5],
        [1, 5, 3],
        [3, 1, 5],
        [3, 5, 1],
        [5, 1, 3],
        [5, 3, 1],
    ] {
        let stage = Stage::new().await;
        for version in order {
            let told = if version == 5 {
                stopped(5)
            } else {
                task(version, "RUNNING")
            };
            stage.tell(told).await;
        }
        assert!(is_gone(&stage).await, "{order:?}");
        assert_eq!(
            stage.aws.take_actions(),
            Vec::<String>::new(),
            "facts are enough"
        );
    }
    let stage = Stage::new().await;
    stage.tell(task(7, "RUNNING")).await;
    stage.tell(stopped(6)).await;
    assert!(!is_gone(&stage).await);
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let stage = Stage::new().await;
    let mut elsewhere = stopped(5);
    elsewhere["clusterArn"] = "arn:aws:ecs:us-east-1:123456789012:cluster/runvoy2".into();
    assert_eq!(stage.tell(elsewhere).await, None);
    for started_by in [json!("ecs-svc/123"), json!(null), json!("")] {
        let mut foreign = stopped(5);
        foreign["startedBy"] = started_by;
        assert_eq!(stage.tell(foreign).await, None);
    }
    assert!(!is_gone(&stage).await, "nothing of it was kept");
}

#[tokio::test]
async fn the_cursor_is_kept_until_it_is_cleared() {
    let stage = Stage::new().await;
    let facts = stage.launcher.facts();
    assert_eq!(facts.load_cursor().await.unwrap(), None);
    for id in [sample::execution_id(7), sample::execution_id(3)] {
        facts.save_cursor(Some(&id)).await.unwrap();
        assert_eq!(facts.load_cursor().await.unwrap(), Some(id));
    }
    for _ in 0..2 {
        facts.save_cursor(None).await.unwrap();
        assert_eq!(facts.load_cursor().await.unwrap(), None);
    }
}
