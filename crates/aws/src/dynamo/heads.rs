//! Heads of logs: the item numbered 0 among an execution's chunks.

use std::str::FromStr as _;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use runvoy_core::id::{ExecutionId, SessionId};
use runvoy_core::log::{LogHead, Seq};
use runvoy_ports::StoreError;

use super::DynamoStore;
use super::item::{Item, ItemBuilder, get_flag, get_number, get_text, needed, number, text};
use super::row::unreadable;
use super::tables::{EXECUTION_ID, SEQ};

pub(super) const NEXT_SEQ: &str = "next_seq";
pub(super) const SESSION: &str = "session";
pub(super) const IS_CLOSED: &str = "is_closed";
pub(super) const LAST_SEEN_US: &str = "last_seen_us";

/// The key of an execution's head.
pub(super) fn head_key(id: &ExecutionId) -> Item {
    ItemBuilder::default()
        .with(EXECUTION_ID, text(id.as_str()))
        .with(SEQ, number(Seq::START))
        .build()
}

pub(super) fn item(id: &ExecutionId, head: &LogHead) -> Item {
    let session = head.session.as_ref().map(|session| text(session.as_str()));
    let last_seen = head.last_seen.map(|at| number(at.as_microsecond()));
    let mut item = ItemBuilder::default()
        .with(NEXT_SEQ, number(head.next_seq))
        .with_some(SESSION, session)
        .with(IS_CLOSED, AttributeValue::Bool(head.is_closed))
        .with_some(LAST_SEEN_US, last_seen)
        .build();
    item.extend(head_key(id));
    item
}

pub(super) fn decode(id: &ExecutionId, item: &Item) -> Result<LogHead, StoreError> {
    let session = get_text(item, SESSION)?.map(SessionId::from_str);
    let last_seen = get_number(item, LAST_SEEN_US)?.map(Timestamp::from_microsecond);
    Ok(LogHead {
        execution: id.clone(),
        next_seq: Seq::new(needed(get_number(item, NEXT_SEQ)?, NEXT_SEQ)?),
        session: session.transpose().map_err(unreadable)?,
        is_closed: get_flag(item, IS_CLOSED)?,
        last_seen: last_seen.transpose().map_err(unreadable)?,
    })
}

pub(super) fn update(update: Result<Update, BuildError>) -> Result<TransactWriteItem, StoreError> {
    let update = update.map_err(unreadable)?;
    Ok(TransactWriteItem::builder().update(update).build())
}

impl DynamoStore {
    /// A change of the head of an execution, in which `#closed` and `:no` are known.
    pub(super) fn head_update(&self, id: &ExecutionId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.logs)
            .set_key(Some(head_key(id)))
            .expression_attribute_names("#closed", IS_CLOSED)
            .expression_attribute_values(":no", AttributeValue::Bool(false))
    }

    pub(super) fn bind_head(
        &self,
        id: &ExecutionId,
        session: &SessionId,
    ) -> Result<TransactWriteItem, StoreError> {
        update(
            self.head_update(id)
                .update_expression("SET #session = :session")
                .condition_expression("#closed = :no AND attribute_not_exists(#session)")
                .expression_attribute_names("#session", SESSION)
                .expression_attribute_values(":session", text(session.as_str()))
                .build(),
        )
    }

    pub(super) fn close_head(
        &self,
        id: &ExecutionId,
        next: Seq,
    ) -> Result<TransactWriteItem, StoreError> {
        update(
            self.head_update(id)
                .update_expression("SET #closed = :yes")
                .condition_expression("#closed = :no AND #next = :next")
                .expression_attribute_names("#next", NEXT_SEQ)
                .expression_attribute_values(":next", number(next))
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
                .build(),
        )
    }
}
