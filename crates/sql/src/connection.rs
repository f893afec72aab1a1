//! The connections of a store: one that writes, a few that read.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use runvoy_ports::StoreError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard};

use crate::error::classify;

/// Connections that read at the same time. Each is opened when it is first needed.
const READERS: usize = 4;

/// The place of a connection.
#[derive(Default)]
pub(crate) struct Slot {
    connection: Option<SqliteConnection>,
    /// A transaction was begun of which nobody knows the end: it failed, or its caller went away.
    is_unfinished: bool,
}

impl From<SqliteConnection> for Slot {
    fn from(connection: SqliteConnection) -> Self {
        Self {
            connection: Some(connection),
            is_unfinished: false,
        }
    }
}

#[derive(Debug, Error)]
#[error("the store has been closed")]
struct Closed;

/// All connections of a store. Those in memory share one, because the data live in it.
pub(crate) struct Connections {
    options: Option<SqliteConnectOptions>,
    writer: Mutex<Slot>,
    readers: Vec<Mutex<Slot>>,
    turn: AtomicUsize,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("is_on_disk", &self.options.is_some())
            .finish_non_exhaustive()
    }
}

impl Connections {
    /// A file's connections; `options` open more of them.
    pub(crate) fn on_disk(writer: SqliteConnection, options: SqliteConnectOptions) -> Self {
        Self {
            options: Some(options),
            writer: Mutex::new(writer.into()),
            readers: (0..READERS).map(|_| Mutex::default()).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The one connection that holds a store in memory.
    pub(crate) fn in_memory(only: SqliteConnection) -> Self {
        Self {
            options: None,
            writer: Mutex::new(only.into()),
            readers: Vec::new(),
            turn: AtomicUsize::new(0),
        }
    }

    /// A slot to read with: a free one, or a place in the line of one, each in turn.
    pub(crate) async fn reader(&self) -> MutexGuard<'_, Slot> {
        for slot in &self.readers {
            if let Ok(slot) = slot.try_lock() {
                return slot;
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let slot = self.readers.get(turn % READERS);
        slot.unwrap_or(&self.writer).lock().await
    }

    /// The connection in `slot`, opened if there is none, without anybody's unfinished transaction.
    pub(crate) async fn open<'slot>(
        &self,
        slot: &'slot mut Slot,
    ) -> Result<&'slot mut SqliteConnection, StoreError> {
        match (&mut slot.connection, &self.options) {
            (Some(connection), _) => {
                if slot.is_unfinished {
                    // Fails where the transaction had ended after all, which is as good.
                    let _ended = sqlx::query("ROLLBACK").execute(&mut *connection).await;
                    slot.is_unfinished = false;
                }
                Ok(connection)
            }
            (place @ None, Some(options)) => {
                Ok(place.insert(options.connect().await.map_err(classify)?))
            }
            (None, None) => Err(StoreError::Unavailable(Box::new(Closed))),
        }
    }

    /// Waits for the turn to write.
    pub(crate) async fn writer(&self) -> Writer<'_> {
        Writer {
            slot: self.writer.lock().await,
            connections: self,
        }
    }

    /// Waits for whoever is at work and closes every connection, the writer last.
    pub(crate) async fn close(&self) -> Result<(), sqlx::Error> {
        for slot in self.readers.iter().chain([&self.writer]) {
            if let Some(connection) = slot.lock().await.connection.take() {
                connection.close().await?;
            }
        }
        Ok(())
    }
}

/// The turn to write: one transaction. Dropped before its end, by an error or because its caller went away, it takes
/// the connection with it, which rolls back. (The driver's own transactions can be left open by a caller that goes away.)
pub(crate) struct Writer<'a> {
    slot: MutexGuard<'a, Slot>,
    connections: &'a Connections,
}

impl Writer<'_> {
    /// Begins; what is written through the connection belongs to the transaction.
    pub(crate) async fn begin(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connections.open(&mut self.slot).await?;
        self.slot.is_unfinished = true;
        self.run("BEGIN IMMEDIATE").await?;
        self.connection()
    }

    /// Ends the transaction as `result` says, and answers it.
    pub(crate) async fn end<T>(mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Ok(_) => self.run("COMMIT").await?,
            Err(StoreError::Conflict) => self.run("ROLLBACK").await?,
            Err(error) => return Err(error),
        }
        self.slot.is_unfinished = false;
        result
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), StoreError> {
        let result = sqlx::query(statement).execute(self.connection()?).await;
        result.map(drop).map_err(classify)
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let connection = self.slot.connection.as_mut();
        connection.ok_or_else(|| StoreError::Unavailable(Box::new(Closed)))
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if self.slot.is_unfinished && self.connections.options.is_some() {
            *self.slot = Slot::default();
        }
    }
}
