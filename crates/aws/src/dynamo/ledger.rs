//! Batches: one transaction each.

use std::collections::HashSet;

use async_trait::async_trait;
use runvoy_core::audit::AuditEntry;
use runvoy_ports::{Batch, Ledger, StoreError};

use super::DynamoStore;
use super::item::key;
use super::tables::OPERATION_ID;
use super::transact::Refused;
use super::write::item_of;

#[async_trait]
impl Ledger for DynamoStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut items = HashSet::new();
        if !batch
            .writes()
            .iter()
            .all(|write| items.insert(item_of(write)))
        {
            // DynamoDB takes no transaction that writes an item twice, so none was ever written.
            return Err(StoreError::Conflict);
        }
        let entry = batch.audit();
        let mut transaction = vec![self.audit_item(entry)?];
        for write in batch.writes() {
            transaction.push(self.write_item(write, entry.at)?);
        }
        match self.transact(transaction).await {
            Ok(()) => Ok(()),
            Err(Refused::Conditions(_)) if self.was_committed(entry).await? => Ok(()),
            Err(Refused::Conditions(_)) => Err(StoreError::Conflict),
            Err(Refused::Otherwise(error)) => Err(error),
        }
    }
}

impl DynamoStore {
    /// Whether the batch of this entry was written before: by a try whose answer was lost.
    async fn was_committed(&self, entry: &AuditEntry) -> Result<bool, StoreError> {
        let key = key(OPERATION_ID, entry.id.as_str());
        Ok(self.get(&self.tables.audit, key).await?.is_some())
    }
}
