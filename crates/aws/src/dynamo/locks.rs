//! Locks and their lines.

use async_trait::async_trait;
use runvoy_core::lock::{Lock, LockName, Waiter};
use runvoy_ports::{LockReads, StoreError, Versioned};

use super::DynamoStore;
use super::item::key;
use super::query::{Order, Part, Range};
use super::row::{decode, decode_versioned};
use super::rows::LOCKS;
use super::tables::{EXECUTION_ID, LISTING, LOCK_NAME};

#[async_trait]
impl LockReads for DynamoStore {
    async fn find_lock(&self, name: &LockName) -> Result<Option<Versioned<Lock>>, StoreError> {
        let key = key(LOCK_NAME, name.as_str());
        let item = self.get(&self.tables.locks, key).await?;
        item.as_ref().map(decode_versioned).transpose()
    }

    async fn list_locks(&self) -> Result<Vec<Lock>, StoreError> {
        let query = self.query(Range {
            table: &self.tables.locks,
            index: Some("by-name"),
            partition: (LISTING, LOCKS),
            sort: (LOCK_NAME, Part::Whole),
            order: Order::Ascending,
        });
        self.all(query).await?.iter().map(decode).collect()
    }

    async fn list_waiters(
        &self,
        name: &LockName,
        limit: u32,
    ) -> Result<Vec<Versioned<Waiter>>, StoreError> {
        let query = self.query(Range {
            table: &self.tables.waiters,
            index: None,
            partition: (LOCK_NAME, name.as_str()),
            sort: (EXECUTION_ID, Part::Whole),
            order: Order::Ascending,
        });
        let items = self.first(query, limit as usize).await?;
        items.iter().map(decode_versioned).collect()
    }
}
