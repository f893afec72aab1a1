//! Logs: heads, and chunks of entries kept as they were offered.

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_core::id::{ExecutionId, SessionId};
use runvoy_core::log::{Entry, LogHead, Seq};
use runvoy_ports::{Appended, HeadWrite, LogReads, LogSink, StoreError};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::chunk::{self, ENTRY_COST};
use crate::error::classify;
use crate::row::{RowError, SCHEMA, parse, signed, time, unsigned};

const FIND_HEAD: &str =
    "SELECT next_seq, session, is_closed, last_seen FROM log_heads WHERE execution = $1";

const INSERT_HEAD: &str =
    "INSERT INTO log_heads (execution, next_seq, session, is_closed, last_seen)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (execution) DO NOTHING";

const BIND_HEAD: &str = "UPDATE log_heads SET session = $2
    WHERE execution = $1 AND session IS NULL AND is_closed = 0";

const CLOSE_HEAD: &str = "UPDATE log_heads SET is_closed = 1
    WHERE execution = $1 AND next_seq = $2 AND is_closed = 0";

const BEAT: &str = "UPDATE log_heads
    SET last_seen = CASE WHEN last_seen > $3 THEN last_seen ELSE $3 END
    WHERE execution = $1 AND session = $2 AND is_closed = 0
    RETURNING next_seq";

const ADVANCE: &str = "UPDATE log_heads
    SET next_seq = $5, last_seen = CASE WHEN last_seen > $3 THEN last_seen ELSE $3 END
    WHERE execution = $1 AND session = $2 AND is_closed = 0 AND next_seq = $4";

const EXPECTED: &str = "SELECT next_seq FROM log_heads
    WHERE execution = $1 AND session = $2 AND is_closed = 0";

const INSERT_CHUNK: &str =
    "INSERT INTO log_chunks (execution, first_seq, last_seq, bytes, schema, entries)
    VALUES ($1, $2, $3, $4, $5, $6)";

// Answered from the index alone.
const PLAN: &str = "SELECT first_seq, last_seq, bytes FROM log_chunks
    WHERE execution = $1 AND last_seq > $2 ORDER BY last_seq LIMIT 2048";

const READ: &str = "SELECT first_seq, schema, entries FROM log_chunks
    WHERE execution = $1 AND last_seq > $2 AND last_seq <= $3 ORDER BY last_seq";

type HeadRow = (i64, Option<String>, i64, Option<i64>);

#[async_trait]
impl LogReads for SqliteStore {
    async fn find_head(&self, id: &ExecutionId) -> Result<Option<LogHead>, StoreError> {
        let mut slot = self.connections.reader().await;
        let row: Option<HeadRow> = sqlx::query_as(FIND_HEAD)
            .bind(id.as_str())
            .fetch_optional(self.connections.open(&mut slot).await?)
            .await
            .map_err(classify)?;
        row.map(|row| head(id, row)).transpose()
    }

    async fn read_entries(
        &self,
        id: &ExecutionId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let after_seq = signed(after.number())?;
        let mut slot = self.connections.reader().await;
        let connection = self.connections.open(&mut slot).await?;
        let plan: Vec<(i64, i64, i64)> = sqlx::query_as(PLAN)
            .bind(id.as_str())
            .bind(after_seq)
            .fetch_all(&mut *connection)
            .await
            .map_err(classify)?;
        let Some(last) = last_needed(&plan, max_bytes) else {
            return Ok(Vec::new());
        };
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(READ)
            .bind(id.as_str())
            .bind(after_seq)
            .bind(last)
            .fetch_all(connection)
            .await
            .map_err(classify)?;
        drop(slot);
        cut(rows, after, max_bytes)
    }
}

fn head(id: &ExecutionId, row: HeadRow) -> Result<LogHead, StoreError> {
    let (next_seq, session, is_closed, last_seen) = row;
    Ok(LogHead {
        execution: id.clone(),
        next_seq: Seq::new(unsigned(next_seq)?),
        session: session.as_deref().map(parse).transpose()?,
        is_closed: is_closed != 0,
        last_seen: last_seen.map(time).transpose()?,
    })
}

/// The last number of the chunk that fills `max_bytes`. The first chunk may be read from its middle, so it does not count.
fn last_needed(plan: &[(i64, i64, i64)], max_bytes: usize) -> Option<i64> {
    let mut cost = 0;
    for (place, (first, last, bytes)) in plan.iter().enumerate() {
        if place > 0 {
            let entries = usize::try_from(last - first + 1).unwrap_or_default();
            cost += usize::try_from(*bytes).unwrap_or_default() + entries * ENTRY_COST;
        }
        if cost >= max_bytes {
            return Some(*last);
        }
    }
    plan.last().map(|(_, last, _)| *last)
}

