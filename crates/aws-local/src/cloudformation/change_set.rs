//! Change sets.

use serde_json::{Value, json};

use super::CloudFormation;
use super::api::{cannot_be_updated, does_not_exist};
use super::describe::{parameters_of, tags_of};
use super::stack::{ChangeSet, ChangeSetKind, Plan, Stack};
use crate::control::query::{Failure, Form};
use crate::sync::now;

const NO_CHANGES: &str = "The submitted information didn't contain changes. Submit different information to create a change set.";

impl CloudFormation {
    /// `CreateChangeSet`: what is wrong with the request is said at once, what it would change a little later.
    pub(super) async fn create_change_set(&self, form: &Form) -> Result<Value, Failure> {
        let stack_name = form.required("StackName")?;
        let name = form.required("ChangeSetName")?.to_owned();
        let stack = self.stack(stack_name);
        let kind = kind_of(form, stack.as_ref(), &name)?;
        let is_taken = |set: &ChangeSet| set.name == name && set.execution != "EXECUTE_COMPLETE";
        if stack
            .iter()
            .any(|stack| stack.change_sets.iter().any(is_taken))
        {
            return Err(Failure::new(
                "AlreadyExistsException",
                format!("ChangeSet {name} already exists"),
            ));
        }
        let plan = self.plan(form, stack.as_ref()).await?;
        if kind == ChangeSetKind::Import {
            self.check_import(stack.as_ref(), stack_name, &plan)?;
        } else if !plan.imports.is_empty() {
            return Err(Failure::validation(
                "ResourcesToImport is only valid for change sets of type IMPORT",
            ));
        }
        let stack_id = match stack {
            Some(stack) => stack.id,
            None => self.begin_stack(stack_name, "REVIEW_IN_PROGRESS")?,
        };
        let id = self.arn("changeSet", &name);
        let change_set = ChangeSet {
            name,
            id: id.clone(),
            kind,
            status: "CREATE_IN_PROGRESS",
            reason: None,
            execution: "UNAVAILABLE",
            description: form.get("Description").map(str::to_owned),
            plan,
            changes: Vec::new(),
            created: now(),
        };
        self.with(&stack_id, |stack| stack.change_sets.push(change_set));
        let (engine, stack, set) = (self.clone(), stack_id.clone(), id.clone());
        self.inner
            .tasks
            .spawn(async move { engine.compute(&stack, &set).await });
        Ok(json!({ "Id": id, "StackId": stack_id }))
    }

    async fn compute(&self, stack_id: &str, id: &str) {
        self.pause().await;
        let Some(stack) = self.stack(stack_id) else {
            return;
        };
        let Some(plan) = find(&stack, id).map(|set| set.plan.clone()) else {
            return;
        };
        let changes = self.changes(&stack, &plan);
        let outputs = self.changes_outputs(&stack, &plan);
        self.with_change_set(stack_id, id, |set| match (changes, outputs) {
            (Err(reason), _) | (_, Err(reason)) => {
                set.status = "FAILED";
                set.reason = Some(reason);
            }
            (Ok(changes), Ok(false)) if changes.is_empty() => {
                set.status = "FAILED";
                set.reason = Some(NO_CHANGES.to_owned());
            }
            (Ok(changes), Ok(_)) => {
                set.status = "CREATE_COMPLETE";
                set.execution = "AVAILABLE";
                set.changes = changes;
            }
        });
    }

    fn with_change_set(&self, stack_id: &str, id: &str, act: impl FnOnce(&mut ChangeSet)) {
        self.with(stack_id, |stack| {
            if let Some(set) = stack.change_sets.iter_mut().find(|set| set.id == id) {
                act(set);
            }
        });
    }

    /// `DescribeChangeSet`, paged.
    pub(super) fn describe_change_set(&self, form: &Form) -> Result<Value, Failure> {
        let (stack, set) = self.change_set(form)?;
        let from: usize = form
            .get("NextToken")
            .and_then(|token| token.parse().ok())
            .unwrap_or(0);
        let page: Vec<_> = set.changes.iter().skip(from).take(100).collect();
        let next = from + page.len();
        Ok(json!({
            "ChangeSetName": set.name,
            "ChangeSetId": set.id,
            "StackId": stack.id,
            "StackName": stack.name,
            "Description": set.description,
            "Parameters": parameters_of(&set.plan),
            "CreationTime": set.created.to_string(),
            "ExecutionStatus": set.execution,
            "Status": set.status,
            "StatusReason": set.reason,
            "Capabilities": set.plan.capabilities,
            "Tags": tags_of(&set.plan),
            "Changes": page,
            "NextToken": (next < set.changes.len()).then(|| next.to_string()),
        }))
    }

    /// `ListChangeSets`.
    pub(super) fn list_change_sets(&self, form: &Form) -> Result<Value, Failure> {
        let stack = self.named(form)?;
        let summaries = stack.change_sets.iter().map(|set| {
            json!({
                "ChangeSetName": set.name,
                "ChangeSetId": set.id,
                "StackId": stack.id,
                "StackName": stack.name,
                "Status": set.status,
                "StatusReason": set.reason,
                "ExecutionStatus": set.execution,
                "CreationTime": set.created.to_string(),
            })
        });
        Ok(json!({ "Summaries": summaries.collect::<Vec<_>>() }))
    }

