//! Executions, and the requests that made them.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::future::try_join_all;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::ExecutionId;
use runvoy_core::idempotency::{Idempotency, IdempotencyKey};
use runvoy_core::user::UserEmail;
use runvoy_ports::{ExecutionQuery, ExecutionReads, Scope, StoreError, Versioned};

use super::DynamoStore;
use super::error::{DynamoError, classify};
use super::item::{Item, get_text, key, needed, text};
use super::query::{Order, Part, Range};
use super::row::{decode, decode_versioned, parse, unreadable};
use super::rows::{EXECUTIONS, OPEN, with_status};
use super::tables::{EXECUTION_ID, IDEMPOTENCY_KEY, LISTING, LOCK_NAME, USER_EMAIL};
use super::transact::{TRIES, pause};

/// Items that one call can ask for by key.
const BATCH: usize = 100;

#[async_trait]
impl ExecutionReads for DynamoStore {
    async fn find_execution(
        &self,
        id: &ExecutionId,
    ) -> Result<Option<Versioned<Execution>>, StoreError> {
        let key = key(EXECUTION_ID, id.as_str());
        let item = self.get(&self.tables.executions, key).await?;
        item.as_ref().map(decode_versioned).transpose()
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<Execution>, StoreError> {
        if !query.statuses.is_empty() {
            return self.list_by_status(query).await;
        }
        let partition = match &query.scope {
            Scope::All => ("by-id", LISTING, EXECUTIONS),
            Scope::User(email) => ("by-user", USER_EMAIL, email.as_str()),
            Scope::Lock(name) => ("by-lock", LOCK_NAME, name.as_str()),
        };
        let items = self
            .newest(partition, query.before.as_ref(), query.limit as usize)
            .await?;
        items.iter().map(decode).collect()
    }

    async fn count_executions(
        &self,
        scope: &Scope,
        statuses: &[Status],
        at_most: u32,
    ) -> Result<u32, StoreError> {
        let most = at_most as usize;
        let counts = statuses.iter().map(|status| async move {
            let (index, name, value) = partition(scope, *status);
            let found = self.newest((index, name, value.as_str()), None, most);
            Ok::<usize, StoreError>(found.await?.len())
        });
        let count: usize = try_join_all(counts).await?.into_iter().sum();
        Ok(u32::try_from(count.min(most)).unwrap_or(at_most))
    }

    async fn list_open(
        &self,
        after: Option<&ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let query = self.query(Range {
            table: &self.tables.executions,
            index: Some("open"),
            partition: ("is_open", OPEN),
            sort: (
                EXECUTION_ID,
                after.map_or(Part::Whole, |after| Part::Above(text(after.as_str()))),
            ),
            order: Order::Ascending,
        });
        let items = self.first(query, limit as usize).await?;
        items.iter().map(id_of).collect()
    }

    async fn find_idempotency(
        &self,
        user: &UserEmail,
        name: &IdempotencyKey,
    ) -> Result<Option<Idempotency>, StoreError> {
        let mut row = key(USER_EMAIL, user.as_str());
        row.extend(key(IDEMPOTENCY_KEY, name.as_str()));
        let item = self.get(&self.tables.idempotency, row).await?;
        item.as_ref().map(decode).transpose()
    }
}

/// An index, the attribute that is its partition key, and the partition.
type Partition<'a> = (&'static str, &'static str, &'a str);

impl DynamoStore {
    /// The newest executions of a partition.
    async fn newest(
        &self,
        (index, name, value): Partition<'_>,
        before: Option<&ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self.query(Range {
            table: &self.tables.executions,
            index: Some(index),
            partition: (name, value),
            sort: (
                EXECUTION_ID,
                before.map_or(Part::Whole, |before| Part::Below(text(before.as_str()))),
            ),
            order: Order::Descending,
        });
        self.first(query, limit).await
    }

    /// Each status is a partition of its own in an index, so a page costs the same however rare the status is. The
    /// index follows the table after a moment: what has another status by now is left out, and the page filled up.
    async fn list_by_status(&self, query: &ExecutionQuery) -> Result<Vec<Execution>, StoreError> {
        let limit = query.limit as usize;
        let mut page: Vec<Execution> = Vec::new();
        let mut before = query.before.clone();
        loop {
            let wanted = limit - page.len();
            let ids = self.newest_ids(query, before.as_ref(), wanted).await?;
            let is_last = ids.len() < wanted;
            before = ids.last().cloned();
            let found = self.find_all(&ids).await?;
            page.extend(
                found
                    .into_iter()
                    .filter(|one| query.statuses.contains(&one.status())),
            );
            if is_last || page.len() == limit {
                return Ok(page);
            }
        }
    }

    /// Ids of the newest executions of the query's scope and statuses, newest first.
    async fn newest_ids(
        &self,
        query: &ExecutionQuery,
        before: Option<&ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let pages = query.statuses.iter().map(|status| async move {
            let partition = partition(&query.scope, *status);
            let (index, name, value) = (partition.0, partition.1, partition.2.as_str());
            self.newest((index, name, value), before, limit).await
        });
        let items = try_join_all(pages).await?.into_iter().flatten();
        let ids: Result<BTreeSet<ExecutionId>, StoreError> =
            items.map(|item| id_of(&item)).collect();
        Ok(ids?.into_iter().rev().take(limit).collect())
    }

    /// The executions of these ids as they are now, in their order; those that are not there are left out.
    async fn find_all(&self, ids: &[ExecutionId]) -> Result<Vec<Execution>, StoreError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(BATCH) {
            let mut keys = ids
                .iter()
                .map(|id| key(EXECUTION_ID, id.as_str()))
                .collect();
            for tries in 1.. {
                let (items, left) = self.get_batch(keys).await?;
                for item in items {
                    let execution: Execution = decode(&item)?;
                    found.insert(execution.id().clone(), execution);
                }
                keys = left;
                if keys.is_empty() {
                    break;
                }
                if tries == TRIES {
                    return Err(StoreError::Unavailable(Box::new(DynamoError::Unread)));
                }
                pause(tries).await;
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Items of these keys, and the keys that were not read because the answer was full or the table busy.
    async fn get_batch(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), StoreError> {
        let table = &self.tables.executions;
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(unreadable)?;
        let batch = self.client.batch_get_item().request_items(table, wanted);
        let answer = batch.send().await.map_err(classify)?;
        let items = answer.responses.and_then(|mut tables| tables.remove(table));
        let left = answer
            .unprocessed_keys
            .and_then(|mut tables| tables.remove(table));
        Ok((
            items.unwrap_or_default(),
            left.map(|left| left.keys).unwrap_or_default(),
        ))
    }
}

fn partition(scope: &Scope, status: Status) -> (&'static str, &'static str, String) {
    match scope {
        Scope::All => ("by-status", "status", status.as_str().to_owned()),
        Scope::User(email) => (
            "by-user-and-status",
            "user_status",
            with_status(email.as_str(), status),
        ),
        Scope::Lock(name) => (
            "by-lock-and-status",
            "lock_status",
            with_status(name.as_str(), status),
        ),
    }
}

fn id_of(item: &Item) -> Result<ExecutionId, StoreError> {
    parse(needed(get_text(item, EXECUTION_ID)?, EXECUTION_ID)?)
}
