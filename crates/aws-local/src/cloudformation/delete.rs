//! Deleting stacks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::CloudFormation;
use super::execute::Operation;
use super::graph;
use super::rollback::Removal;
use crate::control::query::{Failure, Form};

impl CloudFormation {
    /// `DeleteStack`: one that is not there is deleted.
    pub(super) fn delete_stack(&self, form: &Form) -> Result<Value, Failure> {
        let name = form.required("StackName")?;
        let Some(stack) = self.stack(name).filter(|stack| !stack.is_gone()) else {
            return Ok(json!({}));
        };
        if stack.is_protected {
            return Err(Failure::validation(format!(
                "Stack [{}] cannot be deleted while TerminationProtection is enabled",
                stack.name
            )));
        }
        if stack.status == "DELETE_IN_PROGRESS" {
            return Ok(json!({}));
        }
        if stack.is_busy() {
            return Err(Failure::validation(format!(
                "Stack [{}] cannot be deleted while in status {}",
                stack.id, stack.status
            )));
        }
        let retained = form.list("RetainResources.member");
        if !retained.is_empty() && stack.status != "DELETE_FAILED" {
            return Err(Failure::validation(format!(
                "Invalid operation on stack [{}]. Stack needs to be in DELETE_FAILED state to retain resources.",
                stack.id
            )));
        }
        self.set_status(
            &stack.id,
            "DELETE_IN_PROGRESS",
            Some("User Initiated".to_owned()),
        );
        let Some(plan) = stack.plan else {
            self.set_status(&stack.id, "DELETE_COMPLETE", None);
            return Ok(json!({}));
        };
        if let Some(operation) = self.operation(&stack.id, plan) {
            self.inner.tasks.spawn(operation.delete(retained));
        }
        Ok(json!({}))
    }
}

impl Operation {
    async fn delete(self, retained: Vec<String>) {
        let mut left: BTreeSet<String> = BTreeSet::new();
        let order = graph::order(&self.plan.template).unwrap_or_default();
        for logical_id in order.iter().rev() {
            let Some(resource) = self.resources().remove(logical_id) else {
                continue;
            };
            if retained.contains(logical_id) {
                self.note(logical_id, "DELETE_SKIPPED", None);
                self.forget(logical_id);
                continue;
            }
            // What another still refers to stays as well.
            if self.is_needed_by(logical_id, &left) {
                continue;
            }
            if !self.remove(&resource, Removal::Unwanted, true).await {
                left.insert(logical_id.clone());
            }
        }
        if left.is_empty() {
            self.set_status("DELETE_COMPLETE", None);
        } else {
            let names = left.into_iter().collect::<Vec<_>>().join(", ");
            let reason = format!("The following resource(s) failed to delete: [{names}]. ");
            self.set_status("DELETE_FAILED", Some(reason));
        }
    }

    fn is_needed_by(&self, logical_id: &str, left: &BTreeSet<String>) -> bool {
        let mut remaining = self
            .plan
            .template
            .resources()
            .filter(|declared| left.contains(declared.logical_id));
        remaining.any(|declared| {
            graph::dependencies(&self.plan.template, &declared).contains(logical_id)
        })
    }
}
