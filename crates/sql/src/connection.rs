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

/// A connection, or the place for one.
pub(crate) type Slot = Option<SqliteConnection>;

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
            writer: Mutex::new(Some(writer)),
            readers: (0..READERS).map(|_| Mutex::new(None)).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The one connection that holds a store in memory.
    pub(crate) fn in_memory(only: SqliteConnection) -> Self {
        Self {
            options: None,
            writer: Mutex::new(Some(only)),
            readers: Vec::new(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Waits for the turn to write.
    pub(crate) async fn writer(&self) -> MutexGuard<'_, Slot> {
        self.writer.lock().await
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

    /// The connection in `slot`, opened if there is none.
    pub(crate) async fn open<'slot>(
        &self,
        slot: &'slot mut Slot,
    ) -> Result<&'slot mut SqliteConnection, StoreError> {
        match (slot, &self.options) {
            (Some(connection), _) => Ok(connection),
            (slot @ None, Some(options)) => {
                Ok(slot.insert(options.connect().await.map_err(classify)?))
            }
            (None, None) => Err(StoreError::Unavailable(Box::new(Closed))),
        }
    }

    /// Looks at how a write went: after a failure nobody knows what state its connection is in, so it is dropped.
    pub(crate) fn settle<T>(&self, slot: &mut Slot, result: &Result<T, StoreError>) {
        let is_sound = matches!(result, Ok(_) | Err(StoreError::Conflict));
        if !is_sound && self.options.is_some() {
            *slot = None;
        }
    }

    /// Waits for whoever is at work and closes every connection, the writer last.
    pub(crate) async fn close(&self) -> Result<(), sqlx::Error> {
        for slot in self.readers.iter().chain([&self.writer]) {
            if let Some(connection) = slot.lock().await.take() {
                connection.close().await?;
            }
        }
        Ok(())
    }
}
