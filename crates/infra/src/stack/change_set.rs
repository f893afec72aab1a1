//! What would change, before it does.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, ChangeAction, ChangeSetStatus, ChangeSetType, Replacement, ResourceChange,
    ResourceToImport,
};

use super::{Stack, StackFailure, StackState};
use crate::error::{self, InfraError};
use crate::image::hex;
use crate::parameters::{Setting, to_api};
use crate::progress::Listener;
use crate::template::Retained;

/// What becomes of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is made.
    Add,
    /// It is changed in place.
    Modify,
    /// It is, or may be, replaced by a new one.
    Replace,
    /// It is taken over as it is.
    Import,
    /// It leaves the stack.
    Remove,
}

/// One resource that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What becomes of it.
    pub kind: ChangeKind,
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    pub resource_type: String,
}

/// What a change set is asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) kind: RequestKind,
    pub(crate) template: TemplateBody,
    pub(crate) settings: BTreeMap<String, Setting>,
}

/// What it does to the stack.
#[derive(Debug)]
pub(crate) enum RequestKind {
    Create,
    Update,
    /// Makes a stack of what is there already.
    Import(Vec<Retained>),
}

/// The template, or where it lies.
#[derive(Debug)]
pub(crate) enum TemplateBody {
    Text(String),
    Url(String),
}

/// A change set that can be executed.
#[derive(Debug)]
pub(crate) struct ChangeSet {
    id: String,
    before: Option<StackState>,
    pub(crate) changes: Vec<Change>,
}

impl Stack {
    /// Asks what `request` would change; `None` where nothing would.
    pub(crate) async fn change_set(
        &self,
        request: &Request,
    ) -> Result<Option<ChangeSet>, InfraError> {
        let before = self.find().await?;
        let call = self
            .client
            .create_change_set()
            .stack_name(&self.name)
            .change_set_name(name()?)
            .change_set_type(request.kind.api())
            .set_parameters(Some(to_api(&request.settings)))
            .set_resources_to_import(request.kind.imports())
            .capabilities(Capability::CapabilityNamedIam);
        let call = match &request.template {
            TemplateBody::Text(text) => call.template_body(text),
            TemplateBody::Url(url) => call.template_url(url),
        };
        let answer = call.send().await.map_err(error::failed(
            format!(
                "what would change in the stack {} cannot be worked out",
                self.name
            ),
            "cloudformation:CreateChangeSet",
        ))?;
        let id = answer.id().unwrap_or_default().to_owned();
        let described = self.settled(&id).await?;
        if described.status() == Some(&ChangeSetStatus::CreateComplete) {
            let changes = self.all_changes(&id, described).await?;
            return Ok(Some(ChangeSet {
                id,
                before,
                changes,
            }));
        }
        self.discard_by_id(&id).await?;
        let reason = described.status_reason().unwrap_or_default();
        if is_nothing_to_do(reason) {
            return Ok(None);
        }
        if before.is_none() {
            // A stack that was never made but has a change set stands in nobody's way, and in every list.
            let _leftover = self
                .client
                .delete_stack()
                .stack_name(&self.name)
                .send()
                .await;
        }
        Err(
            InfraError::failed(format!("the stack {} cannot be changed so", self.name))
                .because(reason),
        )
    }

    /// Carries it out and waits for the end.
    pub(crate) async fn execute(
        &self,
        change_set: ChangeSet,
        listener: Listener<'_>,
    ) -> Result<Result<(), StackFailure>, InfraError> {
        let before = match change_set.before {
            Some(before) => Some(before),
            None => self.find().await?,
        };
        let Some(before) = before else {
            return Err(
                InfraError::failed(format!("the stack {} has gone", self.name))
                    .hint("type the same again"),
            );
        };
        let seen = self.newest_event(&before.id).await?;
        self.client
            .execute_change_set()
            .change_set_name(&change_set.id)
            .send()
            .await
            .map_err(error::failed(
                format!("the stack {} cannot be changed", self.name),
                "cloudformation:ExecuteChangeSet",
            ))?;
        self.follow(&before, seen, listener).await
    }

    /// Leaves everything as it is.
    pub(crate) async fn discard(&self, change_set: &ChangeSet) -> Result<(), InfraError> {
        self.discard_by_id(&change_set.id).await
    }

    async fn discard_by_id(&self, id: &str) -> Result<(), InfraError> {
        let call = self.client.delete_change_set().change_set_name(id);
        let failed = error::failed(
            format!("the change set of {} cannot be deleted", self.name),
            "cloudformation:DeleteChangeSet",
        );
        call.send().await.map(drop).map_err(failed)
    }

