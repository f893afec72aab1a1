//! A simulator with one cluster and one task definition, and what tests ask it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use runvoy_aws_local::{Call, Delays, Ecs, EcsOptions};
use runvoy_testkit::eventually;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

/// A simulator, and the events that it sent.
pub(crate) struct Stage {
    pub(crate) ecs: Ecs,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.ecs.shut_down();
    }
}

/// The error code of a refusal, and the whole body.
pub(crate) type Refused = (String, Value);

/// A task definition whose container is a shell.
pub(crate) fn definition(image: &str) -> Value {
    json!({
        "family": "p-0", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "executionRoleArn": "arn:aws:iam::123456789012:role/p-execution",
        "volumes": [{ "name": "runvoy" }],
        "containerDefinitions": [
            { "name": "copier", "image": "agent", "essential": false },
            {
                "name": "main", "image": image, "essential": true, "stopTimeout": 120,
                "dependsOn": [{ "containerName": "copier", "condition": "SUCCESS" }],
                "mountPoints": [{ "sourceVolume": "runvoy", "containerPath": "/.runvoy" }],
                "entryPoint": ["/bin/sh", "-c"],
            },
        ],
    })
}

/// A `RunTask` of the script.
pub(crate) fn run(label: &str, script: &str) -> Value {
    json!({
        "cluster": "p", "taskDefinition": "p-0", "launchType": "FARGATE", "startedBy": label, "clientToken": label,
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"], "assignPublicIp": "ENABLED" } },
        "overrides": { "containerOverrides": [{ "name": "main", "command": [script] }] },
    })
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(None, "/bin/echo").await
    }

    pub(crate) async fn with(logs_endpoint: Option<String>, agent: &str) -> Self {
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let sink = Arc::clone(&events);
        let options = EcsOptions {
            region: "us-east-1".to_owned(),
            agent: agent.into(),
            logs_endpoint,
            delays: Delays::default(),
            events: Arc::new(move |event| sink.lock().unwrap().push(event)),
            run_tasks_per_second: None,
        };
        let stage = Self {
            ecs: Ecs::start(options).await.unwrap(),
            events,
        };
        let cluster =
            json!({ "clusterName": "p", "capacityProviders": ["FARGATE", "FARGATE_SPOT"] });
        stage.must("CreateCluster", &cluster);
        stage.must("RegisterTaskDefinition", &definition("alpine"));
        stage
    }

    /// The answer, or the refusal.
    pub(crate) fn ask(&self, action: &str, body: &Value) -> Result<Value, Refused> {
        let reply = self.ecs.handle(&Call {
            caller: "AKIALOCALAPI".to_owned(),
            service: "ecs".to_owned(),
            action: action.to_owned(),
            region: "us-east-1".to_owned(),
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        });
        let answer: Value = serde_json::from_slice(reply.body()).unwrap();
        if reply.status().is_success() {
            return Ok(answer);
        }
        Err((answer["__type"].as_str().unwrap().to_owned(), answer))
    }

    pub(crate) fn must(&self, action: &str, body: &Value) -> Value {
        self.ask(action, body).unwrap()
    }

    /// Runs a task; its ARN.
    pub(crate) fn run(&self, label: &str, script: &str) -> String {
        let answer = self.must("RunTask", &run(label, script));
        answer["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
    }

    pub(crate) fn describe(&self, task: &str) -> Value {
        self.must("DescribeTasks", &json!({ "cluster": "p", "tasks": [task] }))
    }

    /// Waits until the task has the status; the task.
    pub(crate) async fn reaches(&self, task: &str, status: &str) -> Value {
        eventually(PATIENCE, || async {
            let task = self.describe(task)["tasks"][0].clone();
            (task["lastStatus"] == status).then_some(task)
        })
        .await
    }

    /// Waits until as many events arrived; all events.
    pub(crate) async fn events(&self, count: usize) -> Vec<Value> {
        eventually(PATIENCE, || async {
            let events = self.events.lock().unwrap().clone();
            (events.len() >= count).then_some(events)
        })
        .await
    }
}

/// The container that runs the command.
pub(crate) fn main_of(task: &Value) -> Value {
    task["containers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "main")
        .unwrap()
        .clone()
}
