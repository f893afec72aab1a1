//! Task definitions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::refusal::{Answered, Refusal, last_part, list, page, text};
use super::{size, time};

/// Task definitions by family; the n-th has revision n.
#[derive(Debug, Default)]
pub(super) struct Definitions(BTreeMap<String, Vec<Value>>);

impl Definitions {
    /// `RegisterTaskDefinition`.
    pub(super) fn register(
        &mut self,
        prefix: &str,
        request: &Value,
        now: jiff::Timestamp,
    ) -> Answered {
        check(request)?;
        let family = text(request, "family");
        let revisions = self.0.entry(family.to_owned()).or_default();
        let revision = revisions.len() + 1;
        let mut definition = request.clone();
        definition["revision"] = json!(revision);
        definition["taskDefinitionArn"] =
            json!(format!("{prefix}:task-definition/{family}:{revision}"));
        definition["status"] = json!("ACTIVE");
        definition["compatibilities"] = json!(["EC2", "FARGATE"]);
        definition["registeredAt"] = time::seconds(now);
        for container in definition["containerDefinitions"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            if container["essential"].is_null() {
                container["essential"] = json!(true);
            }
        }
        let tags = definition
            .as_object_mut()
            .and_then(|fields| fields.remove("tags"))
            .unwrap_or(json!([]));
        definition["tags"] = tags;
        revisions.push(definition.clone());
        Ok(described(&definition, true))
    }

    /// `DescribeTaskDefinition`.
    pub(super) fn describe(&self, request: &Value) -> Answered {
        let found = self.find(text(request, "taskDefinition"));
        let has_tags = list(request, "include").any(|one| one == "TAGS");
        let absent = || Refusal::client("Unable to describe task definition.");
        found
            .map(|definition| described(definition, has_tags))
            .ok_or_else(absent)
    }

    /// The definition to run.
    pub(super) fn to_run(&self, name: &str) -> Result<&Value, Refusal> {
        let found = self
            .find(name)
            .ok_or_else(|| Refusal::client("TaskDefinition not found."))?;
        if found["status"] != "ACTIVE" {
            return Err(Refusal::client("TaskDefinition is inactive"));
        }
        Ok(found)
    }

    /// `ListTaskDefinitions`.
    pub(super) fn list(&self, request: &Value) -> Value {
        let family = text(request, "familyPrefix");
        let status = match text(request, "status") {
            "" => "ACTIVE",
            other => other,
        };
        let all = self
            .0
            .iter()
            .filter(|(name, _)| family.is_empty() || *name == family);
        let revisions = all
            .flat_map(|(_, revisions)| revisions)
            .filter(|one| one["status"] == status);
        let mut arns: Vec<String> = revisions
            .map(|one| text(one, "taskDefinitionArn").to_owned())
            .collect();
        if request["sort"] == "DESC" {
            arns.reverse();
        }
        page(&arns, request, "taskDefinitionArns")
    }

    /// `DeregisterTaskDefinition`: a definition that nothing new can be run of.
    pub(super) fn deregister(&mut self, request: &Value) -> Answered {
        let name = text(request, "taskDefinition");
        if !last_part(name).contains(':') {
            return Err(Refusal::client(
                "Task definition should be specified with a revision.",
            ));
        }
        let absent = || Refusal::client("The specified task definition does not exist.");
        let definition = self.find_mut(name).ok_or_else(absent)?;
        definition["status"] = json!("INACTIVE");
        Ok(described(definition, false))
    }

    /// `DeleteTaskDefinitions`: only inactive ones can be deleted.
    pub(super) fn delete(&mut self, request: &Value) -> Answered {
        let names: Vec<&str> = list(request, "taskDefinitions")
            .filter_map(Value::as_str)
            .collect();
        if names.is_empty() || names.len() > 10 {
            return Err(Refusal::parameter(
                "The number of task definitions must be between 1 and 10.",
            ));
        }
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for name in names {
            match self.find_mut(name) {
                Some(definition) if definition["status"] != "ACTIVE" => {
                    definition["status"] = json!("DELETE_IN_PROGRESS");
                    deleted.push(definition.clone());
                }
                Some(_) => failures.push(json!({ "arn": name, "reason": "The specified task definition is still in ACTIVE status. Please deregister the target and try again." })),
                None => failures.push(json!({ "arn": name, "reason": "The specified task definition does not exist." })),
            }
        }
        Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
    }

