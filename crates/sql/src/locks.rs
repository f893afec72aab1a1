//! Locks and their lines.

use async_trait::async_trait;
use runvoy_core::lock::{Lock, LockName, Waiter};
use runvoy_ports::{LockReads, StoreError, Version, Versioned};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::error::classify;
use crate::keyed::LOCKS;
use crate::row::{FIRST_VERSION, SCHEMA, VersionedRow, decode_versioned, encode};

const LIST_WAITERS: &str = "SELECT version, schema, body FROM waiters
    WHERE lock_name = $1 ORDER BY execution LIMIT $2";

const INSERT_WAITER: &str = "INSERT INTO waiters (lock_name, execution, version, schema, body)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (lock_name, execution) DO NOTHING";

const DELETE_WAITER: &str =
    "DELETE FROM waiters WHERE lock_name = $1 AND execution = $2 AND version = $3";

#[async_trait]
impl LockReads for SqliteStore {
    async fn find_lock(&self, name: &LockName) -> Result<Option<Versioned<Lock>>, StoreError> {
        let mut slot = self.connections.reader().await;
        LOCKS
            .find(self.connections.open(&mut slot).await?, name.as_str())
            .await
    }

    async fn list_locks(&self) -> Result<Vec<Lock>, StoreError> {
        let mut slot = self.connections.reader().await;
        let locks: Vec<Versioned<Lock>> =
            LOCKS.list(self.connections.open(&mut slot).await?).await?;
        Ok(locks.into_iter().map(|lock| lock.value).collect())
    }

    async fn list_waiters(
        &self,
        name: &LockName,
        limit: u32,
    ) -> Result<Vec<Versioned<Waiter>>, StoreError> {
        let mut slot = self.connections.reader().await;
        let rows: Vec<VersionedRow> = sqlx::query_as(LIST_WAITERS)
            .bind(name.as_str())
            .bind(limit)
            .fetch_all(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        rows.into_iter().map(decode_versioned).collect()
    }
}

pub(crate) async fn insert_waiter(
    connection: &mut SqliteConnection,
    waiter: &Waiter,
) -> Result<u64, StoreError> {
    let result = sqlx::query(INSERT_WAITER)
        .bind(waiter.lock.as_str())
        .bind(waiter.execution.as_str())
        .bind(FIRST_VERSION)
        .bind(SCHEMA)
        .bind(encode(waiter)?)
        .execute(connection)
        .await
        .map_err(classify)?;
    Ok(result.rows_affected())
}

pub(crate) async fn delete_waiter(
    connection: &mut SqliteConnection,
    waiter: &Waiter,
    Version(version): Version,
) -> Result<u64, StoreError> {
    let result = sqlx::query(DELETE_WAITER)
        .bind(waiter.lock.as_str())
        .bind(waiter.execution.as_str())
        .bind(version)
        .execute(connection)
        .await
        .map_err(classify)?;
    Ok(result.rows_affected())
}
