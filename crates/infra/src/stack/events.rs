//! What a stack says while it is being changed.

use aws_sdk_cloudformation::types::{ResourceStatus, StackEvent};

use super::failure::first_failure;
use super::{Stack, StackFailure, StackState};
use crate::error::{self, InfraError};
use crate::progress::{Listener, Progress, ResourceEvent};

const STACK: &str = "AWS::CloudFormation::Stack";

impl Stack {
    /// Passes on what happens until the change is over, and says how it ended.
    pub(super) async fn follow(
        &self,
        before: &StackState,
        mut seen: Option<String>,
        listener: Listener<'_>,
    ) -> Result<Result<(), StackFailure>, InfraError> {
        let mut all = Vec::new();
        loop {
            let new = self.events_since(&before.id, seen.as_deref()).await?;
            seen = new.last().map(|event| event.id.clone()).or(seen);
            let mut end = None;
            for event in new {
                if is_end(&event, &self.name) {
                    end = Some(event.status.clone());
                }
                listener(Progress::Resource(event.clone()));
                all.push(event);
            }
            let end = match end {
                Some(end) => Some(end),
                None => self.end_without_event(before).await?,
            };
            if let Some(status) = end {
                return Ok(judge(status, &all));
            }
            tokio::time::sleep(self.poll).await;
        }
    }

    /// The newest event that there is.
    pub(super) async fn newest_event(&self, id: &str) -> Result<Option<String>, InfraError> {
        let (page, _) = self.events(id, None).await?;
        Ok(page.into_iter().next().map(|event| event.id))
    }

    /// Events that came after `seen`, oldest first.
    async fn events_since(
        &self,
        id: &str,
        seen: Option<&str>,
    ) -> Result<Vec<ResourceEvent>, InfraError> {
        let (mut new, mut token) = (Vec::new(), None);
        loop {
            let (page, next) = self.events(id, token).await?;
            for event in page {
                if Some(event.id.as_str()) == seen {
                    new.reverse();
                    return Ok(new);
                }
                new.push(event);
            }
            token = next;
            if token.is_none() {
                new.reverse();
                return Ok(new);
            }
        }
    }

    /// A page of events, newest first.
    async fn events(
        &self,
        id: &str,
        token: Option<String>,
    ) -> Result<(Vec<ResourceEvent>, Option<String>), InfraError> {
        let failed = error::failed(
            format!("the events of the stack {} cannot be read", self.name),
            "cloudformation:DescribeStackEvents",
        );
        let call = self.client.describe_stack_events().stack_name(id);
        let answer = call.set_next_token(token).send().await.map_err(|error| {
            failed(error).hint("what was begun goes on; look at it:  runvoy infra status")
        })?;
        let page = answer.stack_events().iter().map(event).collect();
        Ok((page, answer.next_token().map(ToOwned::to_owned)))
    }

    /// A stack whose own event was missed, or that is gone altogether, still shows that it is over.
    async fn end_without_event(&self, before: &StackState) -> Result<Option<String>, InfraError> {
        let Some(now) = self.find_by(&before.id).await? else {
            return Ok(Some("DELETE_COMPLETE".to_owned()));
        };
        let has_moved = now.status != before.status || now.changed_at != before.changed_at;
        let is_over = !now.status.ends_with("_IN_PROGRESS");
        Ok((has_moved && is_over).then_some(now.status))
    }
}

fn is_end(event: &ResourceEvent, name: &str) -> bool {
    event.resource_type == STACK
        && event.logical_id == name
        && !event.status.ends_with("_IN_PROGRESS")
        // The way back follows.
        && event.status != "UPDATE_FAILED"
}

fn judge(status: String, events: &[ResourceEvent]) -> Result<(), StackFailure> {
    match status.as_str() {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" | "DELETE_COMPLETE" => Ok(()),
        _ => {
            let first = first_failure(events).cloned().map(Box::new);
            Err(StackFailure { status, first })
        }
    }
}

fn event(event: &StackEvent) -> ResourceEvent {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    ResourceEvent {
        id: text(event.event_id()),
        logical_id: text(event.logical_resource_id()),
        resource_type: text(event.resource_type()),
        status: text(event.resource_status().map(ResourceStatus::as_str)),
        reason: event.resource_status_reason().map(ToOwned::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resource_type: &str, logical_id: &str, status: &str) -> ResourceEvent {
        ResourceEvent {
            id: String::new(),
            logical_id: logical_id.to_owned(),
            resource_type: resource_type.to_owned(),
            status: status.to_owned(),
            reason: None,
        }
    }

    #[test]
    fn only_the_stack_itself_ends_a_change() {
        assert!(is_end(&of(STACK, "acme", "CREATE_COMPLETE"), "acme"));
        assert!(is_end(
            &of(STACK, "acme", "UPDATE_ROLLBACK_COMPLETE"),
            "acme"
        ));
        assert!(!is_end(
            &of(STACK, "acme", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            "acme"
        ));
        assert!(!is_end(&of(STACK, "Nested", "CREATE_COMPLETE"), "acme"));
        assert!(!is_end(
            &of("AWS::IAM::Role", "acme", "CREATE_COMPLETE"),
            "acme"
        ));
    }

    #[test]
    fn a_rollback_is_a_failure_with_its_first_cause() {
        let mut failed = of("AWS::IAM::Role", "Role", "CREATE_FAILED");
        failed.reason = Some("no".to_owned());
        let judged = judge(
            "ROLLBACK_COMPLETE".to_owned(),
            std::slice::from_ref(&failed),
        );
        assert_eq!(judged.unwrap_err().first, Some(Box::new(failed)));
        assert_eq!(judge("UPDATE_COMPLETE".to_owned(), &[]), Ok(()));
    }
}
