//! Stacks: what is kept of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::parameters::Parameters;
use super::template::Template;

/// One resource that a stack has made.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// Its name in the template.
    pub(crate) logical_id: String,
    /// `AWS::DynamoDB::Table`, …
    pub(crate) kind: String,
    /// What `Ref` gives.
    pub(crate) physical_id: String,
    /// The evaluated properties that it was last made with.
    pub(crate) properties: Value,
    /// What `Fn::GetAtt` gives.
    pub(crate) attributes: Map<String, Value>,
    /// `CREATE_COMPLETE`, …
    pub(crate) status: &'static str,
    /// Why, when it failed.
    pub(crate) reason: Option<String>,
    /// What becomes of it when the stack no longer wants it.
    pub(crate) deletion_policy: Option<String>,
    /// What becomes of it when an update replaces it.
    pub(crate) replace_policy: Option<String>,
    /// When its status changed last.
    pub(crate) updated: Timestamp,
}

/// One line of a stack's history.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Its own id.
    pub(crate) id: String,
    /// When.
    pub(crate) at: Timestamp,
    /// The resource, or the stack's name for the stack itself.
    pub(crate) logical_id: String,
    /// Its physical id, once it has one.
    pub(crate) physical_id: String,
    /// Its type.
    pub(crate) kind: String,
    /// Its new status.
    pub(crate) status: &'static str,
    /// Why.
    pub(crate) reason: Option<String>,
}

/// What is to become of a stack.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The template to apply.
    pub(crate) template: Template,
    /// Its parameters.
    pub(crate) parameters: Parameters,
    /// Stack tags.
    pub(crate) tags: Parameters,
    /// Capabilities that were acknowledged.
    pub(crate) capabilities: Vec<String>,
    /// Resources to import: logical id to physical id.
    pub(crate) imports: BTreeMap<String, String>,
    /// Whether a failed creation is left as it is.
    pub(crate) keeps_failures: bool,
}

/// A change set.
#[derive(Debug, Clone)]
pub(crate) struct ChangeSet {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) id: String,
    /// `CREATE`, `UPDATE` or `IMPORT`.
    pub(crate) kind: ChangeSetKind,
    /// `CREATE_PENDING`, `CREATE_COMPLETE`, `FAILED`.
    pub(crate) status: &'static str,
    /// Why it failed.
    pub(crate) reason: Option<String>,
    /// `AVAILABLE`, `UNAVAILABLE`, `EXECUTE_COMPLETE`, `OBSOLETE`.
    pub(crate) execution: &'static str,
    /// The caller's words.
    pub(crate) description: Option<String>,
    /// What it would do.
    pub(crate) plan: Plan,
    /// The changes, once known, as `DescribeChangeSet` tells them.
    pub(crate) changes: Vec<Value>,
    /// When it was made.
    pub(crate) created: Timestamp,
}

/// What a change set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeSetKind {
    /// A new stack.
    Create,
    /// A stack that is there.
    Update,
    /// Resources that are there and belong to no stack.
    Import,
}

/// One stack.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) id: String,
    /// `CREATE_COMPLETE`, …
    pub(crate) status: &'static str,
    /// Why.
    pub(crate) reason: Option<String>,
    /// What it was last made from.
    pub(crate) plan: Option<Plan>,
    /// Its resources, by logical id.
    pub(crate) resources: BTreeMap<String, Resource>,
    /// Its outputs: key to value and description.
    pub(crate) outputs: BTreeMap<String, (String, Option<String>)>,
    /// Its history, oldest first.
    pub(crate) events: Vec<Event>,
    /// Change sets that were not deleted.
    pub(crate) change_sets: Vec<ChangeSet>,
    /// Whether it may be deleted.
    pub(crate) is_protected: bool,
    /// When it was created.
    pub(crate) created: Timestamp,
    /// When it was last updated.
    pub(crate) updated: Option<Timestamp>,
}

impl Stack {
    /// Whether only its ARN still finds it.
    pub(crate) fn is_gone(&self) -> bool {
        self.status == "DELETE_COMPLETE"
    }

    /// Whether an operation runs.
    pub(crate) fn is_busy(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }

    /// Whether it can be updated, or take imports.
    pub(crate) fn can_be_updated(&self) -> bool {
        matches!(
            self.status,
            "CREATE_COMPLETE"
                | "UPDATE_COMPLETE"
                | "UPDATE_ROLLBACK_COMPLETE"
                | "IMPORT_COMPLETE"
                | "IMPORT_ROLLBACK_COMPLETE"
        )
    }

    /// The template's parameters as they are now.
    pub(crate) fn parameters(&self) -> Parameters {
        self.plan
            .as_ref()
            .map(|plan| plan.parameters.clone())
            .unwrap_or_default()
    }
}