    /// `ExecuteChangeSet`: the stack's other change sets are obsolete from then on.
    pub(super) fn execute_change_set(&self, form: &Form) -> Result<Value, Failure> {
        let (stack, set) = self.change_set(form)?;
        if set.execution != "AVAILABLE" {
            let shown = if set.status == "CREATE_COMPLETE" {
                set.execution
            } else {
                set.status
            };
            return Err(Failure::new(
                "InvalidChangeSetStatus",
                format!(
                    "ChangeSet [{}] cannot be executed in its current status of [{shown}]",
                    set.id
                ),
            ));
        }
        let is_new = stack.status == "REVIEW_IN_PROGRESS";
        if !is_new && !stack.can_be_updated() {
            return Err(cannot_be_updated(&stack));
        }
        self.with(&stack.id, |stack| {
            for other in &mut stack.change_sets {
                other.execution = if other.id == set.id {
                    "EXECUTE_COMPLETE"
                } else {
                    "OBSOLETE"
                };
            }
        });
        let reason = Some("User Initiated".to_owned());
        match set.kind {
            ChangeSetKind::Create => {
                self.set_status(&stack.id, "CREATE_IN_PROGRESS", reason);
                self.spawn_create(&stack.id, set.plan);
            }
            ChangeSetKind::Update => {
                self.set_status(&stack.id, "UPDATE_IN_PROGRESS", reason);
                self.spawn_update(&stack.id, set.plan);
            }
            ChangeSetKind::Import => {
                self.set_status(&stack.id, "IMPORT_IN_PROGRESS", reason);
                self.spawn_import(&stack.id, set.plan);
            }
        }
        Ok(json!({}))
    }

    /// `DeleteChangeSet`: one that is not there is deleted.
    pub(super) fn delete_change_set(&self, form: &Form) -> Result<Value, Failure> {
        match self.change_set(form) {
            Ok((stack, set)) => {
                self.with(&stack.id, |stack| {
                    stack.change_sets.retain(|other| other.id != set.id);
                });
                Ok(json!({}))
            }
            Err(failure) if failure.code == "ChangeSetNotFound" => Ok(json!({})),
            Err(failure) => Err(failure),
        }
    }

    fn change_set(&self, form: &Form) -> Result<(Stack, ChangeSet), Failure> {
        let name = form.required("ChangeSetName")?;
        let not_found = || Failure {
            status: 404,
            ..Failure::new(
                "ChangeSetNotFound",
                format!("ChangeSet [{name}] does not exist"),
            )
        };
        if let Some(stack_name) = form.get("StackName") {
            let stack = self
                .stack(stack_name)
                .ok_or_else(|| does_not_exist(stack_name))?;
            let set = find(&stack, name).cloned().ok_or_else(not_found)?;
            return Ok((stack, set));
        }
        if !name.starts_with("arn:") {
            return Err(Failure::validation(
                "StackName must be specified if ChangeSetName is not specified as an ARN.",
            ));
        }
        let stacks = crate::sync::lock(&self.inner.stacks);
        let mut found = stacks
            .iter()
            .filter_map(|stack| Some((stack, find(stack, name)?)));
        let (stack, set) = found.next().ok_or_else(not_found)?;
        Ok((stack.clone(), set.clone()))
    }
}

/// The change set by name or ARN; of several with one name the newest.
fn find<'a>(stack: &'a Stack, name: &str) -> Option<&'a ChangeSet> {
    let mut newest_first = stack.change_sets.iter().rev();
    newest_first.find(|set| set.name == name || set.id == name)
}

fn kind_of(form: &Form, stack: Option<&Stack>, name: &str) -> Result<ChangeSetKind, Failure> {
    let stack_name = form.required("StackName")?;
    let is_new = stack.is_none_or(|stack| stack.status == "REVIEW_IN_PROGRESS");
    let settled = |kind| match stack {
        Some(stack) if !is_new && !stack.can_be_updated() => Err(cannot_be_updated(stack)),
        _ => Ok(kind),
    };
    match form.get("ChangeSetType").unwrap_or("UPDATE") {
        "CREATE" if is_new => Ok(ChangeSetKind::Create),
        "CREATE" => Err(Failure::validation(format!(
            "Stack [{stack_name}] already exists and cannot be created again with the changeSet [{name}]."
        ))),
        "UPDATE" if is_new => Err(Failure::validation(format!(
            "Stack [{stack_name}] does not exist"
        ))),
        "UPDATE" => settled(ChangeSetKind::Update),
        "IMPORT" => settled(ChangeSetKind::Import),
        other => Err(Failure::validation(format!(
            "1 validation error detected: Value '{other}' at 'changeSetType' failed to satisfy constraint: Member must satisfy enum value set: [IMPORT, UPDATE, CREATE]"
        ))),
    }
}

/// The plan that a plan replaces must not lose: used by imports.
pub(super) fn same_outputs(old: Option<&Plan>, new: &Plan) -> bool {
    let outputs = |plan: &Plan| -> Vec<(String, Value)> {
        let section = plan.template.section("Outputs");
        section
            .map(|(name, body)| (name.to_owned(), body.clone()))
            .collect()
    };
    old.map(outputs).unwrap_or_default() == outputs(new)
}
