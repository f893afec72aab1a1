//! Storing log entries together with their head, and heartbeats.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem,
};
use jiff::Timestamp;
use runvoy_core::id::{ExecutionId, SessionId};
use runvoy_core::log::{Entry, LogHead, Seq};
use runvoy_ports::{Appended, LogReads as _, LogSink, StoreError};

use super::DynamoStore;
use super::chunk::{self, Chunk, ENTRIES, FIRST_SEQ};
use super::error::{DynamoError, classify};
use super::heads::{self, IS_CLOSED, LAST_SEEN_US, NEXT_SEQ, SESSION, head_key};
use super::item::{Item, ItemBuilder, expiry, number, text};
use super::row::{SCHEMA, SCHEMA_NAME, unreadable};
use super::tables::{EXECUTION_ID, EXPIRES_AT, SEQ};
use super::transact::{Refused, TRIES, pause};

/// Within this time from its submission nearly every run is over: a day in line and a day of running.
pub(super) const LONGEST_RUN: Duration = Duration::from_hours(48);

/// What must hold of a head for its agent to be heard: its session writes, and nothing newer was heard.
const IS_HEARD: &str =
    "#closed = :no AND #session = :session AND (attribute_not_exists(#seen) OR #seen <= :at)";

/// Whose entries they are.
struct Source<'a> {
    id: &'a ExecutionId,
    session: &'a SessionId,
}

impl Source<'_> {
    /// What the head says to this source: go on there, or leave.
    fn answer(&self, head: Option<&LogHead>) -> Appended {
        match head {
            Some(head) if !head.is_closed && head.session.as_ref() == Some(self.session) => {
                Appended::Next(head.next_seq)
            }
            Some(_) | None => Appended::Refused,
        }
    }
}

#[async_trait]
impl LogSink for DynamoStore {
    async fn append(
        &self,
        id: &ExecutionId,
        session: &SessionId,
        entries: &[Entry],
        at: Timestamp,
    ) -> Result<Appended, StoreError> {
        let source = Source { id, session };
        let Some(first) = entries.first() else {
            return self.beat(&source, at).await;
        };
        let mut chunks = Vec::new();
        for chunk in chunk::encode(entries)? {
            chunks.push(self.chunk_item(id, chunk, at)?);
        }
        let next = first.seq.plus(entries.len() as u64);
        self.advance(&source, (first.seq, next), chunks, at).await
    }
}

impl DynamoStore {
    async fn beat(&self, source: &Source<'_>, at: Timestamp) -> Result<Appended, StoreError> {
        let beat = self
            .client
            .update_item()
            .table_name(&self.tables.logs)
            .set_key(Some(head_key(source.id)))
            .update_expression("SET #seen = :at")
            .condition_expression(IS_HEARD)
            .expression_attribute_names("#closed", IS_CLOSED)
            .expression_attribute_names("#session", SESSION)
            .expression_attribute_names("#seen", LAST_SEEN_US)
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":session", text(source.session.as_str()))
            .expression_attribute_values(":at", number(at.as_microsecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        for tries in 1.. {
            let error = match beat.clone().send().await {
                Ok(done) => return self.told(source, done.attributes).await,
                Err(error) => error,
            };
            match error.as_service_error() {
                // An older time than the one noted changes nothing.
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    return self.told(source, failed.item.clone()).await;
                }
                Some(UpdateItemError::TransactionConflictException(_)) if tries < TRIES => {
                    pause(tries).await;
                }
                _ => return Err(classify(error)),
            }
        }
        Ok(Appended::Refused)
    }

    /// Stores the chunks and moves the head on from `first` to `next`, in one transaction.
    async fn advance(
        &self,
        source: &Source<'_>,
        (first, next): (Seq, Seq),
        chunks: Vec<TransactWriteItem>,
        mut at: Timestamp,
    ) -> Result<Appended, StoreError> {
        for _ in 0..TRIES {
            let mut items = vec![self.advance_item(source, (first, next), at)?];
            items.extend(chunks.iter().cloned());
            let reasons = match self.transact(items).await {
                Ok(()) => return Ok(Appended::Next(next)),
                Err(Refused::Otherwise(error)) => return Err(error),
                Err(Refused::Conditions(reasons)) => reasons,
            };
            let item = reasons.into_iter().next().and_then(|reason| reason.item);
            let head = self.head_of(source, item).await?;
            match (
                source.answer(head.as_ref()),
                head.and_then(|head| head.last_seen),
            ) {
                // Only the time stood in the way: a heartbeat overtook these entries.
                (Appended::Next(seq), Some(seen)) if seq == first => at = at.max(seen),
                (answer, _) => return Ok(answer),
            }
        }
        let words = "the head of the log kept changing".to_owned();
        Err(StoreError::Unavailable(Box::new(DynamoError::Cancelled(
            words,
        ))))
    }

    fn advance_item(
        &self,
        source: &Source<'_>,
        (first, next): (Seq, Seq),
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        heads::update(
            self.head_update(source.id)
                .update_expression("SET #next = :next, #seen = :at")
                .condition_expression(format!("#next = :first AND {IS_HEARD}"))
                .expression_attribute_names("#next", NEXT_SEQ)
                .expression_attribute_names("#session", SESSION)
                .expression_attribute_names("#seen", LAST_SEEN_US)
                .expression_attribute_values(":session", text(source.session.as_str()))
                .expression_attribute_values(":first", number(first))
                .expression_attribute_values(":next", number(next))
                .expression_attribute_values(":at", number(at.as_microsecond()))
                .return_values_on_condition_check_failure(OnFailure::AllOld)
                .build(),
        )
    }

    fn chunk_item(
        &self,
        id: &ExecutionId,
        chunk: Chunk,
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let item = ItemBuilder::default()
            .with(EXECUTION_ID, text(id.as_str()))
            .with(SEQ, number(chunk.last))
            .with(FIRST_SEQ, number(chunk.first))
            .with(ENTRIES, text(chunk.entries))
            .with(SCHEMA_NAME, number(SCHEMA))
            .with(EXPIRES_AT, expiry(self.kept_until(id, at)))
            .build();
        let put = Put::builder().table_name(&self.tables.logs);
        let put = put.set_item(Some(item)).build().map_err(unreadable)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// When entries stored at `at` may be forgotten: the same for all of an execution, unless it takes unusually long.
    fn kept_until(&self, id: &ExecutionId, at: Timestamp) -> Timestamp {
        let together =
            submitted_at(id).and_then(|submitted| submitted.checked_add(LONGEST_RUN).ok());
        let from = together.map_or(at, |together| together.max(at));
        let kept = Duration::from_hours(24 * u64::from(self.log_retention_days));
        from.checked_add(kept).unwrap_or(Timestamp::MAX)
    }

    async fn told(&self, source: &Source<'_>, item: Option<Item>) -> Result<Appended, StoreError> {
        let head = self.head_of(source, item).await?;
        Ok(source.answer(head.as_ref()))
    }

    /// The head in an answer, or as it is now where the answer does not bring it.
    async fn head_of(
        &self,
        source: &Source<'_>,
        item: Option<Item>,
    ) -> Result<Option<LogHead>, StoreError> {
        match item {
            Some(item) => heads::decode(source.id, &item).map(Some),
            None => self.find_head(source.id).await,
        }
    }
}

/// When an execution was submitted, by the milliseconds that its id begins with.
fn submitted_at(id: &ExecutionId) -> Option<Timestamp> {
    let millis = i64::from_str_radix(id.as_str().get(..12)?, 16).ok()?;
    Timestamp::from_millisecond(millis).ok()
}
