//! What a plan would change of a stack.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::CloudFormation;
use super::graph;
use super::intrinsic::{Known, Scope};
use super::parameters::typed;
use super::provider::kind;
use super::stack::{Plan, Stack};

/// One resource as a plan wants it, with references left standing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// Its type.
    pub(super) kind: String,
    /// Its properties.
    pub(super) properties: Value,
    /// `DeletionPolicy` and `UpdateReplacePolicy`.
    pub(super) policies: [Option<String>; 2],
    /// The resources that it refers to.
    pub(super) needs: BTreeSet<String>,
}

impl CloudFormation {
    /// The functions' surroundings for a plan of a stack.
    pub(super) fn scope<'a>(
        &'a self,
        stack: (&'a str, &'a str),
        plan: &'a Plan,
        known: Known<'a>,
    ) -> Scope<'a> {
        Scope {
            template: &plan.template,
            parameters: typed(&plan.template, &plan.parameters),
            known,
            stack_name: stack.0,
            stack_id: stack.1,
            region: &self.world().region,
        }
    }

    /// Every resource that a plan wants.
    pub(super) fn drafts(
        &self,
        stack: &Stack,
        plan: &Plan,
    ) -> Result<BTreeMap<String, Draft>, String> {
        let scope = self.scope((&stack.name, &stack.id), plan, Known::Symbolic);
        let mut drafts = BTreeMap::new();
        for declared in plan.template.resources() {
            if !scope.is_active(declared.body())? {
                continue;
            }
            let policies = ["DeletionPolicy", "UpdateReplacePolicy"];
            let draft = Draft {
                kind: declared.kind.to_owned(),
                properties: scope.evaluate(declared.properties())?.unwrap_or_default(),
                policies: policies.map(|name| declared.attribute(name).map(str::to_owned)),
                needs: graph::dependencies(&plan.template, &declared),
            };
            drafts.insert(declared.logical_id.to_owned(), draft);
        }
        Ok(drafts)
    }

    /// The changes, as `DescribeChangeSet` tells them; an empty list when there are none.
    pub(super) fn changes(&self, stack: &Stack, plan: &Plan) -> Result<Vec<Value>, String> {
        let old = match &stack.plan {
            Some(plan) => self.drafts(stack, plan)?,
            None => BTreeMap::new(),
        };
        let new = self.drafts(stack, plan)?;
        let mut replaced = BTreeSet::new();
        let mut changes = Vec::new();
        for logical_id in graph::order(&plan.template)? {
            let Some(draft) = new.get(&logical_id) else {
                continue;
            };
            let Some(resource) = stack.resources.get(&logical_id) else {
                let action = if plan.imports.contains_key(&logical_id) {
                    "Import"
                } else {
                    "Add"
                };
                changes.push(change(action, &logical_id, &draft.kind, json!({})));
                continue;
            };
            let more = modification(old.get(&logical_id), draft, &replaced);
            let Some(mut more) = more else {
                continue;
            };
            if more["Replacement"] != "False" {
                replaced.insert(logical_id.clone());
            }
            more["PhysicalResourceId"] = json!(resource.physical_id);
            changes.push(change("Modify", &logical_id, &draft.kind, more));
        }
        for resource in stack
            .resources
            .values()
            .filter(|resource| !new.contains_key(&resource.logical_id))
        {
            let keeps = resource
                .deletion_policy
                .as_deref()
                .is_some_and(|policy| policy.starts_with("Retain"));
            let more = json!({
                "PhysicalResourceId": resource.physical_id,
                "PolicyAction": if keeps { "Retain" } else { "Delete" },
            });
            changes.push(change("Remove", &resource.logical_id, &resource.kind, more));
        }
        Ok(changes)
    }

    /// Whether the outputs would be others, as far as can be told.
    pub(super) fn changes_outputs(&self, stack: &Stack, plan: &Plan) -> Result<bool, String> {
        let outputs = |plan: &Plan| -> Result<Vec<(String, Value)>, String> {
            let scope = self.scope((&stack.name, &stack.id), plan, Known::Symbolic);
            let mut outputs = Vec::new();
            for (name, body) in plan.template.section("Outputs") {
                if scope.is_active(body)? {
                    let value = scope.evaluate(body.get("Value").unwrap_or(&Value::Null))?;
                    outputs.push((name.to_owned(), value.unwrap_or_default()));
                }
            }
            Ok(outputs)
        };
        let old = stack
            .plan
            .as_ref()
            .map(outputs)
            .transpose()?
            .unwrap_or_default();
        Ok(old != outputs(plan)?)
    }
}

fn modification(old: Option<&Draft>, new: &Draft, replaced: &BTreeSet<String>) -> Option<Value> {
    let Some(old) = old else {
        return Some(json!({ "Replacement": "False", "Scope": ["Properties"] }));
    };
    if old.kind != new.kind {
        return Some(json!({ "Replacement": "True", "Scope": ["Properties"] }));
    }
    if old.properties != new.properties {
        let kind = kind::find(&new.kind);
        let is_replaced =
            kind.is_some_and(|kind| kind.is_replaced(&old.properties, &new.properties));
        return Some(json!({
            "Replacement": if is_replaced { "True" } else { "False" },
            "Scope": ["Properties"],
            "Details": details(&old.properties, &new.properties),
        }));
    }
    if !new.needs.is_disjoint(replaced) {
        return Some(json!({ "Replacement": "Conditional", "Scope": ["Properties"] }));
    }
    let scope = if old.policies[0] == new.policies[0] {
        "UpdateReplacePolicy"
    } else {
        "DeletionPolicy"
    };
    (old.policies != new.policies).then(|| json!({ "Replacement": "False", "Scope": [scope] }))
}

fn details(old: &Value, new: &Value) -> Vec<Value> {
    let names = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    };
    let names: Vec<String> = names(old).union(&names(new)).cloned().collect();
    let changed = names
        .into_iter()
        .filter(|name| old.get(name) != new.get(name));
    let described = changed.map(|name| {
        json!({
            "Target": { "Attribute": "Properties", "Name": name },
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        })
    });
    described.collect()
}

fn change(action: &str, logical_id: &str, kind: &str, mut more: Value) -> Value {
    more["Action"] = json!(action);
    more["LogicalResourceId"] = json!(logical_id);
    more["ResourceType"] = json!(kind);
    json!({ "Type": "Resource", "ResourceChange": more })
}
