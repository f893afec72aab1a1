//! `RunTask`.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::refusal::{Answered, Refusal, list, text};
use super::task::{Container, Task, Times};
use super::token::Outcome;
use super::{Ecs, State, life, new_id, size};

/// The most characters that the overrides of containers may have.
const MOST_OVERRIDES: usize = 8192;
const NO_CAPACITY: &str = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
/// Images with this prefix never find capacity.
const NO_CAPACITY_IMAGE: &str = "no-capacity/";

impl Ecs {
    pub(super) fn run_task(&self, request: &Value) -> Answered {
        let mut state = self.state();
        let cluster = state.clusters.active(request)?;
        check_shape(request)?;
        let now = self.clock().now();
        let State { tokens, tasks, .. } = &mut *state;
        let end_of = |id: &str| tasks.get(id).and_then(|task: &Task| task.times.stopped);
        let arn_of = |id: &str| {
            tasks
                .get(id)
                .map_or_else(String::new, |task| task.arn.clone())
        };
        match tokens.recall(&cluster, request, now, end_of, arn_of)? {
            Some(Outcome::Failures(answer)) => return Ok(answer),
            Some(Outcome::Tasks(ids)) => return Ok(answer(&state, &ids)),
            None => {}
        }
        let definition = state
            .definitions
            .to_run(text(request, "taskDefinition"))?
            .clone();
        check_overrides(request, &definition)?;
        let provider = provider(&state, &cluster, request)?;
        state.rate.take(now)?;
        if state.lacks_capacity(&definition) {
            let failures = json!({ "tasks": [], "failures": [{ "reason": NO_CAPACITY }] });
            state
                .tokens
                .remember(&cluster, request, Outcome::Failures(failures.clone()), now);
            return Ok(failures);
        }
        let count = request["count"].as_u64().unwrap_or(1);
        let mut ids = Vec::new();
        for _ in 0..count {
            let task = self.task(&cluster, request, &definition, provider.clone());
            ids.push(task.id.clone());
            self.launch(&mut state, task);
        }
        state
            .tokens
            .remember(&cluster, request, Outcome::Tasks(ids.clone()), now);
        Ok(answer(&state, &ids))
    }

    fn task(
        &self,
        cluster: &str,
        request: &Value,
        definition: &Value,
        provider: Option<String>,
    ) -> Task {
        let id = new_id();
        let containers = list(definition, "containerDefinitions").map(|container| Container {
            name: text(container, "name").to_owned(),
            image: text(container, "image").to_owned(),
            status: "PENDING",
            exit_code: None,
            reason: None,
        });
        let (cpu, memory) = size::of(&request["overrides"], definition);
        Task {
            arn: format!("{}:task/{cluster}/{id}", self.prefix()),
            id,
            cluster: cluster.to_owned(),
            cluster_arn: format!("{}:cluster/{cluster}", self.prefix()),
            request: request.clone(),
            capacity_provider: provider,
            cpu: cpu.to_owned(),
            memory: memory.to_owned(),
            status: "PROVISIONING",
            desired: "RUNNING",
            version: 1,
            times: Times {
                created: self.clock().now(),
                ..Times::default()
            },
            stop_code: None,
            stopped_reason: None,
            containers: containers.collect(),
            pid: None,
            definition: definition.clone(),
            order: watch::Sender::new(None),
        }
    }

    fn launch(&self, state: &mut State, task: Task) {
        self.announce(&task);
        let (id, order) = (task.id.clone(), task.order.subscribe());
        state.tasks.insert(id.clone(), task);
        let ecs = self.clone();
        self.tracker()
            .spawn(async move { life::live(&ecs, &id, order).await });
    }
}

impl State {
    fn lacks_capacity(&mut self, definition: &Value) -> bool {
        let is_scripted = list(definition, "containerDefinitions")
            .any(|container| text(container, "image").starts_with(NO_CAPACITY_IMAGE));
        if is_scripted {
            return true;
        }
        let lacks = self.capacity_failures > 0;
        self.capacity_failures = self.capacity_failures.saturating_sub(1);
        lacks
    }
}

fn answer(state: &State, ids: &[String]) -> Value {
    let tasks: Vec<Value> = ids
        .iter()
        .filter_map(|id| state.tasks.get(id))
        .map(Task::described)
        .collect();
    json!({ "tasks": tasks, "failures": [] })
}

fn check_shape(request: &Value) -> Result<(), Refusal> {
    if text(request, "taskDefinition").is_empty() {
        return Err(Refusal::client("TaskDefinition can not be blank."));
    }
    if text(request, "startedBy").len() > 128 {
        return Err(Refusal::parameter(
            "The startedBy parameter must be at most 128 characters long.",
        ));
    }
    if text(request, "clientToken").len() > 64 {
        return Err(Refusal::parameter(
            "The clientToken parameter must be at most 64 characters long.",
        ));
    }
    if request["count"]
        .as_u64()
        .is_some_and(|count| !(1..=10).contains(&count))
    {
        return Err(Refusal::parameter("Count must be between 1 and 10."));
    }
    let has_strategy = list(request, "capacityProviderStrategy").next().is_some();
    if has_strategy && !request["launchType"].is_null() {
        let message = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.";
        return Err(Refusal::parameter(message));
    }
    Ok(())
}

fn check_overrides(request: &Value, definition: &Value) -> Result<(), Refusal> {
    let network = &request["networkConfiguration"]["awsvpcConfiguration"];
    if definition["networkMode"] == "awsvpc" && list(network, "subnets").next().is_none() {
        let message =
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
        return Err(Refusal::parameter(message));
    }
    let overrides = &request["overrides"];
    for one in list(overrides, "containerOverrides") {
        let name = text(one, "name");
        if !list(definition, "containerDefinitions")
            .any(|container| text(container, "name") == name)
        {
            let message = format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            );
            return Err(Refusal::parameter(message));
        }
    }
    let length = overrides["containerOverrides"].to_string().chars().count();
    if length > MOST_OVERRIDES {
        return Err(Refusal::parameter(format!(
            "Container Overrides length must be at most {MOST_OVERRIDES}"
        )));
    }
    let (cpu, memory) = size::of(overrides, definition);
    size::check(cpu, memory)?;
    size::check_storage(overrides)
}

/// The capacity provider that places the task; none with a launch type.
fn provider(state: &State, cluster: &str, request: &Value) -> Result<Option<String>, Refusal> {
    let Some(first) = list(request, "capacityProviderStrategy").next() else {
        return match text(request, "launchType") {
            "FARGATE" => Ok(None),
            _ => Err(Refusal::parameter(
                "No Container Instances were found in your cluster.",
            )),
        };
    };
    let provider = text(first, "capacityProvider");
    if state.clusters.has_provider(cluster, provider) {
        return Ok(Some(provider.to_owned()));
    }
    let message = "The specified capacity provider strategy contains a capacity provider that is not associated with the \
                   cluster. Associate the capacity provider with the cluster and try again.";
    Err(Refusal::parameter(message))
}
