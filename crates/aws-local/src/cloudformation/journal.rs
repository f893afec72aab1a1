//! What an operation writes down as it goes: resources, events, outputs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::execute::Operation;
use super::intrinsic::{Known, text_or_json};
use super::provider::Wanted;
use super::stack::{Event, Plan, Resource};
use crate::sync::now;

impl Operation {
    /// Keeps a resource with the stack.
    pub(super) fn keep(&self, resource: Resource) {
        self.engine.with(&self.stack_id, |stack| {
            stack
                .resources
                .insert(resource.logical_id.clone(), resource);
        });
    }

    /// Sets a resource's status and writes it into the history.
    pub(super) fn note(&self, logical_id: &str, status: &'static str, reason: Option<String>) {
        let id = self.engine.unique(&self.stack_id);
        self.engine.with(&self.stack_id, |stack| {
            let Some(resource) = stack.resources.get_mut(logical_id) else {
                return;
            };
            resource.status = status;
            resource.reason.clone_from(&reason);
            resource.updated = now();
            let event = event_of(&id, resource, status, reason);
            stack.events.push(event);
        });
    }

    /// Sets what the template gives out.
    pub(super) fn set_outputs(&self, plan: &Plan) -> Result<(), String> {
        let resources = self.resources();
        let scope = self.engine.scope(
            (&self.stack_name, &self.stack_id),
            plan,
            Known::Made(&resources),
        );
        let mut outputs = BTreeMap::new();
        for (name, body) in plan.template.section("Outputs") {
            if !scope.is_active(body)? {
                continue;
            }
            let value = scope.evaluate(body.get("Value").unwrap_or(&Value::Null))?;
            let description = body.get("Description").and_then(Value::as_str);
            let value = text_or_json(value.unwrap_or_default());
            outputs.insert(name.to_owned(), (value, description.map(str::to_owned)));
        }
        self.engine
            .with(&self.stack_id, |stack| stack.outputs = outputs);
        Ok(())
    }
}

/// An event of a resource.
pub(super) fn event_of(
    id: &str,
    resource: &Resource,
    status: &'static str,
    reason: Option<String>,
) -> Event {
    Event {
        id: format!("{}-{status}-{id}", resource.logical_id),
        at: now(),
        logical_id: resource.logical_id.clone(),
        physical_id: resource.physical_id.clone(),
        kind: resource.kind.clone(),
        status,
        reason,
    }
}

/// A resource that has no physical id yet.
pub(super) fn unmade(wanted: &Wanted) -> Resource {
    Resource {
        logical_id: wanted.logical_id.clone(),
        kind: wanted.kind.clone(),
        physical_id: String::new(),
        properties: wanted.properties.clone(),
        attributes: Map::new(),
        status: "CREATE_IN_PROGRESS",
        reason: None,
        deletion_policy: None,
        replace_policy: None,
        updated: now(),
    }
}
