//! What may be asked of tasks, and their stop.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::clock::age;
use super::events::event;
use super::refusal::{Answered, Refusal, last_part, list, page, text};
use super::task::{End, Task};
use super::{Ecs, State, new_id};

/// How long a stopped task can be described.
const MEMORY: Duration = Duration::from_hours(1);

impl Ecs {
    pub(super) fn describe_tasks(&self, request: &Value) -> Answered {
        let state = self.state();
        let cluster = state.clusters.active(request)?;
        let names: Vec<&str> = list(request, "tasks").filter_map(Value::as_str).collect();
        if names.is_empty() {
            return Err(Refusal::parameter("Tasks cannot be empty."));
        }
        if names.len() > 100 {
            return Err(Refusal::parameter(
                "Tasks cannot have more than 100 elements.",
            ));
        }
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for name in names {
            let id = last_part(name);
            match state.tasks.get(id).filter(|task| task.cluster == cluster && self.is_visible(task)) {
                Some(task) => tasks.push(task.described()),
                None => failures.push(json!({ "arn": format!("{}:task/{cluster}/{id}", self.prefix()), "reason": "MISSING" })),
            }
        }
        Ok(json!({ "tasks": tasks, "failures": failures }))
    }

    /// The states of all tasks whose label begins with this, also of those that ECS would know no more.
    pub fn states(&self, label: &str) -> Vec<&'static str> {
        self.of_label(label, |task| task.status)
    }

    /// What `RunTask` was asked for each task whose label begins with this.
    pub fn requests(&self, label: &str) -> Vec<Value> {
        self.of_label(label, |task| task.request.clone())
    }

    /// Delivers the event of the present state of each such task at once, whatever becomes of other events.
    pub fn tell(&self, label: &str) {
        let events = self.of_label(label, |task| {
            event(&new_id(), self.region(), &task.detail())
        });
        for event in events {
            (self.0.options.events)(event);
        }
    }

    fn of_label<T>(&self, label: &str, read: impl Fn(&Task) -> T) -> Vec<T> {
        let state = self.state();
        let is_meant = |task: &&Task| text(&task.request, "startedBy").starts_with(label);
        state.tasks.values().filter(is_meant).map(read).collect()
    }

    pub(super) fn list_tasks(&self, request: &Value) -> Answered {
        let state = self.state();
        let cluster = state.clusters.active(request)?;
        let (label, family) = (
            text(request, "startedBy"),
            last_part(text(request, "family")),
        );
        let others = [
            "family",
            "serviceName",
            "desiredStatus",
            "containerInstance",
        ];
        if !label.is_empty() && others.iter().any(|field| !request[*field].is_null()) {
            return Err(Refusal::parameter(
                "startedBy must be the only filter that is used.",
            ));
        }
        let desired = match text(request, "desiredStatus") {
            "" => "RUNNING",
            other => other,
        };
        let is_listed = |task: &&Task| {
            let is_family = family.is_empty() || text(&task.definition, "family") == family;
            let is_here = task.cluster == cluster && self.is_visible(task);
            is_here && is_family && task.desired == desired && task.is_started_by(label)
        };
        let arns: Vec<String> = state
            .tasks
            .values()
            .filter(is_listed)
            .map(|task| task.arn.clone())
            .collect();
        Ok(page(&arns, request, "taskArns"))
    }

    pub(super) fn stop_task(&self, request: &Value) -> Answered {
        let mut state = self.state();
        let cluster = state.clusters.active(request)?;
        let found = state.tasks.get_mut(last_part(text(request, "task")));
        let Some(task) = found.filter(|task| task.cluster == cluster) else {
            return Err(Refusal::parameter("The referenced task was not found."));
        };
        if task.desired == "RUNNING" {
            let reason = match text(request, "reason") {
                "" => "Task stopped by user",
                reason => reason,
            };
            self.order(task, End::User(reason.to_owned()));
        }
        Ok(json!({ "task": task.described() }))
    }

    pub(super) fn describe_clusters(&self, request: &Value) -> Value {
        let state = self.state();
        state
            .clusters
            .describe(request, |cluster| count(&state, cluster))
    }

    pub(super) fn delete_cluster(&self, request: &Value) -> Answered {
        let mut state = self.state();
        let name = state.clusters.active(request)?;
        let counts = count(&state, &name);
        state.clusters.delete(request, |_| counts)
    }

    pub(super) fn tag(&self, request: &Value) -> Value {
        let mut state = self.state();
        let tags = state
            .tags
            .entry(text(request, "resourceArn").to_owned())
            .or_default();
        for tag in list(request, "tags") {
            tags.retain(|known| known["key"] != tag["key"]);
            tags.push(tag.clone());
        }
        json!({})
    }

    pub(super) fn tags(&self, request: &Value) -> Value {
        json!({ "tags": self.state().tags.get(text(request, "resourceArn")) })
    }

    /// New tasks are not known everywhere at once, and those that stopped an hour ago are forgotten.
    fn is_visible(&self, task: &Task) -> bool {
        let now: Timestamp = self.clock().now();
        let is_forgotten = task
            .times
            .stopped
            .is_some_and(|stopped| age(now, stopped) >= MEMORY);
        age(now, task.times.created) >= self.delays().visibility && !is_forgotten
    }
}

/// The tasks of the cluster that wait, and those that run.
fn count(state: &State, cluster: &str) -> (usize, usize) {
    let here = || state.tasks.values().filter(|task| task.cluster == cluster);
    let pending = here()
        .filter(|task| ["PROVISIONING", "PENDING"].contains(&task.status))
        .count();
    let running = here()
        .filter(|task| ["RUNNING", "DEPROVISIONING"].contains(&task.status))
        .count();
    (pending, running)
}
