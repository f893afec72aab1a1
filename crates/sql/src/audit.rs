//! The audit trail.

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_core::audit::{AuditEntry, Principal};
use runvoy_core::id::{ExecutionId, OperationId};
use runvoy_core::user::UserEmail;
use runvoy_ports::{AuditQuery, AuditReads, StoreError};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::error::classify;
use crate::row::{PlainRow, SCHEMA, decode, encode};

const INSERT: &str =
    "INSERT INTO audit (id, at, principal_user, target_user, execution, schema, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";

/// Sorts after every operation id, which has only hex digits.
const AFTER_ALL: &str = "g";

/// Where a trail `since` a time begins. Ids sort by time but for what was written in the same moment, so the smallest
/// id among the first entries from then on bounds the search, and `at` decides.
const SINCE: &str = "at >= $3 AND id >= (SELECT MIN(id) FROM
    (SELECT id FROM audit WHERE at >= $3 ORDER BY at, id LIMIT 256) AS first_entries) AND ";

#[async_trait]
impl AuditReads for SqliteStore {
    async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = list_sql(query);
        let bound = sqlx::query_as(&sql)
            .bind(query.before.as_ref().map_or(AFTER_ALL, OperationId::as_str))
            .bind(query.limit)
            .bind(query.since.map(Timestamp::as_microsecond))
            .bind(query.user.as_ref().map(UserEmail::as_str))
            .bind(query.execution.as_ref().map(ExecutionId::as_str));
        let mut slot = self.connections.reader().await;
        let rows: Vec<PlainRow> = bound
            .fetch_all(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        rows.iter().map(decode).collect()
    }
}

/// A page's statement: $1 where it begins, $2 its length, $3 since when, $4 the person, $5 the execution.
/// What a person did and what was done to them are two indexes, of which a page is taken each.
pub(crate) fn list_sql(query: &AuditQuery) -> String {
    let since = if query.since.is_some() { SINCE } else { "" };
    let execution = if query.execution.is_some() {
        "execution = $5 AND "
    } else {
        ""
    };
    let page = |who: &str| format!("{who}{execution}{since}id < $1 ORDER BY id DESC LIMIT $2");
    if query.user.is_none() {
        return format!("SELECT schema, body FROM audit WHERE {}", page(""));
    }
    let pages = ["principal_user = $4 AND ", "target_user = $4 AND "].map(|who| {
        let page = page(who);
        format!("SELECT id FROM (SELECT id FROM audit WHERE {page}) AS page")
    });
    let ids = format!(
        "SELECT id FROM ({}) AS pages ORDER BY id DESC LIMIT $2",
        pages.join(" UNION ")
    );
    format!("SELECT schema, body FROM audit WHERE id IN ({ids}) ORDER BY id DESC")
}

/// Rows written: none if the batch was committed before.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    entry: &AuditEntry,
) -> Result<u64, StoreError> {
    let principal = match &entry.principal {
        Principal::User(email) => Some(email.as_str()),
        Principal::Agent(_) | Principal::System => None,
    };
    let result = sqlx::query(INSERT)
        .bind(entry.id.as_str())
        .bind(entry.at.as_microsecond())
        .bind(principal)
        .bind(entry.user.as_ref().map(UserEmail::as_str))
        .bind(entry.execution.as_ref().map(ExecutionId::as_str))
        .bind(SCHEMA)
        .bind(encode(entry)?)
        .execute(connection)
        .await
        .map_err(classify)?;
    Ok(result.rows_affected())
}
