//! The tables, and how an older file gets them.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::error::is_busy;

/// What each version of the file adds. Never edited, only added to.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_tables.sql")];

/// How long to wait for another process that is making the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the file can be used now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Migrated {
    Ready,
    /// A newer runvoy wrote it.
    Newer,
}

/// Brings the file up to date. One read where it is; safe against others doing the same at the same time.
pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<Migrated, sqlx::Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_migrate(connection).await {
            // The change to a write-ahead log does not wait for others by itself, whatever the busy timeout.
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            result => return result,
        }
    }
}

async fn try_migrate(connection: &mut SqliteConnection) -> Result<Migrated, sqlx::Error> {
    if let Some(done) = state(connection).await? {
        return Ok(done);
    }
    connection.execute("PRAGMA journal_mode = WAL").await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Whoever was first has done it by the time that the lock is ours.
    if let Some(done) = state(&mut transaction).await? {
        return Ok(done);
    }
    for migration in MIGRATIONS.iter().skip(version(&mut transaction).await?) {
        transaction.execute(*migration).await?;
    }
    let stamp = format!("PRAGMA user_version = {}", MIGRATIONS.len());
    transaction.execute(&*stamp).await?;
    transaction.commit().await?;
    Ok(Migrated::Ready)
}

async fn state(connection: &mut SqliteConnection) -> Result<Option<Migrated>, sqlx::Error> {
    let version = version(connection).await?;
    Ok(match version.cmp(&MIGRATIONS.len()) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(Migrated::Ready),
        std::cmp::Ordering::Greater => Some(Migrated::Newer),
    })
}

async fn version(connection: &mut SqliteConnection) -> Result<usize, sqlx::Error> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(connection)
        .await?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
