//! The audit trail.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use runvoy_core::audit::{AuditEntry, Principal};
use runvoy_core::id::OperationId;
use runvoy_core::user::UserEmail;
use runvoy_ports::{AuditQuery, AuditReads, StoreError};

use super::DynamoStore;
use super::item::{get_text, needed, number, text};
use super::query::{Order, Part, Range};
use super::row::decode;
use super::rows::AUDIT;
use super::tables::{EXECUTION_ID, LISTING, OPERATION_ID, USER_EMAIL};

/// Sorts after every operation id, which has only hex digits.
const AFTER_ALL: &str = "g";

/// Entries from a time on among which the smallest id is looked for. Ids sort by time but for what was written in the
/// same moment, so that id bounds the search, and the time itself decides.
const FIRST_ENTRIES: usize = 256;

#[async_trait]
impl AuditReads for DynamoStore {
    async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let part = match query.since {
            None => upto(query.before.as_ref()),
            Some(since) => match self.first_since(since).await? {
                Some(first) => between(first, query.before.as_ref()),
                None => return Ok(Vec::new()),
            },
        };
        let limit = query.limit as usize;
        let pages = partitions(query).into_iter().map(|(index, name, value)| {
            let range = Range {
                table: &self.tables.audit,
                index: Some(index),
                partition: (name, value),
                sort: (OPERATION_ID, part.clone()),
                order: Order::Descending,
            };
            // One more than asked for, because a range from one id to another includes both.
            self.first_of(self.query(range), limit + 1, |item| {
                let entry: AuditEntry = decode(&item)?;
                Ok(is_asked_for(&entry, query).then_some(entry))
            })
        });
        let mut entries: Vec<AuditEntry> =
            try_join_all(pages).await?.into_iter().flatten().collect();
        entries.sort_by(|a, b| b.id.cmp(&a.id));
        entries.dedup_by(|a, b| a.id == b.id);
        entries.truncate(limit);
        Ok(entries)
    }
}

impl DynamoStore {
    /// The smallest id among the first entries from `since` on, if there are any.
    async fn first_since(&self, since: Timestamp) -> Result<Option<AttributeValue>, StoreError> {
        let query = self.query(Range {
            table: &self.tables.audit,
            index: Some("by-time"),
            partition: (LISTING, AUDIT),
            sort: ("at_us", Part::From(number(since.as_microsecond()))),
            order: Order::Ascending,
        });
        let items = self.first(query, FIRST_ENTRIES).await?;
        let ids: Result<Vec<&str>, StoreError> = items
            .iter()
            .map(|item| needed(get_text(item, OPERATION_ID)?, OPERATION_ID))
            .collect();
        Ok(ids?.into_iter().min().map(text))
    }
}

fn upto(before: Option<&OperationId>) -> Part {
    before.map_or(Part::Whole, |before| Part::Below(text(before.as_str())))
}

/// Includes `before` itself, which [`is_asked_for`] leaves out.
fn between(first: AttributeValue, before: Option<&OperationId>) -> Part {
    Part::Between(first, text(before.map_or(AFTER_ALL, OperationId::as_str)))
}

/// The indexes to read: an execution's is the smallest; what a person did and what was done to them are two.
fn partitions(query: &AuditQuery) -> Vec<(&'static str, &'static str, &str)> {
    match (&query.execution, &query.user) {
        (Some(execution), _) => vec![("by-execution", EXECUTION_ID, execution.as_str())],
        (None, Some(user)) => vec![
            ("by-principal", "principal_email", user.as_str()),
            ("by-user", USER_EMAIL, user.as_str()),
        ],
        (None, None) => vec![("by-id", LISTING, AUDIT)],
    }
}

fn is_asked_for(entry: &AuditEntry, query: &AuditQuery) -> bool {
    let is_about = |user: &UserEmail| {
        let did = matches!(&entry.principal, Principal::User(email) if email == user);
        did || entry.user.as_ref() == Some(user)
    };
    query.user.as_ref().is_none_or(is_about)
        && query.since.is_none_or(|since| entry.at >= since)
        && query
            .before
            .as_ref()
            .is_none_or(|before| entry.id < *before)
}
