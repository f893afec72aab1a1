//! People, keys, their use, claims.

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_core::claim::Claim;
use runvoy_core::key::{ApiKeyHash, KeyRecord};
use runvoy_core::user::{User, UserEmail};
use runvoy_ports::{KeyUse, StoreError, UserReads, Versioned};

use crate::SqliteStore;
use crate::error::classify;
use crate::keyed::{CLAIMS, KEYS, USERS};
use crate::row::time;

const FIND_KEY_USE: &str = "SELECT used_at FROM key_uses WHERE hash = $1";

const TOUCH_KEY: &str = "INSERT INTO key_uses (hash, used_at) VALUES ($1, $2)
    ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at WHERE key_uses.used_at < excluded.used_at";

#[async_trait]
impl UserReads for SqliteStore {
    async fn find_user(&self, email: &UserEmail) -> Result<Option<Versioned<User>>, StoreError> {
        let mut slot = self.connections.reader().await;
        USERS
            .find(self.connections.open(&mut slot).await?, email.as_str())
            .await
    }

    async fn list_users(&self) -> Result<Vec<Versioned<User>>, StoreError> {
        let mut slot = self.connections.reader().await;
        USERS.list(self.connections.open(&mut slot).await?).await
    }

    async fn find_key(
        &self,
        hash: &ApiKeyHash,
    ) -> Result<Option<Versioned<KeyRecord>>, StoreError> {
        let mut slot = self.connections.reader().await;
        KEYS.find(self.connections.open(&mut slot).await?, &hash.to_string())
            .await
    }

    async fn find_key_use(&self, hash: &ApiKeyHash) -> Result<Option<Timestamp>, StoreError> {
        let mut slot = self.connections.reader().await;
        let used_at: Option<i64> = sqlx::query_scalar(FIND_KEY_USE)
            .bind(hash.to_string())
            .fetch_optional(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        used_at.map(time).transpose()
    }

    async fn find_claim(&self, token: &ApiKeyHash) -> Result<Option<Versioned<Claim>>, StoreError> {
        let mut slot = self.connections.reader().await;
        CLAIMS
            .find(self.connections.open(&mut slot).await?, &token.to_string())
            .await
    }
}

#[async_trait]
impl KeyUse for SqliteStore {
    async fn touch_key(&self, hash: &ApiKeyHash, at: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.connections.writer().await;
        let result = sqlx::query(TOUCH_KEY)
            .bind(hash.to_string())
            .bind(at.as_microsecond())
            .execute(writer.begin().await?)
            .await;
        writer.end(result.map(drop).map_err(classify)).await
    }
}
