//! The detail of an "ECS Task State Change" event.

use jiff::Timestamp;
use runvoy_core::id::AttemptId;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::task::{Task, TaskContainer};

/// What an event says of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskChange {
    pub(super) cluster: String,
    pub(super) attempt: Option<AttemptId>,
    pub(super) task: Task,
}

/// An event that cannot be read.
#[derive(Debug, Error)]
#[error("the task state change cannot be read: {0}")]
pub struct BadTaskChange(String);

/// The detail as ECS writes it; times are text, so that an odd one costs no more than itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    cluster_arn: String,
    task_arn: String,
    version: i64,
    last_status: String,
    #[serde(default)]
    started_by: Option<String>,
    #[serde(default)]
    desired_status: Option<String>,
    #[serde(default)]
    stop_code: Option<String>,
    #[serde(default)]
    stopped_reason: Option<String>,
    #[serde(default)]
    containers: Vec<DetailContainer>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    pull_started_at: Option<String>,
    #[serde(default)]
    started_at: Option<String>,
    #[serde(default)]
    stopped_at: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailContainer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    reason: Option<String>,
}

impl TaskChange {
    /// Reads the `detail` of an event. Fields that are not needed may be missing; an error names the one that is.
    pub fn parse(detail: &Value) -> Result<Self, BadTaskChange> {
        let detail =
            Detail::deserialize(detail).map_err(|error| BadTaskChange(error.to_string()))?;
        let containers = detail
            .containers
            .into_iter()
            .map(|container| TaskContainer {
                name: container.name,
                exit_code: container.exit_code,
                reason: container.reason,
            });
        Ok(Self {
            cluster: detail.cluster_arn,
            attempt: detail.started_by.and_then(|by| by.parse().ok()),
            task: Task {
                arn: detail.task_arn,
                version: detail.version,
                last_status: detail.last_status,
                desired_status: detail.desired_status,
                stop_code: detail.stop_code,
                stopped_reason: detail.stopped_reason,
                containers: containers.collect(),
                created_at: time(detail.created_at),
                pull_started_at: time(detail.pull_started_at),
                started_at: time(detail.started_at),
                stopped_at: time(detail.stopped_at),
            },
        })
    }
}

fn time(text: Option<String>) -> Option<Timestamp> {
    text?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_event_is_read() {
        let change = TaskChange::parse(&json!({
            "attachments": [{"id": "x", "type": "eni", "status": "DELETED", "details": []}],
            "availabilityZone": "us-east-1a",
            "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/runvoy",
            "containers": [{
                "containerArn": "arn:aws:ecs:us-east-1:123456789012:container/runvoy/0/1",
                "lastStatus": "STOPPED", "name": "main", "exitCode": 3, "reason": "why",
            }],
            "cpu": "256", "memory": "512", "launchType": "FARGATE", "desiredStatus": "STOPPED",
            "createdAt": "2026-11-01T10:00:00.123Z", "pullStartedAt": "2026-11-01T10:00:05Z",
            "startedAt": "2026-11-01T10:00:15Z", "stoppedAt": "2026-11-01T10:01:35Z",
            "lastStatus": "STOPPED", "startedBy": "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1",
            "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
            "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/runvoy/0123", "version": 5,
        }))
        .unwrap();
        assert_eq!(
            change.attempt.unwrap().to_string(),
            "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1"
        );
        assert_eq!((change.task.version, change.task.is_stopped()), (5, true));
        assert_eq!(change.task.containers[0].exit_code, Some(3));
        assert_eq!(
            change.task.words().unwrap(),
            "EssentialContainerExited; Essential container in task exited; main: why"
        );
        assert!(change.task.billed().is_some());
    }

    #[test]
    fn a_bare_event_is_read_too() {
        let change = TaskChange::parse(&json!({
            "clusterArn": "c", "taskArn": "t", "version": 1, "lastStatus": "PROVISIONING",
            "createdAt": "yesterday", "startedBy": "ecs-svc/1",
        }))
        .unwrap();
        assert_eq!((change.attempt, change.task.created_at), (None, None));
    }

    #[test]
    fn what_is_missing_is_named() {
        for missing in ["clusterArn", "taskArn", "version", "lastStatus"] {
            let mut detail =
                json!({"clusterArn": "c", "taskArn": "t", "version": 1, "lastStatus": "RUNNING"});
            detail.as_object_mut().unwrap().remove(missing);
            let error = TaskChange::parse(&detail).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
        assert!(TaskChange::parse(&json!("text")).is_err());
    }
}
