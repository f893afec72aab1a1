//! Executions, and the requests that made them.

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::ExecutionId;
use runvoy_core::idempotency::{Idempotency, IdempotencyKey};
use runvoy_core::user::UserEmail;
use runvoy_ports::{ExecutionQuery, ExecutionReads, Scope, StoreError, Version, Versioned};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::error::classify;
use crate::row::{
    FIRST_VERSION, PlainRow, SCHEMA, VersionedRow, decode, decode_versioned, encode, parse,
};

const FIND: &str = "SELECT version, schema, body FROM executions WHERE id = $1";

pub(crate) const LIST_OPEN: &str =
    "SELECT id FROM executions WHERE is_open = 1 AND id > $1 ORDER BY id LIMIT $2";

const INSERT: &str =
    "INSERT INTO executions (id, version, user_email, lock_name, status, is_open, schema, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";

// Who submitted it and under which lock never changes, so their indexes are left alone.
const REPLACE: &str =
    "UPDATE executions SET version = version + 1, status = $3, is_open = $4, schema = $5, body = $6
    WHERE id = $1 AND version = $2";

const FIND_IDEMPOTENCY: &str =
    "SELECT schema, body FROM idempotency WHERE user_email = $1 AND idempotency_key = $2";

const INSERT_IDEMPOTENCY: &str =
    "INSERT INTO idempotency (user_email, idempotency_key, expires_at, schema, body)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (user_email, idempotency_key) DO UPDATE
    SET expires_at = excluded.expires_at, schema = excluded.schema, body = excluded.body
    WHERE idempotency.expires_at <= $6";

/// Sorts after every execution id, which has only digits and the letters a to f.
const AFTER_ALL: &str = "g";

