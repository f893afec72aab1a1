//! Applying a plan: one resource after the other, each after what it refers to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::CloudFormation;
use super::graph;
use super::intrinsic::Known;
use super::journal::unmade;
use super::provider::{Made, Wanted, digest, kind};
use super::stack::{Plan, Resource};
use super::template::Declared;
use crate::sync::now;

/// One operation on one stack.
#[derive(Debug)]
pub(super) struct Operation {
    /// The stacks.
    pub(super) engine: CloudFormation,
    /// The stack's ARN.
    pub(super) stack_id: String,
    /// Its name.
    pub(super) stack_name: String,
    /// What it is to become.
    pub(super) plan: Plan,
    /// What it was before.
    pub(super) before: BTreeMap<String, Resource>,
    /// Resources that the operation made.
    pub(super) created: Vec<String>,
    /// Resources that it changed in their place.
    pub(super) updated: Vec<String>,
    /// Resources that others took the place of.
    pub(super) replaced: Vec<Resource>,
}

impl CloudFormation {
    /// Creates a stack in the background.
    pub(super) fn spawn_create(&self, stack_id: &str, plan: Plan) {
        if let Some(operation) = self.operation(stack_id, plan) {
            self.inner.tasks.spawn(operation.create());
        }
    }

    /// Updates a stack in the background.
    pub(super) fn spawn_update(&self, stack_id: &str, plan: Plan) {
        if let Some(operation) = self.operation(stack_id, plan) {
            self.inner.tasks.spawn(operation.update());
        }
    }

    /// Begins an operation.
    pub(super) fn operation(&self, stack_id: &str, plan: Plan) -> Option<Operation> {
        let (stack_name, before) = self.with(stack_id, |stack| {
            (stack.name.clone(), stack.resources.clone())
        })?;
        Some(Operation {
            engine: self.clone(),
            stack_id: stack_id.to_owned(),
            stack_name,
            plan,
            before,
            created: Vec::new(),
            updated: Vec::new(),
            replaced: Vec::new(),
        })
    }
}

impl Operation {
    async fn create(mut self) {
        self.adopt_plan();
        match self.apply_all().await {
            Ok(()) => self.set_status("CREATE_COMPLETE", None),
            Err(reason) if self.plan.keeps_failures => {
                self.set_status("CREATE_FAILED", Some(reason));
            }
            Err(reason) => self.roll_back_create(&reason).await,
        }
    }

    async fn update(mut self) {
        let old_plan = self
            .engine
            .with(&self.stack_id, |stack| stack.plan.clone())
            .flatten();
        self.adopt_plan();
        match self.apply_all().await {
            Ok(()) => {
                self.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
                self.clean_up(old_plan.as_ref()).await;
                self.engine
                    .with(&self.stack_id, |stack| stack.updated = Some(now()));
                self.set_status("UPDATE_COMPLETE", None);
            }
            Err(reason) => self.roll_back_update(old_plan, &reason).await,
        }
    }

    fn adopt_plan(&self) {
        let plan = self.plan.clone();
        self.engine
            .with(&self.stack_id, |stack| stack.plan = Some(plan));
    }

    /// Sets the stack's status.
    pub(super) fn set_status(&self, status: &'static str, reason: Option<String>) {
        self.engine.set_status(&self.stack_id, status, reason);
    }

    /// The stack's resources as they are now.
    pub(super) fn resources(&self) -> BTreeMap<String, Resource> {
        let resources = self
            .engine
            .with(&self.stack_id, |stack| stack.resources.clone());
        resources.unwrap_or_default()
    }

    async fn apply_all(&mut self) -> Result<(), String> {
        let plan = self.plan.clone();
        for logical_id in graph::order(&plan.template)? {
            let declared = plan
                .template
                .resources()
                .find(|declared| declared.logical_id == logical_id);
            let Some(declared) = declared else {
                continue;
            };
            let resources = self.resources();
            let scope = self.engine.scope(
                (&self.stack_name, &self.stack_id),
                &plan,
                Known::Made(&resources),
            );
            if !scope.is_active(declared.body())? {
                continue;
            }
            let properties = scope.evaluate(declared.properties())?.unwrap_or_default();
            let wanted = self.wanted(&declared, properties);
            self.apply(&declared, wanted, resources.get(&logical_id))
                .await?;
        }
        self.set_outputs(&plan)
    }