/// The entries above `after` that fit, at least one if there is any.
fn cut(
    rows: Vec<(i64, i64, Vec<u8>)>,
    after: Seq,
    max_bytes: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut page = Vec::new();
    let mut cost = 0;
    for (first, schema, entries) in rows {
        if schema != SCHEMA {
            return Err(RowError::Schema(schema).into());
        }
        for entry in chunk::decode(Seq::new(unsigned(first)?), &entries)? {
            if entry.seq <= after {
                continue;
            }
            cost += entry.text.len() + ENTRY_COST;
            if cost > max_bytes && !page.is_empty() {
                return Ok(page);
            }
            page.push(entry);
        }
    }
    Ok(page)
}

#[async_trait]
impl LogSink for SqliteStore {
    async fn append(
        &self,
        id: &ExecutionId,
        session: &SessionId,
        entries: &[Entry],
        at: Timestamp,
    ) -> Result<Appended, StoreError> {
        let source = Source { id, session, at };
        let chunk = chunk::encode(entries)?;
        let mut writer = self.connections.writer().await;
        let connection = writer.begin().await?;
        let result = match entries {
            [] => source.beat(connection).await,
            [first, ..] => source.store(connection, first.seq, entries, chunk).await,
        };
        writer.end(result).await
    }
}

/// Where entries come from, and when.
struct Source<'a> {
    id: &'a ExecutionId,
    session: &'a SessionId,
    at: Timestamp,
}

impl Source<'_> {
    async fn beat(&self, connection: &mut SqliteConnection) -> Result<Appended, StoreError> {
        let next: Option<i64> = sqlx::query_scalar(BEAT)
            .bind(self.id.as_str())
            .bind(self.session.as_str())
            .bind(self.at.as_microsecond())
            .fetch_optional(connection)
            .await
            .map_err(classify)?;
        answer(next)
    }

    async fn store(
        &self,
        connection: &mut SqliteConnection,
        first: Seq,
        entries: &[Entry],
        chunk: Vec<u8>,
    ) -> Result<Appended, StoreError> {
        let next = first.plus(entries.len() as u64);
        let advanced = sqlx::query(ADVANCE)
            .bind(self.id.as_str())
            .bind(self.session.as_str())
            .bind(self.at.as_microsecond())
            .bind(signed(first.number())?)
            .bind(signed(next.number())?)
            .execute(&mut *connection)
            .await
            .map_err(classify)?;
        if advanced.rows_affected() == 0 {
            return self.expected(connection).await;
        }
        let bytes = entries.iter().map(|entry| entry.text.len() as u64).sum();
        sqlx::query(INSERT_CHUNK)
            .bind(self.id.as_str())
            .bind(signed(first.number())?)
            .bind(signed(next.previous().number())?)
            .bind(signed(bytes)?)
            .bind(SCHEMA)
            .bind(chunk)
            .execute(connection)
            .await
            .map_err(classify)?;
        Ok(Appended::Next(next))
    }

    /// What the log waits for, if it is this source's and open.
    async fn expected(&self, connection: &mut SqliteConnection) -> Result<Appended, StoreError> {
        let next: Option<i64> = sqlx::query_scalar(EXPECTED)
            .bind(self.id.as_str())
            .bind(self.session.as_str())
            .fetch_optional(connection)
            .await
            .map_err(classify)?;
        answer(next)
    }
}

fn answer(next: Option<i64>) -> Result<Appended, StoreError> {
    Ok(match next {
        Some(next) => Appended::Next(Seq::new(unsigned(next)?)),
        None => Appended::Refused,
    })
}

/// Rows written: none if the head is not in the state that the write asks for.
pub(crate) async fn write_head(
    connection: &mut SqliteConnection,
    id: &ExecutionId,
    write: &HeadWrite,
) -> Result<u64, StoreError> {
    let query = match write {
        HeadWrite::Insert(head) => sqlx::query(INSERT_HEAD)
            .bind(id.as_str())
            .bind(signed(head.next_seq.number())?)
            .bind(head.session.as_ref().map(SessionId::as_str))
            .bind(i64::from(head.is_closed))
            .bind(head.last_seen.map(Timestamp::as_microsecond)),
        HeadWrite::Bind(session) => sqlx::query(BIND_HEAD)
            .bind(id.as_str())
            .bind(session.as_str()),
        HeadWrite::Close(next) => sqlx::query(CLOSE_HEAD)
            .bind(id.as_str())
            .bind(signed(next.number())?),
    };
    let result = query.execute(connection).await.map_err(classify)?;
    Ok(result.rows_affected())
}
