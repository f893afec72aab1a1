//! Batches: conditional writes that happen together or not at all.

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_ports::{Batch, Ledger, StoreError, Write};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::keyed::{CLAIMS, KEYS, LOCKS, USERS};
use crate::{audit, executions, locks, logs};

#[async_trait]
impl Ledger for SqliteStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut writer = self.connections.writer().await;
        let result = write(writer.begin().await?, batch).await;
        writer.end(result).await
    }
}

/// The audit entry goes first: if it is there already, so is everything else.
async fn write(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    if audit::insert(connection, batch.audit()).await? == 0 {
        return Ok(());
    }
    for write in batch.writes() {
        if apply(connection, write, batch.audit().at).await? != 1 {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

/// Rows written: one if the write's condition holds.
async fn apply(
    connection: &mut SqliteConnection,
    write: &Write,
    at: Timestamp,
) -> Result<u64, StoreError> {
    match write {
        Write::InsertExecution(row) => executions::insert(connection, row).await,
        Write::ReplaceExecution(row, version) => {
            executions::replace(connection, row, *version).await
        }
        Write::InsertLock(row) => LOCKS.insert(connection, row.name().as_str(), row).await,
        Write::ReplaceLock(row, version) => {
            let name = row.name().as_str();
            LOCKS.replace(connection, name, *version, row).await
        }
        Write::InsertWaiter(row) => locks::insert_waiter(connection, row).await,
        Write::DeleteWaiter(row, version) => locks::delete_waiter(connection, row, *version).await,
        Write::Head(id, write) => logs::write_head(connection, id, write).await,
        Write::InsertUser(row) => USERS.insert(connection, row.email.as_str(), row).await,
        Write::ReplaceUser(row, version) => {
            let email = row.email.as_str();
            USERS.replace(connection, email, *version, row).await
        }
        Write::InsertKey(row) => KEYS.insert(connection, &row.hash.to_string(), row).await,
        Write::ReplaceKey(row, version) => {
            let hash = row.hash.to_string();
            KEYS.replace(connection, &hash, *version, row).await
        }
        Write::InsertClaim(row) => CLAIMS.insert(connection, &row.token.to_string(), row).await,
        Write::ReplaceClaim(row, version) => {
            let token = row.token.to_string();
            CLAIMS.replace(connection, &token, *version, row).await
        }
        Write::InsertIdempotency(row) => executions::insert_idempotency(connection, row, at).await,
    }
}

#[cfg(test)]
mod tests {
    use runvoy_ports::{AuditQuery, AuditReads as _};
    use runvoy_testkit::sample;

    use super::*;
    use crate::Durability;

    fn note(details: String) -> Batch {
        let mut audit = sample::audit();
        audit.details = details;
        Batch::new(audit, Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn a_full_store_says_so_writes_nothing_and_goes_on_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("runvoy.db");
        let store = SqliteStore::open(&file, Durability::Full).await.unwrap();
        let mut writer = store.connections.writer().await;
        let limited = sqlx::query("PRAGMA max_page_count = 60")
            .execute(writer.begin().await.unwrap())
            .await;
        writer
            .end(limited.map(drop).map_err(crate::error::classify))
            .await
            .unwrap();
        store.commit(&note("small".into())).await.unwrap();
        let large = store.commit(&note("x".repeat(1 << 20))).await;
        assert!(matches!(large, Err(StoreError::Full(_))), "{large:?}");
        store.commit(&note("small again".into())).await.unwrap();
        let query = AuditQuery {
            limit: 9,
            ..AuditQuery::default()
        };
        let trail = store.list_audit(&query).await.unwrap();
        let details: Vec<&str> = trail.iter().map(|entry| entry.details.as_str()).collect();
        assert_eq!(details, ["small again", "small"]);
    }
}
