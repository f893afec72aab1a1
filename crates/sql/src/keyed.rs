//! Tables whose rows are a key, a version and a body.

use runvoy_ports::{StoreError, Version, Versioned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use crate::error::classify;
use crate::row::{FIRST_VERSION, SCHEMA, VersionedRow, decode_versioned, encode};

/// The statements of one such table.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) find: &'static str,
    pub(crate) list: &'static str,
    pub(crate) insert: &'static str,
    pub(crate) replace: &'static str,
}

macro_rules! keyed {
    ($table:literal, $key:literal) => {
        Keyed {
            find: concat!(
                "SELECT version, schema, body FROM ",
                $table,
                " WHERE ",
                $key,
                " = $1"
            ),
            list: concat!(
                "SELECT version, schema, body FROM ",
                $table,
                " ORDER BY ",
                $key
            ),
            insert: concat!(
                "INSERT INTO ",
                $table,
                " (",
                $key,
                ", version, schema, body) VALUES ($1, $2, $3, $4) ON CONFLICT (",
                $key,
                ") DO NOTHING"
            ),
            replace: concat!(
                "UPDATE ",
                $table,
                " SET version = version + 1, schema = $3, body = $4 WHERE ",
                $key,
                " = $1 AND version = $2"
            ),
        }
    };
}

pub(crate) const LOCKS: Keyed = keyed!("locks", "name");
pub(crate) const USERS: Keyed = keyed!("users", "email");
pub(crate) const KEYS: Keyed = keyed!("api_keys", "hash");
pub(crate) const CLAIMS: Keyed = keyed!("claims", "token");

impl Keyed {
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        connection: &mut SqliteConnection,
        key: &str,
    ) -> Result<Option<Versioned<T>>, StoreError> {
        let row: Option<VersionedRow> = sqlx::query_as(self.find)
            .bind(key)
            .fetch_optional(connection)
            .await
            .map_err(classify)?;
        row.map(decode_versioned).transpose()
    }

    /// Every row, by key. For tables that stay small.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Versioned<T>>, StoreError> {
        let rows: Vec<VersionedRow> = sqlx::query_as(self.list)
            .fetch_all(connection)
            .await
            .map_err(classify)?;
        rows.into_iter().map(decode_versioned).collect()
    }

    /// Rows written: none if the key is taken.
    pub(crate) async fn insert<T: Serialize>(
        &self,
        connection: &mut SqliteConnection,
        key: &str,
        value: &T,
    ) -> Result<u64, StoreError> {
        self.write(self.insert, connection, key, FIRST_VERSION, value)
            .await
    }

    /// Rows written: none if the row is missing or has another version.
    pub(crate) async fn replace<T: Serialize>(
        &self,
        connection: &mut SqliteConnection,
        key: &str,
        Version(version): Version,
        value: &T,
    ) -> Result<u64, StoreError> {
        self.write(self.replace, connection, key, version, value)
            .await
    }

    async fn write<T: Serialize>(
        &self,
        sql: &'static str,
        connection: &mut SqliteConnection,
        key: &str,
        version: i64,
        value: &T,
    ) -> Result<u64, StoreError> {
        let result = sqlx::query(sql)
            .bind(key)
            .bind(version)
            .bind(SCHEMA)
            .bind(encode(value)?)
            .execute(connection)
            .await
            .map_err(classify)?;
        Ok(result.rows_affected())
    }
}
