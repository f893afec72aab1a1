//! People, keys, their use, claims.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::Timestamp;
use runvoy_core::claim::Claim;
use runvoy_core::key::{ApiKeyHash, KeyRecord};
use runvoy_core::user::{User, UserEmail};
use runvoy_ports::{KeyUse, StoreError, UserReads, Versioned};

use super::DynamoStore;
use super::error::classify;
use super::item::{get_text, key, time_text};
use super::query::{Order, Part, Range};
use super::row::{RECORD, decode_versioned, parse};
use super::rows::USERS;
use super::tables::{API_KEY_HASH, LISTING, TOKEN_HASH, USER_EMAIL};

const LAST_USED: &str = "last_used";

#[async_trait]
impl UserReads for DynamoStore {
    async fn find_user(&self, email: &UserEmail) -> Result<Option<Versioned<User>>, StoreError> {
        let key = key(USER_EMAIL, email.as_str());
        let item = self.get(&self.tables.users, key).await?;
        item.as_ref().map(decode_versioned).transpose()
    }

    async fn list_users(&self) -> Result<Vec<Versioned<User>>, StoreError> {
        let query = self.query(Range {
            table: &self.tables.users,
            index: Some("by-email"),
            partition: (LISTING, USERS),
            sort: (USER_EMAIL, Part::Whole),
            order: Order::Ascending,
        });
        self.all(query)
            .await?
            .iter()
            .map(decode_versioned)
            .collect()
    }

    async fn find_key(
        &self,
        hash: &ApiKeyHash,
    ) -> Result<Option<Versioned<KeyRecord>>, StoreError> {
        let key = key(API_KEY_HASH, &hash.to_string());
        let item = self.get(&self.tables.api_keys, key).await?;
        // An item may hold no more than when the key was used.
        let item = item.filter(|item| item.contains_key(RECORD));
        item.as_ref().map(decode_versioned).transpose()
    }

    async fn find_key_use(&self, hash: &ApiKeyHash) -> Result<Option<Timestamp>, StoreError> {
        let key = key(API_KEY_HASH, &hash.to_string());
        match self.get(&self.tables.api_keys, key).await? {
            Some(item) => get_text(&item, LAST_USED)?.map(parse).transpose(),
            None => Ok(None),
        }
    }

    async fn find_claim(&self, token: &ApiKeyHash) -> Result<Option<Versioned<Claim>>, StoreError> {
        let key = key(TOKEN_HASH, &token.to_string());
        let item = self.get(&self.tables.claims, key).await?;
        item.as_ref().map(decode_versioned).transpose()
    }
}

#[async_trait]
impl KeyUse for DynamoStore {
    async fn touch_key(&self, hash: &ApiKeyHash, at: Timestamp) -> Result<(), StoreError> {
        let touched = self
            .client
            .update_item()
            .table_name(&self.tables.api_keys)
            .set_key(Some(key(API_KEY_HASH, &hash.to_string())))
            .update_expression("SET #used = :at")
            .condition_expression("attribute_not_exists(#used) OR #used < :at")
            .expression_attribute_names("#used", LAST_USED)
            .expression_attribute_values(":at", time_text(at))
            .send()
            .await;
        match touched {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(classify(error)),
            },
        }
    }
}
