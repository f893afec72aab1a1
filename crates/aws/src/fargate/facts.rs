//! What ECS has said of each task, kept: ECS itself forgets a task an hour after its stop.
//!
//! An attempt's items are its tasks, by their ARN, and notes since when ECS has not known what it was asked for, or
//! could not be asked. The reconciler's cursor lies in the same table.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use runvoy_core::id::{AttemptId, ExecutionId};
use thiserror::Error;

use super::task::Task;
use crate::dynamo::item::{Item, number, text};

/// The partition key.
const ATTEMPT: &str = "attempt";
/// The sort key.
const TASK: &str = "task";
/// The task in JSON: what is read back.
const RECORD: &str = "record";
/// Since when a note holds.
const SINCE: &str = "since";
/// When an item may go, in seconds since 1970.
const EXPIRES_AT: &str = "expires_at";
/// The version of what `record` means.
const SCHEMA: u32 = 1;
/// How long facts are kept.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// The keys of the cursor; no attempt.
const CURSOR: (&str, &str) = ("reconcile", "cursor");

/// The table cannot be read or written now.
#[derive(Debug, Error)]
#[error("the table of tasks cannot be used: {words}")]
pub struct FactsError {
    words: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What is known of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Its tasks.
    pub(super) tasks: Vec<Task>,
    /// Since when ECS has not known what it was asked for.
    pub(super) missing_since: Option<Timestamp>,
    /// Since when ECS could not be asked.
    pub(super) silent_since: Option<Timestamp>,
}

/// What is noted of an attempt beside its tasks: since when it has been so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// ECS has not known what it was asked for.
    Missing,
    /// ECS could not be asked.
    Silent,
}

impl Note {
    /// The sort key; no ARN.
    const fn key(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Silent => "silent",
        }
    }
}

/// The table of tasks of one project.
#[derive(Debug, Clone)]
pub struct TaskFacts {
    client: Client,
    table: String,
}

impl TaskFacts {
    /// The table of `project`.
    pub fn new(client: Client, project: &str) -> Self {
        Self {
            client,
            table: format!("{project}-tasks"),
        }
    }

    /// Everything that is known of the attempt. Its items are few: one page holds them.
    pub(super) async fn of(&self, attempt: &AttemptId) -> Result<Known, FactsError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#attempt = :attempt")
            .expression_attribute_names("#attempt", ATTEMPT)
            .expression_attribute_values(":attempt", text(attempt.to_string()))
            .send()
            .await
            .map_err(failure)?;
        let mut known = Known::default();
        for item in answer.items() {
            let since = || find(item, SINCE).and_then(|since| since.parse().ok());
            if is(item, TASK, Note::Missing.key()) {
                known.missing_since = since();
            } else if is(item, TASK, Note::Silent.key()) {
                known.silent_since = since();
            } else {
                known.tasks.push(task_in(item)?);
            }
        }
        Ok(known)
    }

    /// Keeps what was told, unless something newer is known. Answers whether it was news.
    pub(super) async fn keep(
        &self,
        attempt: &AttemptId,
        task: &Task,
        now: Timestamp,
    ) -> Result<bool, FactsError> {
        let record = serde_json::to_string(task).map_err(|error| broken(error.into()))?;
        let kept = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(ATTEMPT, text(attempt.to_string()))
            .item(TASK, text(task.arn.clone()))
            .item(RECORD, text(record))
            .item("schema", number(SCHEMA))
            .item("version", number(task.version))
            .item("last_status", text(task.last_status.clone()))
            .item(EXPIRES_AT, expiry(task.stopped_at.unwrap_or(now)))
            .condition_expression("attribute_not_exists(#version) OR #version < :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(task.version))
            .send()
            .await;
        match kept {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Notes since when it has been so.
    pub(super) async fn note(
        &self,
        attempt: &AttemptId,
        note: Note,
        since: Timestamp,
    ) -> Result<(), FactsError> {
        let noted = self.client.put_item().table_name(&self.table);
        noted
            .item(ATTEMPT, text(attempt.to_string()))
            .item(TASK, text(note.key()))
            .item(SINCE, text(since.to_string()))
            .item(EXPIRES_AT, expiry(since))
            .send()
            .await
            .map(drop)
            .map_err(failure)
    }

    /// It is so no more.
    pub(super) async fn forget(&self, attempt: &AttemptId, note: Note) -> Result<(), FactsError> {
        let forgotten = self.client.delete_item().table_name(&self.table);
        forgotten
            .key(ATTEMPT, text(attempt.to_string()))
            .key(TASK, text(note.key()))
            .send()
            .await
            .map(drop)
            .map_err(failure)
    }

    /// The last execution that an interrupted reconciliation has driven.
    pub async fn load_cursor(&self) -> Result<Option<ExecutionId>, FactsError> {
        let (attempt, task) = CURSOR;
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .key(ATTEMPT, text(attempt))
            .key(TASK, text(task))
            .send()
            .await
            .map_err(failure)?;
        let id = answer.item().and_then(|item| find(item, RECORD));
        Ok(id.and_then(|id| id.parse().ok()))
    }

    /// Where the next reconciliation goes on; `None`: at the beginning.
    pub async fn save_cursor(&self, last: Option<&ExecutionId>) -> Result<(), FactsError> {
        let (attempt, task) = CURSOR;
        let (attempt, task) = (text(attempt), text(task));
        let Some(last) = last else {
            let deleted = self.client.delete_item().table_name(&self.table);
            let deleted = deleted.key(ATTEMPT, attempt).key(TASK, task).send().await;
            return deleted.map(drop).map_err(failure);
        };
        let saved = self.client.put_item().table_name(&self.table);
        let saved = saved
            .item(ATTEMPT, attempt)
            .item(TASK, task)
            .item(RECORD, text(last.to_string()));
        saved.send().await.map(drop).map_err(failure)
    }
}

fn expiry(from: Timestamp) -> AttributeValue {
    let seconds = from.as_second().saturating_add_unsigned(KEPT.as_secs());
    number(seconds)
}

fn find<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn is(item: &Item, name: &str, value: &str) -> bool {
    find(item, name) == Some(value)
}

fn task_in(item: &Item) -> Result<Task, FactsError> {
    let record = find(item, RECORD).ok_or_else(|| broken("a task without its record".into()))?;
    serde_json::from_str(record).map_err(|error| broken(error.into()))
}

fn broken(source: Box<dyn std::error::Error + Send + Sync>) -> FactsError {
    FactsError {
        words: "what it holds cannot be read".to_owned(),
        source,
    }
}

fn failure<E, R>(error: SdkError<E, R>) -> FactsError
where
    E: std::error::Error + aws_sdk_dynamodb::error::ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let words = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => "no answer".to_owned(),
    };
    FactsError {
        words,
        source: Box::new(error),
    }
}