    /// By ARN, `family:revision`, or `family`, which means the newest active one.
    fn find(&self, name: &str) -> Option<&Value> {
        let (family, revision) = self.place(name)?;
        self.0.get(&family)?.get(revision)
    }

    fn find_mut(&mut self, name: &str) -> Option<&mut Value> {
        let (family, revision) = self.place(name)?;
        self.0.get_mut(&family)?.get_mut(revision)
    }

    fn place(&self, name: &str) -> Option<(String, usize)> {
        let name = last_part(name);
        if let Some((family, revision)) = name.split_once(':') {
            let index = revision.parse::<usize>().ok()?.checked_sub(1)?;
            return Some((family.to_owned(), index));
        }
        let newest = self
            .0
            .get(name)?
            .iter()
            .rposition(|one| one["status"] == "ACTIVE")?;
        Some((name.to_owned(), newest))
    }
}

fn described(definition: &Value, has_tags: bool) -> Value {
    let mut definition = definition.clone();
    let tags = definition
        .as_object_mut()
        .and_then(|fields| fields.remove("tags"))
        .unwrap_or(json!([]));
    let mut answer = json!({ "taskDefinition": definition });
    if has_tags {
        answer["tags"] = tags;
    }
    answer
}

fn check(request: &Value) -> Result<(), Refusal> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let family = text(request, "family");
    if family.is_empty() || family.len() > 255 || !family.chars().all(is_good) {
        return Err(Refusal::client(
            "Family should not be null or empty, and contain only letters, numbers, - and _.",
        ));
    }
    if list(request, "containerDefinitions").next().is_none() {
        return Err(Refusal::client("Container list cannot be empty."));
    }
    if request.to_string().len() > 64 * 1024 {
        return Err(Refusal::client(
            "Actual length of the task definition exceeds the maximum of 65536.",
        ));
    }
    if !list(request, "requiresCompatibilities").any(|one| one == "FARGATE") {
        return Ok(());
    }
    if request["networkMode"] != "awsvpc" {
        return Err(Refusal::client(
            "Fargate only supports network mode ‘awsvpc’.",
        ));
    }
    size::check(text(request, "cpu"), text(request, "memory"))?;
    size::check_storage(request)?;
    list(request, "containerDefinitions")
        .try_for_each(|container| check_container(request, container))
}

fn check_container(request: &Value, container: &Value) -> Result<(), Refusal> {
    let name = text(container, "name");
    if name.is_empty() || text(container, "image").is_empty() {
        return Err(Refusal::client(
            "Container.name and Container.image should not be null or empty.",
        ));
    }
    let has_role = !text(request, "executionRoleArn").is_empty();
    let needs = "Fargate requires task definition to have execution role ARN to support";
    if !has_role && container["logConfiguration"]["logDriver"] == "awslogs" {
        return Err(Refusal::client(format!("{needs} log driver awslogs.")));
    }
    if !has_role && text(container, "image").contains(".dkr.ecr.") {
        return Err(Refusal::client(format!("{needs} ECR images.")));
    }
    if container["stopTimeout"]
        .as_u64()
        .is_some_and(|seconds| seconds > 120)
    {
        return Err(Refusal::client(
            "The stopTimeout of a container on Fargate must be at most 120 seconds.",
        ));
    }
    for dependency in list(container, "dependsOn") {
        let other = text(dependency, "containerName");
        let found = list(request, "containerDefinitions").find(|one| text(one, "name") == other);
        let Some(found) = found else {
            return Err(Refusal::client(format!(
                "Container '{name}' depends on '{other}', which does not exist."
            )));
        };
        let must_end = ["SUCCESS", "COMPLETE"].contains(&text(dependency, "condition"));
        if must_end && found["essential"] != json!(false) {
            return Err(Refusal::client(format!(
                "An essential container ('{other}') cannot be waited for to end."
            )));
        }
    }
    let volumes = |name: &str| list(request, "volumes").any(|volume| text(volume, "name") == name);
    let unknown =
        list(container, "mountPoints").find(|mount| !volumes(text(mount, "sourceVolume")));
    match unknown {
        Some(mount) => Err(Refusal::client(format!(
            "Unknown volume '{}'.",
            text(mount, "sourceVolume")
        ))),
        None => Ok(()),
    }
}
