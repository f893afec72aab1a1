//! Reading logs.

use async_trait::async_trait;
use runvoy_core::id::ExecutionId;
use runvoy_core::log::{Entry, LogHead, Seq};
use runvoy_ports::{LogReads, StoreError};

use super::DynamoStore;
use super::chunk::{self, ENTRIES, ENTRY_COST, FIRST_SEQ};
use super::error::classify;
use super::heads::{self, head_key};
use super::item::{Item, get_number, get_text, needed, number};
use super::query::{Order, Part, Range};
use super::row::check_schema;
use super::tables::{EXECUTION_ID, SEQ};

#[async_trait]
impl LogReads for DynamoStore {
    async fn find_head(&self, id: &ExecutionId) -> Result<Option<LogHead>, StoreError> {
        let item = self.get(&self.tables.logs, head_key(id)).await?;
        item.map(|item| heads::decode(id, &item)).transpose()
    }

    async fn read_entries(
        &self,
        id: &ExecutionId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let query = self.query(Range {
            table: &self.tables.logs,
            index: None,
            partition: (EXECUTION_ID, id.as_str()),
            sort: (SEQ, Part::Above(number(after))),
            order: Order::Ascending,
        });
        let mut page = Page::new(after, max_bytes);
        let mut from = None;
        loop {
            let answer = query.clone().set_exclusive_start_key(from);
            let answer = answer.send().await.map_err(classify)?;
            for item in answer.items() {
                if page.is_full_with(item)? {
                    return Ok(page.entries);
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(page.entries);
            }
        }
    }
}

/// Entries above `after` that fit, at least one if there is any.
struct Page {
    after: Seq,
    bytes_left: usize,
    entries: Vec<Entry>,
}

impl Page {
    fn new(after: Seq, max_bytes: usize) -> Self {
        Self {
            after,
            bytes_left: max_bytes,
            entries: Vec::new(),
        }
    }

    fn is_full_with(&mut self, chunk: &Item) -> Result<bool, StoreError> {
        check_schema(chunk)?;
        let first = Seq::new(needed(get_number(chunk, FIRST_SEQ)?, FIRST_SEQ)?);
        let entries = needed(get_text(chunk, ENTRIES)?, ENTRIES)?;
        for entry in chunk::decode(first, entries)? {
            if entry.seq <= self.after {
                continue;
            }
            let cost = entry.text.len() + ENTRY_COST;
            if cost > self.bytes_left && !self.entries.is_empty() {
                return Ok(true);
            }
            self.bytes_left = self.bytes_left.saturating_sub(cost);
            self.entries.push(entry);
        }
        Ok(false)
    }
}
