//! What can be read of stacks.

use serde_json::{Value, json};

use super::CloudFormation;
use super::api::does_not_exist;
use super::parameters::is_hidden;
use super::stack::{Event, Plan, Resource, Stack};
use crate::control::query::{Failure, Form};
use crate::sync::lock;

/// Entries of a page.
const PAGE: usize = 100;

impl CloudFormation {
    /// `DescribeStacks`: one, or all that are there.
    pub(super) fn describe_stacks(&self, form: &Form) -> Result<Value, Failure> {
        let described: Vec<_> = if let Some(name) = form.get("StackName") {
            let stack = self.stack(name).ok_or_else(|| does_not_exist(name))?;
            vec![described(&stack)]
        } else {
            let stacks = lock(&self.inner.stacks);
            stacks
                .iter()
                .filter(|stack| !stack.is_gone())
                .map(described)
                .collect()
        };
        Ok(json!({ "Stacks": described }))
    }

    /// `ListStacks`, by status.
    pub(super) fn list_stacks(&self, form: &Form) -> Value {
        let wanted = form.list("StackStatusFilter.member");
        let stacks = lock(&self.inner.stacks);
        let of_status = stacks.iter().rev().filter(|stack| {
            wanted.is_empty() || wanted.iter().any(|status| status == stack.status)
        });
        let summaries = of_status.map(|stack| {
            json!({
                "StackId": stack.id,
                "StackName": stack.name,
                "StackStatus": stack.status,
                "StackStatusReason": stack.reason,
                "CreationTime": stack.created.to_string(),
            })
        });
        json!({ "StackSummaries": summaries.collect::<Vec<_>>() })
    }

    /// `DescribeStackEvents`: newest first. A token counts from the oldest, so that new events move no page.
    pub(super) fn describe_events(&self, form: &Form) -> Result<Value, Failure> {
        let name = form.required("StackName")?;
        let stack = self
            .stack(name)
            .ok_or_else(|| Failure::validation(format!("Stack [{name}] does not exist")))?;
        let token = form.get("NextToken").and_then(|token| token.parse().ok());
        let end = stack.events.len().min(token.unwrap_or(usize::MAX));
        let start = end.saturating_sub(PAGE);
        let page = stack.events[start..end].iter().rev();
        let page: Vec<_> = page.map(|event| event_of(&stack, event)).collect();
        Ok(json!({
            "StackEvents": page,
            "NextToken": (start > 0).then(|| start.to_string()),
        }))
    }

    /// `ListStackResources`, paged.
    pub(super) fn list_resources(&self, form: &Form) -> Result<Value, Failure> {
        let stack = self.named(form)?;
        let from: usize = form
            .get("NextToken")
            .and_then(|token| token.parse().ok())
            .unwrap_or(0);
        let page: Vec<_> = stack
            .resources
            .values()
            .skip(from)
            .take(PAGE)
            .map(resource_of)
            .collect();
        let next = from + page.len();
        Ok(json!({
            "StackResourceSummaries": page,
            "NextToken": (next < stack.resources.len()).then(|| next.to_string()),
        }))
    }

    /// `DescribeStackResources`: all, or the one that is named.
    pub(super) fn describe_resources(&self, form: &Form) -> Result<Value, Failure> {
        let stack = self.named(form)?;
        let wanted = form.get("LogicalResourceId");
        let resources = stack.resources.values();
        let resources =
            resources.filter(|resource| wanted.is_none_or(|id| id == resource.logical_id));
        let described: Vec<_> = resources
            .map(|resource| in_stack(&stack, resource))
            .collect();
        Ok(json!({ "StackResources": described }))
    }

    /// `DescribeStackResource`.
    pub(super) fn describe_resource(&self, form: &Form) -> Result<Value, Failure> {
        let stack = self.named(form)?;
        let id = form.required("LogicalResourceId")?;
        let resource = stack.resources.get(id).ok_or_else(|| {
            Failure::validation(format!(
                "Resource {id} does not exist for stack {}",
                stack.name
            ))
        })?;
        Ok(json!({ "StackResourceDetail": in_stack(&stack, resource) }))
    }

    /// `GetTemplate`, of the stack or of a change set.
    pub(super) fn get_template(&self, form: &Form) -> Result<Value, Failure> {
        let stack = self.named(form)?;
        let set = form.get("ChangeSetName");
        let plan = match set {
            Some(name) => {
                let mut sets = stack.change_sets.iter();
                let found = sets.find(|set| set.name == name || set.id == name);
                found.map(|set| &set.plan)
            }
            None => stack.plan.as_ref(),
        };
        let text = plan
            .map(|plan| plan.template.text.clone())
            .unwrap_or_default();
        Ok(json!({ "TemplateBody": text, "StagesAvailable": ["Original", "Processed"] }))
    }
}

/// Parameters, the hidden ones hidden.
pub(super) fn parameters_of(plan: &Plan) -> Vec<Value> {
    let each = plan.parameters.iter().map(|(name, value)| {
        let body = plan.template.entry("Parameters", name);
        let shown = if body.is_some_and(is_hidden) {
            "****"
        } else {
            value
        };
        json!({ "ParameterKey": name, "ParameterValue": shown })
    });
    each.collect()
}

/// Tags.
pub(super) fn tags_of(plan: &Plan) -> Vec<Value> {
    let tags = plan.tags.iter();
    tags.map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

fn described(stack: &Stack) -> Value {
    let outputs = stack.outputs.iter().map(|(key, (value, description))| {
        json!({ "OutputKey": key, "OutputValue": value, "Description": description })
    });
    let plan = stack.plan.as_ref();
    json!({
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": plan.and_then(|plan| plan.template.description()),
        "Parameters": plan.map(parameters_of).unwrap_or_default(),
        "CreationTime": stack.created.to_string(),
        "LastUpdatedTime": stack.updated.map(|at| at.to_string()),
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": plan.is_some_and(|plan| plan.keeps_failures),
        "Capabilities": plan.map(|plan| plan.capabilities.clone()).unwrap_or_default(),
        "Outputs": outputs.collect::<Vec<_>>(),
        "Tags": plan.map(tags_of).unwrap_or_default(),
        "EnableTerminationProtection": stack.is_protected,
    })
}

fn event_of(stack: &Stack, event: &Event) -> Value {
    json!({
        "StackId": stack.id,
        "StackName": stack.name,
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.kind,
        "Timestamp": event.at.to_string(),
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
    })
}

fn resource_of(resource: &Resource) -> Value {
    json!({
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.kind,
        "LastUpdatedTimestamp": resource.updated.to_string(),
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
    })
}

fn in_stack(stack: &Stack, resource: &Resource) -> Value {
    let mut described = resource_of(resource);
    described["StackId"] = json!(stack.id);
    described["StackName"] = json!(stack.name);
    described["Timestamp"] = json!(resource.updated.to_string());
    described
}
