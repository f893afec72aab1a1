//! A task: what ECS knows of it.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::refusal::{list, text};
use super::time::{rfc3339, seconds};

/// Why a task is made to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Somebody asked for it, with this reason.
    User(String),
    /// Spot capacity is taken back: TERM, the stop timeout, KILL.
    Spot,
    /// The kernel kills the container for its memory.
    OutOfMemory,
    /// The machine beneath is lost: KILL to everything, no exit code.
    HostLoss,
}

/// A container of a task.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) status: &'static str,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
}

/// When what happened to a task.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) created: Timestamp,
    pub(super) pull_started: Option<Timestamp>,
    pub(super) pull_stopped: Option<Timestamp>,
    pub(super) started: Option<Timestamp>,
    pub(super) stopping: Option<Timestamp>,
    pub(super) execution_stopped: Option<Timestamp>,
    pub(super) stopped: Option<Timestamp>,
}

/// A task.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) cluster: String,
    pub(super) cluster_arn: String,
    pub(super) definition: Value,
    pub(super) request: Value,
    pub(super) capacity_provider: Option<String>,
    pub(super) cpu: String,
    pub(super) memory: String,
    pub(super) status: &'static str,
    pub(super) desired: &'static str,
    pub(super) version: u64,
    pub(super) times: Times,
    pub(super) stop_code: Option<&'static str>,
    pub(super) stopped_reason: Option<String>,
    pub(super) containers: Vec<Container>,
    /// The main process, while it lives.
    pub(super) pid: Option<i32>,
    /// What makes it end.
    pub(super) order: watch::Sender<Option<End>>,
}

impl Task {
    /// The container whose end is the task's.
    pub(super) fn essential(&self) -> Option<&Value> {
        list(&self.definition, "containerDefinitions").find(|one| one["essential"] == json!(true))
    }

    /// Whether it has the given label, where one is asked for.
    pub(super) fn is_started_by(&self, label: &str) -> bool {
        label.is_empty() || text(&self.request, "startedBy") == label
    }

    /// As `DescribeTasks` answers it.
    pub(super) fn described(&self) -> Value {
        self.json(seconds)
    }

    /// As `detail` of an event has it.
    pub(super) fn detail(&self) -> Value {
        let mut detail = self.json(rfc3339);
        detail["updatedAt"] = rfc3339(self.last_change());
        detail
    }

    fn last_change(&self) -> Timestamp {
        let times = self.times;
        let all = [
            times.pull_started,
            times.pull_stopped,
            times.started,
            times.stopping,
            times.stopped,
        ];
        all.into_iter().flatten().max().unwrap_or(times.created)
    }

    fn json(&self, time: fn(Timestamp) -> Value) -> Value {
        let mut task = json!({
            "taskArn": self.arn,
            "clusterArn": self.cluster_arn,
            "taskDefinitionArn": self.definition["taskDefinitionArn"],
            "group": format!("family:{}", text(&self.definition, "family")),
            "overrides": self.overrides(),
            "containers": self.containers.iter().map(|one| self.container(one)).collect::<Vec<_>>(),
            "attachments": [self.network()],
            "lastStatus": self.status,
            "desiredStatus": self.desired,
            "version": self.version,
            "cpu": self.cpu,
            "memory": self.memory,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "availabilityZone": "us-east-1a",
            "connectivity": "CONNECTED",
            "healthStatus": "UNKNOWN",
            "enableExecuteCommand": false,
            "tags": self.request["tags"].as_array().cloned().unwrap_or_default(),
            "createdAt": time(self.times.created),
        });
        let texts = [
            ("startedBy", self.request["startedBy"].as_str()),
            ("capacityProviderName", self.capacity_provider.as_deref()),
            ("stopCode", self.stop_code),
            ("stoppedReason", self.stopped_reason.as_deref()),
        ];
        for (field, value) in texts
            .into_iter()
            .filter_map(|(field, value)| Some((field, value?)))
        {
            task[field] = json!(value);
        }
        let times = self.times;
        let moments = [
            ("pullStartedAt", times.pull_started),
            ("pullStoppedAt", times.pull_stopped),
            ("startedAt", times.started),
            ("stoppingAt", times.stopping),
            ("executionStoppedAt", times.execution_stopped),
            ("stoppedAt", times.stopped),
        ];
        for (field, moment) in moments
            .into_iter()
            .filter_map(|(field, moment)| Some((field, moment?)))
        {
            task[field] = time(moment);
        }
        task["ephemeralStorage"] = self.storage();
        task
    }

    fn storage(&self) -> Value {
        let places = [&self.request["overrides"], &self.definition];
        let size = places
            .iter()
            .find_map(|place| place["ephemeralStorage"]["sizeInGiB"].as_u64());
        json!({ "sizeInGiB": size.unwrap_or(20) })
    }

    fn overrides(&self) -> Value {
        let mut overrides = self.request["overrides"].clone();
        if overrides.is_null() {
            overrides = json!({});
        }
        if overrides["containerOverrides"].is_null() {
            overrides["containerOverrides"] = json!([]);
        }
        overrides
    }

    fn container(&self, container: &Container) -> Value {
        let mut value = json!({
            "containerArn": format!("{}/{}", self.arn.replacen(":task/", ":container/", 1), container.name),
            "taskArn": self.arn,
            "name": container.name,
            "image": container.image,
            "lastStatus": container.status,
            "networkInterfaces": [],
            "healthStatus": "UNKNOWN",
            "cpu": "0",
        });
        if container.status != "PENDING" {
            value["runtimeId"] = json!(format!("{}-{}", self.id, container.name));
        }
        if let Some(code) = container.exit_code {
            value["exitCode"] = json!(code);
        }
        if let Some(reason) = &container.reason {
            value["reason"] = json!(reason);
        }
        value
    }

    fn network(&self) -> Value {
        let subnet = &self.request["networkConfiguration"]["awsvpcConfiguration"]["subnets"][0];
        let status = match self.status {
            "PROVISIONING" => "PRECREATED",
            "STOPPED" => "DELETED",
            _ => "ATTACHED",
        };
        let details = json!([{ "name": "subnetId", "value": subnet }]);
        json!({ "id": format!("eni-{}", self.id), "type": "ElasticNetworkInterface", "status": status, "details": details })
    }
}
