//! Going back to what was before, and clearing away what is left over.

use super::execute::Operation;
use super::graph;
use super::journal::event_of;
use super::provider::Wanted;
use super::stack::{Plan, Resource};

/// Why a resource is removed; it decides which policy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// The stack goes, or the template names it no longer.
    Unwanted,
    /// Another has taken its place.
    Replaced,
    /// The operation that made it has failed.
    RolledBack,
}

impl Removal {
    fn keeps(self, resource: &Resource) -> bool {
        let policy = match self {
            Self::Replaced => &resource.replace_policy,
            Self::Unwanted | Self::RolledBack => &resource.deletion_policy,
        };
        match policy.as_deref() {
            Some("Retain") => true,
            Some("RetainExceptOnCreate") => self != Self::RolledBack,
            _ => false,
        }
    }
}

impl Operation {
    /// Removes all that a failed creation made.
    pub(super) async fn roll_back_create(self, reason: &str) {
        let reason = format!("{reason}Rollback requested by user.");
        self.set_status("ROLLBACK_IN_PROGRESS", Some(reason));
        let mut failed = Vec::new();
        for logical_id in self.created.iter().rev() {
            let resource = self.resources().remove(logical_id);
            if let Some(resource) = resource
                && !self.remove(&resource, Removal::RolledBack, true).await
            {
                failed.push(logical_id.clone());
            }
        }
        if failed.is_empty() {
            self.set_status("ROLLBACK_COMPLETE", None);
        } else {
            let names = failed.join(", ");
            let reason = format!("The following resource(s) failed to delete: [{names}]. ");
            self.set_status("ROLLBACK_FAILED", Some(reason));
        }
    }

    /// Puts back what a failed update changed, then removes what it made.
    pub(super) async fn roll_back_update(self, old_plan: Option<Plan>, reason: &str) {
        self.set_status("UPDATE_ROLLBACK_IN_PROGRESS", Some(reason.to_owned()));
        let mut failed = Vec::new();
        for logical_id in self.updated.iter().rev() {
            let Some(old) = self.before.get(logical_id) else {
                continue;
            };
            if !self.put_back(old).await {
                failed.push(logical_id.clone());
            }
        }
        let mut leftovers = Vec::new();
        for old in self.replaced.iter().rev() {
            leftovers.extend(self.resources().remove(&old.logical_id));
            self.keep(old.clone());
            self.note(&old.logical_id, "UPDATE_COMPLETE", None);
        }
        self.engine
            .with(&self.stack_id, |stack| stack.plan = old_plan);
        if !failed.is_empty() {
            let names = failed.join(", ");
            let reason = format!("The following resource(s) failed to update: [{names}]. ");
            self.set_status("UPDATE_ROLLBACK_FAILED", Some(reason));
            return;
        }
        self.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None);
        for resource in leftovers {
            self.remove(&resource, Removal::RolledBack, false).await;
        }
        for logical_id in self.created.iter().rev() {
            if let Some(resource) = self.resources().remove(logical_id) {
                self.remove(&resource, Removal::RolledBack, true).await;
            }
        }
        self.set_status("UPDATE_ROLLBACK_COMPLETE", None);
    }

    /// Removes what the new template does not name any more, and what was replaced.
    pub(super) async fn clean_up(&self, old_plan: Option<&Plan>) {
        let order = old_plan.and_then(|plan| graph::order(&plan.template).ok());
        for old in self.replaced.iter().rev() {
            self.remove(old, Removal::Replaced, false).await;
        }
        let wanted = self.wanted_names();
        let resources = self.resources();
        for logical_id in order.unwrap_or_default().iter().rev() {
            if let Some(resource) = resources.get(logical_id)
                && !wanted.contains(logical_id)
            {
                // One that cannot be removed is no longer the stack's; the update is complete all the same.
                if !self.remove(resource, Removal::Unwanted, true).await {
                    self.forget(logical_id);
                }
            }
        }
    }

    fn wanted_names(&self) -> Vec<String> {
        let stack = self.engine.stack(&self.stack_id);
        let drafts = stack.and_then(|stack| self.engine.drafts(&stack, &self.plan).ok());
        drafts.into_iter().flatten().map(|(name, _)| name).collect()
    }

    async fn put_back(&self, old: &Resource) -> bool {
        let logical_id = &old.logical_id;
        self.note(logical_id, "UPDATE_IN_PROGRESS", None);
        self.engine.pause().await;
        let wanted = Wanted {
            logical_id: logical_id.clone(),
            kind: old.kind.clone(),
            properties: old.properties.clone(),
            made_up: old.physical_id.clone(),
        };
        let current = self.resources().remove(logical_id);
        let current = current.as_ref().unwrap_or(old);
        match self.engine.world().update(&wanted, current).await {
            Ok(_) => {
                self.keep(old.clone());
                self.note(logical_id, "UPDATE_COMPLETE", None);
                true
            }
            Err(reason) => {
                self.note(logical_id, "UPDATE_FAILED", Some(reason));
                false
            }
        }
    }

    /// Removes a resource, or leaves it where a policy says so; whether the stack is rid of it. `is_current` says that
    /// the stack knows it by its name.
    pub(super) async fn remove(&self, resource: &Resource, why: Removal, is_current: bool) -> bool {
        let logical_id = &resource.logical_id;
        if !resource.physical_id.is_empty() && why.keeps(resource) {
            self.tell(resource, "DELETE_SKIPPED", None);
            if is_current {
                self.forget(logical_id);
            }
            return true;
        }
        if is_current {
            self.note(logical_id, "DELETE_IN_PROGRESS", None);
        } else {
            self.tell(resource, "DELETE_IN_PROGRESS", None);
        }
        self.engine.pause().await;
        let result = match self.engine.injected_failure(logical_id) {
            Some(reason) => Err(reason),
            None if resource.physical_id.is_empty() => Ok(()),
            None => self.engine.world().delete(resource).await,
        };
        match result {
            Ok(()) => {
                self.tell(resource, "DELETE_COMPLETE", None);
                if is_current {
                    self.forget(logical_id);
                }
                true
            }
            Err(reason) => {
                if is_current {
                    self.note(logical_id, "DELETE_FAILED", Some(reason));
                } else {
                    self.tell(resource, "DELETE_FAILED", Some(reason));
                }
                false
            }
        }
    }

    /// Writes an event of a resource that the stack does not hold by that name.
    fn tell(&self, resource: &Resource, status: &'static str, reason: Option<String>) {
        let id = self.engine.unique(&self.stack_id);
        let event = event_of(&id, resource, status, reason);
        self.engine
            .with(&self.stack_id, |stack| stack.events.push(event));
    }

    /// The stack no longer holds the resource.
    pub(super) fn forget(&self, logical_id: &str) {
        self.engine
            .with(&self.stack_id, |stack| stack.resources.remove(logical_id));
    }
}