    fn wanted(&self, declared: &Declared<'_>, properties: Value) -> Wanted {
        let logical_id = declared.logical_id;
        let unique = self.engine.unique(&self.stack_id);
        let suffix =
            digest(&format!("{}/{logical_id}/{unique}", self.stack_id))[..12].to_uppercase();
        Wanted {
            logical_id: logical_id.to_owned(),
            kind: declared.kind.to_owned(),
            properties,
            made_up: format!("{}-{logical_id}-{suffix}", self.stack_name),
        }
    }

    async fn apply(
        &mut self,
        declared: &Declared<'_>,
        wanted: Wanted,
        existing: Option<&Resource>,
    ) -> Result<(), String> {
        let result = match existing {
            None => self.make(&wanted, None).await,
            Some(old) if old.kind == wanted.kind && old.properties == wanted.properties => Ok(()),
            Some(old) => {
                let is_replaced = old.kind != wanted.kind
                    || kind::find(&wanted.kind)
                        .is_some_and(|kind| kind.is_replaced(&old.properties, &wanted.properties));
                if is_replaced {
                    self.make(&wanted, Some(old)).await
                } else {
                    self.change(&wanted, old).await
                }
            }
        };
        let policy = |name| declared.attribute(name).map(str::to_owned);
        self.engine.with(&self.stack_id, |stack| {
            if let Some(resource) = stack.resources.get_mut(&wanted.logical_id) {
                resource.deletion_policy = policy("DeletionPolicy");
                resource.replace_policy = policy("UpdateReplacePolicy");
            }
        });
        result
    }

    /// Makes a resource that is new or takes another's place.
    async fn make(&mut self, wanted: &Wanted, old: Option<&Resource>) -> Result<(), String> {
        let (begin, done, failed) = if old.is_some() {
            ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED")
        } else {
            ("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED")
        };
        if let Some(old) = old {
            self.replaced.push(old.clone());
            let reason = "Requested update requires the creation of a new physical resource; hence creating one.";
            self.note(&wanted.logical_id, begin, Some(reason.to_owned()));
        } else {
            self.created.push(wanted.logical_id.clone());
            self.keep(unmade(wanted));
            self.note(&wanted.logical_id, begin, None);
        }
        self.engine.pause().await;
        match self.attempt(wanted, old).await {
            Ok(made) => {
                let mut resource = unmade(wanted);
                resource.physical_id = made.physical_id;
                resource.attributes = made.attributes;
                self.keep(resource);
                self.note(&wanted.logical_id, done, None);
                Ok(())
            }
            Err(reason) => {
                if old.is_some() {
                    self.replaced.pop();
                }
                self.note(&wanted.logical_id, failed, Some(reason));
                let verb = if old.is_some() { "update" } else { "create" };
                Err(format!(
                    "The following resource(s) failed to {verb}: [{}]. ",
                    wanted.logical_id
                ))
            }
        }
    }

    async fn attempt(&self, wanted: &Wanted, old: Option<&Resource>) -> Result<Made, String> {
        if let Some(reason) = self.engine.injected_failure(&wanted.logical_id) {
            return Err(reason);
        }
        let id = self.engine.world().identify(wanted).physical_id;
        if old.is_some_and(|old| old.physical_id == id && old.kind == wanted.kind) {
            return Err(format!(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {id} and update the stack again."
            ));
        }
        if let Some(owner) = self.engine.owner_of(&wanted.kind, &id) {
            return Err(format!("{id} already exists in stack {owner}"));
        }
        self.engine.world().create(wanted).await
    }

    async fn change(&mut self, wanted: &Wanted, old: &Resource) -> Result<(), String> {
        self.updated.push(wanted.logical_id.clone());
        self.note(&wanted.logical_id, "UPDATE_IN_PROGRESS", None);
        self.engine.pause().await;
        let result = match self.engine.injected_failure(&wanted.logical_id) {
            Some(reason) => Err(reason),
            None => self.engine.world().update(wanted, old).await,
        };
        match result {
            Ok(made) => {
                let mut resource = old.clone();
                resource.properties = wanted.properties.clone();
                resource.attributes = made.attributes;
                self.keep(resource);
                self.note(&wanted.logical_id, "UPDATE_COMPLETE", None);
                Ok(())
            }
            Err(reason) => {
                self.note(&wanted.logical_id, "UPDATE_FAILED", Some(reason));
                Err(format!(
                    "The following resource(s) failed to update: [{}]. ",
                    wanted.logical_id
                ))
            }
        }
    }
}