    /// The change set, once it is worked out or refused.
    async fn settled(&self, id: &str) -> Result<DescribeChangeSetOutput, InfraError> {
        loop {
            let described = self.describe(id, None).await?;
            match described.status() {
                Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => {
                    tokio::time::sleep(self.poll).await;
                }
                _ => return Ok(described),
            }
        }
    }

    async fn all_changes(
        &self,
        id: &str,
        first: DescribeChangeSetOutput,
    ) -> Result<Vec<Change>, InfraError> {
        let mut changes = Vec::new();
        let mut page = first;
        loop {
            let found = page
                .changes()
                .iter()
                .filter_map(|change| change.resource_change());
            changes.extend(found.map(change));
            let Some(token) = page.next_token().map(ToOwned::to_owned) else {
                return Ok(changes);
            };
            page = self.describe(id, Some(token)).await?;
        }
    }

    async fn describe(
        &self,
        id: &str,
        token: Option<String>,
    ) -> Result<DescribeChangeSetOutput, InfraError> {
        let call = self.client.describe_change_set().change_set_name(id);
        let failed = error::failed(
            format!("the change set of {} cannot be read", self.name),
            "cloudformation:DescribeChangeSet",
        );
        call.set_next_token(token).send().await.map_err(failed)
    }
}

impl RequestKind {
    fn api(&self) -> ChangeSetType {
        match self {
            Self::Create => ChangeSetType::Create,
            Self::Update => ChangeSetType::Update,
            Self::Import(_) => ChangeSetType::Import,
        }
    }

    fn imports(&self) -> Option<Vec<ResourceToImport>> {
        let Self::Import(retained) = self else {
            return None;
        };
        let imports = retained.iter().map(|one| {
            let identifier = [(one.kind.name_property().to_owned(), one.name.clone())];
            ResourceToImport::builder()
                .resource_type(one.kind.resource_type())
                .logical_resource_id(&one.logical_id)
                .set_resource_identifier(Some(identifier.into()))
                .build()
        });
        Some(imports.collect())
    }
}

/// A name that no other change set has; it must begin with a letter.
fn name() -> Result<String, InfraError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        InfraError::failed("the system gives no random numbers").because(error.to_string())
    })?;
    Ok(format!("runvoy-{}", &hex(&random)[..16]))
}

fn change(change: &ResourceChange) -> Change {
    let kind = match (change.action(), change.replacement()) {
        (Some(ChangeAction::Add), _) => ChangeKind::Add,
        (Some(ChangeAction::Remove), _) => ChangeKind::Remove,
        (Some(ChangeAction::Import), _) => ChangeKind::Import,
        (_, Some(Replacement::True | Replacement::Conditional)) => ChangeKind::Replace,
        _ => ChangeKind::Modify,
    };
    Change {
        kind,
        logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
    }
}

/// `CloudFormation` says in words only that a change set failed because it is empty.
fn is_nothing_to_do(reason: &str) -> bool {
    [
        "didn't contain changes",
        "No updates are to be performed",
        "no changes",
    ]
    .iter()
    .any(|words| reason.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(action: ChangeAction, replacement: Option<Replacement>) -> ChangeKind {
        let built = ResourceChange::builder()
            .action(action)
            .set_replacement(replacement)
            .logical_resource_id("Api")
            .build();
        change(&built).kind
    }

    #[test]
    fn a_possible_replacement_is_shown_as_one() {
        assert_eq!(
            of(ChangeAction::Modify, Some(Replacement::Conditional)),
            ChangeKind::Replace
        );
        assert_eq!(
            of(ChangeAction::Modify, Some(Replacement::True)),
            ChangeKind::Replace
        );
        assert_eq!(
            of(ChangeAction::Modify, Some(Replacement::False)),
            ChangeKind::Modify
        );
        assert_eq!(of(ChangeAction::Add, None), ChangeKind::Add);
        assert_eq!(of(ChangeAction::Remove, None), ChangeKind::Remove);
        assert_eq!(of(ChangeAction::Import, None), ChangeKind::Import);
    }

    #[test]
    fn an_empty_change_set_is_no_failure() {
        assert!(is_nothing_to_do(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ));
        assert!(is_nothing_to_do("No updates are to be performed."));
        assert!(!is_nothing_to_do(
            "Template error: instance of Fn::GetAtt references undefined resource X"
        ));
    }

    #[test]
    fn names_of_change_sets_begin_with_a_letter_and_differ() {
        let (one, two) = (name().unwrap(), name().unwrap());
        assert!(one.starts_with("runvoy-") && one != two);
    }
}