#[async_trait]
impl ExecutionReads for SqliteStore {
    async fn find_execution(
        &self,
        id: &ExecutionId,
    ) -> Result<Option<Versioned<Execution>>, StoreError> {
        let mut slot = self.connections.reader().await;
        let row: Option<VersionedRow> = sqlx::query_as(FIND)
            .bind(id.as_str())
            .fetch_optional(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        row.map(decode_versioned).transpose()
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<Execution>, StoreError> {
        let before = query.before.as_ref().map_or(AFTER_ALL, ExecutionId::as_str);
        let sql = list_sql(&query.scope, query.statuses.len());
        let mut bound = sqlx::query_as(&sql)
            .bind(before)
            .bind(query.limit)
            .bind(key_of(&query.scope));
        for status in &query.statuses {
            bound = bound.bind(status.as_str());
        }
        let mut slot = self.connections.reader().await;
        let rows: Vec<PlainRow> = bound
            .fetch_all(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        rows.iter().map(decode).collect()
    }

    async fn count_executions(
        &self,
        scope: &Scope,
        statuses: &[Status],
        at_most: u32,
    ) -> Result<u32, StoreError> {
        if statuses.is_empty() {
            return Ok(0);
        }
        let sql = count_sql(scope, statuses.len());
        let mut bound = sqlx::query_scalar(&sql).bind(at_most).bind(key_of(scope));
        for status in statuses {
            bound = bound.bind(status.as_str());
        }
        let mut slot = self.connections.reader().await;
        let count: i64 = bound
            .fetch_one(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        Ok(u32::try_from(count).unwrap_or(at_most))
    }

    async fn list_open(
        &self,
        after: Option<&ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let mut slot = self.connections.reader().await;
        let ids: Vec<String> = sqlx::query_scalar(LIST_OPEN)
            .bind(after.map_or("", ExecutionId::as_str))
            .bind(limit)
            .fetch_all(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        ids.iter().map(|id| parse(id)).collect()
    }

    async fn find_idempotency(
        &self,
        user: &UserEmail,
        key: &IdempotencyKey,
    ) -> Result<Option<Idempotency>, StoreError> {
        let mut slot = self.connections.reader().await;
        let row: Option<PlainRow> = sqlx::query_as(FIND_IDEMPOTENCY)
            .bind(user.as_str())
            .bind(key.as_str())
            .fetch_optional(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        row.as_ref().map(decode).transpose()
    }
}

fn key_of(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::All => None,
        Scope::User(email) => Some(email.as_str()),
        Scope::Lock(name) => Some(name.as_str()),
    }
}

/// A count's statement: $1 where it stops, $2 the scope's key, then one number per status. Reads an index alone.
pub(crate) fn count_sql(scope: &Scope, statuses: usize) -> String {
    let key = match scope {
        Scope::All => "",
        Scope::User(_) => "user_email = $2 AND ",
        Scope::Lock(_) => "lock_name = $2 AND ",
    };
    let numbers: Vec<String> = (3..3 + statuses)
        .map(|number| format!("${number}"))
        .collect();
    let numbers = numbers.join(", ");
    format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM executions WHERE {key}status IN ({numbers}) LIMIT $1) AS counted"
    )
}

/// A page's statement: $1 where it begins, $2 its length, $3 the scope's key, then one number per status.
/// Each status is a range of its own in an index, read from its end; together they are at most a few pages to sort.
pub(crate) fn list_sql(scope: &Scope, statuses: usize) -> String {
    let key = match scope {
        Scope::All => "",
        Scope::User(_) => "user_email = $3 AND ",
        Scope::Lock(_) => "lock_name = $3 AND ",
    };
    let page = |status: String| format!("{key}{status}id < $1 ORDER BY id DESC LIMIT $2");
    if statuses == 0 {
        let page = page(String::new());
        return format!("SELECT schema, body FROM executions WHERE {page}");
    }
    let pages: Vec<String> = (4..4 + statuses)
        .map(|number| page(format!("status = ${number} AND ")))
        .map(|page| format!("SELECT id FROM (SELECT id FROM executions WHERE {page}) AS page"))
        .collect();
    let ids = format!(
        "SELECT id FROM ({}) AS pages ORDER BY id DESC LIMIT $2",
        pages.join(" UNION ALL ")
    );
    format!("SELECT schema, body FROM executions WHERE id IN ({ids}) ORDER BY id DESC")
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    execution: &Execution,
) -> Result<u64, StoreError> {
    let submission = execution.submission();
    let result = sqlx::query(INSERT)
        .bind(execution.id().as_str())
        .bind(FIRST_VERSION)
        .bind(submission.created_by.as_str())
        .bind(submission.lock.as_ref().map(|lock| lock.name.as_str()))
        .bind(execution.status().as_str())
        .bind(i64::from(!execution.is_closed()))
        .bind(SCHEMA)
        .bind(encode(execution)?)
        .execute(connection)
        .await
        .map_err(classify)?;
    Ok(result.rows_affected())
}

pub(crate) async fn replace(
    connection: &mut SqliteConnection,
    execution: &Execution,
    Version(version): Version,
) -> Result<u64, StoreError> {
    let result = sqlx::query(REPLACE)
        .bind(execution.id().as_str())
        .bind(version)
        .bind(execution.status().as_str())
        .bind(i64::from(!execution.is_closed()))
        .bind(SCHEMA)
        .bind(encode(execution)?)
        .execute(connection)
        .await
        .map_err(classify)?;
    Ok(result.rows_affected())
}

pub(crate) async fn insert_idempotency(
    connection: &mut SqliteConnection,
    row: &Idempotency,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let result = sqlx::query(INSERT_IDEMPOTENCY)
        .bind(row.user.as_str())
        .bind(row.key.as_str())
        .bind(row.expires_at.as_microsecond())
        .bind(SCHEMA)
        .bind(encode(row)?)
        .bind(at.as_microsecond())
        .execute(connection)
        .await
        .map_err(classify)?;
    Ok(result.rows_affected())
}
