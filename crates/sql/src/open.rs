//! Opening a store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runvoy_ports::StoreError;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use thiserror::Error;

use crate::connection::Connections;
use crate::error::classify;
use crate::migrate::{Migrated, migrate};

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages in the write-ahead log before they are moved to the file: 16 MiB, so that a flood of log lines is moved
/// in large pieces.
const CHECKPOINT_PAGES: &str = "4096";

/// What survives besides the death of the process, which everything acknowledged does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Everything acknowledged survives a loss of power too. For a server.
    Full,
    /// A loss of power may take the last moments; the file stays whole. For one's own machine.
    Normal,
}

/// Why a store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be made, or not be kept from others.
    #[error("cannot create {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A newer runvoy wrote the file.
    #[error("{} was written by a newer version of runvoy", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The file is there, but cannot be used as a store.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
}

/// A store in SQLite. Clones share their connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pub(crate) connections: Arc<Connections>,
}

impl SqliteStore {
    /// Opens the file at `path`, which is made (mode 0600) or brought up to date where needed.
    /// Several processes may do so at the same time.
    pub async fn open(path: &Path, durability: Durability) -> Result<Self, OpenError> {
        create(path).map_err(|source| OpenError::Create {
            path: path.to_owned(),
            source,
        })?;
        let options = options(durability)
            .filename(path)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        let (writer, migrated) = connect(&options).await.map_err(|error| OpenError::Open {
            path: path.to_owned(),
            source: classify(error),
        })?;
        match migrated {
            Migrated::Ready => Ok(Self::of(Connections::on_disk(writer, options))),
            Migrated::Newer => Err(OpenError::Newer {
                path: path.to_owned(),
            }),
        }
    }

    /// A store that lives in memory and ends with its last clone.
    pub async fn in_memory() -> Result<Self, OpenError> {
        let options = options(Durability::Normal).in_memory(true);
        let (only, _) = connect(&options).await.map_err(|error| OpenError::Open {
            path: PathBuf::from(":memory:"),
            source: classify(error),
        })?;
        Ok(Self::of(Connections::in_memory(only)))
    }

    /// Waits for what is under way and closes the file. The data are safe without it; it only leaves the file tidy.
    /// A later call opens the file again; what was in memory is gone.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.connections.close().await.map_err(classify)
    }

    fn of(connections: Connections) -> Self {
        Self {
            connections: Arc::new(connections),
        }
    }
}

fn options(durability: Durability) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .synchronous(match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Normal => SqliteSynchronous::Normal,
        })
        .foreign_keys(false)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

async fn connect(
    options: &SqliteConnectOptions,
) -> Result<(sqlx::SqliteConnection, Migrated), sqlx::Error> {
    let mut connection = options.connect().await?;
    let migrated = migrate(&mut connection).await?;
    Ok((connection, migrated))
}

/// Makes the file before SQLite does, so that it is never readable by others. An existing one is not opened: closing
/// it again would drop the locks that other connections of this process hold on it.
fn create(path: &Path) -> io::Result<()> {
    let mut new = fs::OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    match new.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => keep_private(path),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode();
    let private = mode & !0o077;
    if mode == private {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(private))
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) -> io::Result<()> {
    Ok(())
}
