//! One stack: what state it is in, and what changes it.

pub(crate) mod change_set;
mod events;
mod failure;

pub use change_set::{Change, ChangeKind};
pub(crate) use change_set::{ChangeSet, Request, RequestKind};

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_sdk_cloudformation::types::Stack as ApiStack;

use crate::error::{self, InfraError};
use crate::progress::{Listener, ResourceEvent};

/// A stack of this name, whether or not there is one.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    client: Client,
    pub(crate) name: String,
    /// How long to wait before asking again.
    poll: Duration,
}

/// A stack as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackState {
    pub(crate) id: String,
    /// For example `UPDATE_COMPLETE`.
    pub status: String,
    /// Why, where something is said.
    pub reason: Option<String>,
    /// When it was last changed, or made, in seconds of the epoch.
    pub changed_at: Option<i64>,
    /// What it tells.
    pub outputs: BTreeMap<String, String>,
    /// What it was given.
    pub parameters: BTreeMap<String, String>,
}

/// What can be done with a stack now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It can be changed.
    Ready,
    /// It was never made, only looked at; it can be made.
    Empty,
    /// It was never made and is in the way: it must be deleted first.
    Broken,
    /// Something is under way.
    Busy,
    /// A person must free it.
    Stuck,
}

/// How a change of a stack ended badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StackFailure {
    pub(crate) status: String,
    pub(crate) first: Option<Box<ResourceEvent>>,
}

impl StackState {
    pub(crate) fn readiness(&self) -> Readiness {
        match self.status.as_str() {
            "REVIEW_IN_PROGRESS" => Readiness::Empty,
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED" => {
                Readiness::Broken
            }
            "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" => Readiness::Stuck,
            status if status.ends_with("_IN_PROGRESS") => Readiness::Busy,
            _ => Readiness::Ready,
        }
    }

    /// Refuses a stack that others are changing, or that only a person can free.
    pub(crate) fn check_is_free(&self, name: &str) -> Result<(), InfraError> {
        match self.readiness() {
            Readiness::Busy => Err(InfraError::failed(format!(
                "the stack {name} is being changed by somebody else ({})",
                self.status
            ))
            .hint(
                "wait until that is over, then type the same again; watch it:  runvoy infra status",
            )),
            Readiness::Stuck => Err(InfraError::failed(format!(
                "the stack {name} could not go back to what it was ({})",
                self.status
            ))
            .because(
                self.reason
                    .clone()
                    .unwrap_or_else(|| "CloudFormation does not say why".to_owned()),
            )
            .hint("remove the cause, then:")
            .hint(format!(
                "aws cloudformation continue-update-rollback --stack-name {name}"
            ))),
            Readiness::Ready | Readiness::Empty | Readiness::Broken => Ok(()),
        }
    }
}

impl Stack {
    pub(crate) fn new(client: Client, name: impl Into<String>, poll: Duration) -> Self {
        Self {
            client,
            name: name.into(),
            poll,
        }
    }

    /// The stack, if there is one.
    pub(crate) async fn find(&self) -> Result<Option<StackState>, InfraError> {
        self.find_by(&self.name).await
    }

    async fn find_by(&self, name_or_id: &str) -> Result<Option<StackState>, InfraError> {
        let answer = self
            .client
            .describe_stacks()
            .stack_name(name_or_id)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_absent(error.as_service_error().and_then(|e| e.message())) => {
                return Ok(None);
            }
            Err(error) => {
                let what = format!("the stack {} cannot be read", self.name);
                return Err(error::failed(what, "cloudformation:DescribeStacks")(error));
            }
        };
        Ok(answer.stacks().first().map(state))
    }

    /// Deletes the stack and waits until it is gone. One that is not there is gone.
    pub(crate) async fn delete(
        &self,
        listener: Listener<'_>,
    ) -> Result<Result<(), StackFailure>, InfraError> {
        let Some(before) = self.find().await? else {
            return Ok(Ok(()));
        };
        let seen = self.newest_event(&before.id).await?;
        self.client
            .delete_stack()
            .stack_name(&before.id)
            .send()
            .await
            .map_err(error::failed(
                format!("the stack {} cannot be deleted", self.name),
                "cloudformation:DeleteStack",
            ))?;
        self.follow(&before, seen, listener).await
    }

    /// Deletes, where anything short of success is an error.
    pub(crate) async fn delete_for_good(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        let name = &self.name;
        let gone = self.delete(listener).await?;
        gone.map_err(|failure| {
            failure.into_error(&format!("the stack {name} could not be deleted"))
        })
    }
}

fn state(stack: &ApiStack) -> StackState {
    let changed_at = stack.last_updated_time().or(stack.creation_time());
    let outputs = stack.outputs().iter().filter_map(|output| {
        Some((
            output.output_key()?.to_owned(),
            output.output_value()?.to_owned(),
        ))
    });
    let parameters = stack.parameters().iter().filter_map(|parameter| {
        Some((
            parameter.parameter_key()?.to_owned(),
            parameter.parameter_value()?.to_owned(),
        ))
    });
    StackState {
        id: stack.stack_id().unwrap_or_default().to_owned(),
        status: stack
            .stack_status()
            .map_or("", |status| status.as_str())
            .to_owned(),
        reason: stack.stack_status_reason().map(ToOwned::to_owned),
        changed_at: changed_at.map(aws_sdk_cloudformation::primitives::DateTime::secs),
        outputs: outputs.collect(),
        parameters: parameters.collect(),
    }
}

fn is_absent(message: Option<&str>) -> bool {
    message.is_some_and(|message| message.contains("does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_status(status: &str) -> StackState {
        StackState {
            id: String::new(),
            status: status.to_owned(),
            reason: None,
            changed_at: None,
            outputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
        }
    }

    #[test]
    fn every_status_says_what_can_be_done() {
        for (status, expected) in [
            ("CREATE_COMPLETE", Readiness::Ready),
            ("UPDATE_COMPLETE", Readiness::Ready),
            ("IMPORT_COMPLETE", Readiness::Ready),
            ("UPDATE_ROLLBACK_COMPLETE", Readiness::Ready),
            ("IMPORT_ROLLBACK_COMPLETE", Readiness::Ready),
            ("UPDATE_FAILED", Readiness::Ready),
            ("REVIEW_IN_PROGRESS", Readiness::Empty),
            ("ROLLBACK_COMPLETE", Readiness::Broken),
            ("ROLLBACK_FAILED", Readiness::Broken),
            ("CREATE_FAILED", Readiness::Broken),
            ("DELETE_FAILED", Readiness::Broken),
            ("UPDATE_IN_PROGRESS", Readiness::Busy),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Readiness::Busy),
            ("DELETE_IN_PROGRESS", Readiness::Busy),
            ("UPDATE_ROLLBACK_FAILED", Readiness::Stuck),
        ] {
            assert_eq!(in_status(status).readiness(), expected, "{status}");
        }
    }

    #[test]
    fn a_stack_under_change_says_to_wait() {
        let error = in_status("UPDATE_IN_PROGRESS")
            .check_is_free("acme")
            .unwrap_err();
        assert!(error.hints[0].starts_with("wait"));
        let error = in_status("UPDATE_ROLLBACK_FAILED")
            .check_is_free("acme")
            .unwrap_err();
        assert!(error.hints[1].contains("continue-update-rollback --stack-name acme"));
    }
}
