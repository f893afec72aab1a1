//! Taking resources into a stack that are there already.

use serde_json::Value;

use super::CloudFormation;
use super::change_set::same_outputs;
use super::execute::Operation;
use super::graph;
use super::intrinsic::Known;
use super::journal::unmade;
use super::provider::{Wanted, kind};
use super::stack::{Plan, Stack};
use super::template::Declared;
use crate::control::query::Failure;

impl CloudFormation {
    /// What an import may not do, said before its change set is made.
    pub(super) fn check_import(
        &self,
        stack: Option<&Stack>,
        name: &str,
        plan: &Plan,
    ) -> Result<(), Failure> {
        let refuse = |message: String| Err(Failure::validation(message));
        if plan.imports.is_empty() {
            return refuse(
                "At least one resource to import must be provided for an IMPORT change set."
                    .to_owned(),
            );
        }
        if !same_outputs(stack.and_then(|stack| stack.plan.as_ref()), plan) {
            return refuse(
                "As part of the import operation, you cannot modify or add [Outputs]".to_owned(),
            );
        }
        let unprotected = list(plan, |declared| {
            plan.imports.contains_key(declared.logical_id)
                && declared.attribute("DeletionPolicy").is_none()
        });
        if !unprotected.is_empty() {
            return refuse(format!(
                "The following resources to import [{unprotected}] must have DeletionPolicy attribute specified in the template."
            ));
        }
        if let Some(unknown) = plan
            .imports
            .keys()
            .find(|id| plan.template.entry("Resources", id).is_none())
        {
            return refuse(format!(
                "Resources [{unknown}] to import do not exist in the template."
            ));
        }
        let empty = self.empty_stack(name);
        let stack = stack.unwrap_or(&empty);
        let changes = self.changes(stack, plan).map_err(Failure::validation)?;
        let of = |action: &str| {
            let changes = changes.iter().map(|change| &change["ResourceChange"]);
            let of_action = changes.filter(|change| change["Action"] == action);
            let names = of_action.filter_map(|change| change["LogicalResourceId"].as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let (added, modified) = (of("Add"), [of("Modify"), of("Remove")].concat());
        if !added.is_empty() {
            return refuse(format!(
                "Resources [{added}] is missing from ResourceToImport list"
            ));
        }
        if !modified.is_empty() {
            return refuse(format!(
                "You have modified resources [{modified}] in your template that are not being imported. Update, create or delete operations cannot be executed during import operations."
            ));
        }
        self.check_identifiers(stack, plan)
    }

    fn check_identifiers(&self, stack: &Stack, plan: &Plan) -> Result<(), Failure> {
        let drafts = self.drafts(stack, plan).map_err(Failure::validation)?;
        for (logical_id, id) in &plan.imports {
            let Some(draft) = drafts.get(logical_id) else {
                continue;
            };
            let property = kind::find(&draft.kind).map_or("", kind::Kind::name_property);
            let named = draft.properties.get(property).and_then(Value::as_str);
            if named.is_some_and(|named| named != id) {
                return Err(Failure::validation(format!(
                    "The Identifier [{property}] for resource {logical_id} does not match the identifier value defined in the template"
                )));
            }
            if let Some(owner) = self.owner_of(&draft.kind, id) {
                return Err(Failure::validation(format!(
                    "{id} already exists in stack {owner}"
                )));
            }
        }
        Ok(())
    }

    /// Imports into a stack in the background.
    pub(super) fn spawn_import(&self, stack_id: &str, plan: Plan) {
        if let Some(operation) = self.operation(stack_id, plan) {
            self.inner.tasks.spawn(operation.import());
        }
    }
}

impl Operation {
    async fn import(self) {
        let old_plan = self
            .engine
            .with(&self.stack_id, |stack| stack.plan.clone())
            .flatten();
        let plan = self.plan.clone();
        self.engine
            .with(&self.stack_id, |stack| stack.plan = Some(plan.clone()));
        let order = graph::order(&plan.template).unwrap_or_default();
        for logical_id in &order {
            let Some(id) = plan.imports.get(logical_id) else {
                continue;
            };
            let declared = plan
                .template
                .resources()
                .find(|declared| declared.logical_id == *logical_id);
            let Some(declared) = declared else {
                continue;
            };
            if let Err(reason) = self.take(&declared, id).await {
                self.note(logical_id, "IMPORT_FAILED", Some(reason));
                let reason =
                    format!("The following resource(s) failed to import: [{logical_id}]. ");
                self.give_back(old_plan, &reason);
                return;
            }
        }
        self.set_status("IMPORT_COMPLETE", None);
    }

    async fn take(&self, declared: &Declared<'_>, id: &str) -> Result<(), String> {
        let resources = self.resources();
        let scope = self.engine.scope(
            (&self.stack_name, &self.stack_id),
            &self.plan,
            Known::Made(&resources),
        );
        let wanted = Wanted {
            logical_id: declared.logical_id.to_owned(),
            kind: declared.kind.to_owned(),
            properties: scope.evaluate(declared.properties())?.unwrap_or_default(),
            made_up: id.to_owned(),
        };
        let mut resource = unmade(&wanted);
        id.clone_into(&mut resource.physical_id);
        resource.deletion_policy = declared.attribute("DeletionPolicy").map(str::to_owned);
        resource.replace_policy = declared.attribute("UpdateReplacePolicy").map(str::to_owned);
        self.keep(resource.clone());
        self.note(declared.logical_id, "IMPORT_IN_PROGRESS", None);
        self.engine.pause().await;
        if let Some(reason) = self.engine.injected_failure(declared.logical_id) {
            return Err(reason);
        }
        let made = self.engine.world().import(id, &wanted).await?;
        resource.attributes = made.attributes;
        self.keep(resource);
        self.note(declared.logical_id, "IMPORT_COMPLETE", None);
        Ok(())
    }

    /// The stack lets go of what it took; nothing is deleted.
    fn give_back(&self, old_plan: Option<Plan>, reason: &str) {
        self.set_status("IMPORT_ROLLBACK_IN_PROGRESS", Some(reason.to_owned()));
        for logical_id in self.plan.imports.keys() {
            if !self.before.contains_key(logical_id) {
                self.note(logical_id, "IMPORT_ROLLBACK_COMPLETE", None);
                self.forget(logical_id);
            }
        }
        self.engine
            .with(&self.stack_id, |stack| stack.plan = old_plan);
        self.set_status("IMPORT_ROLLBACK_COMPLETE", None);
    }
}

fn list(plan: &Plan, is_meant: impl Fn(&Declared<'_>) -> bool) -> String {
    let meant = plan
        .template
        .resources()
        .filter(|declared| is_meant(declared));
    meant
        .map(|declared| declared.logical_id)
        .collect::<Vec<_>>()
        .join(", ")
}
