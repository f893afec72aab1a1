//! The store in DynamoDB.
//!
//! An item is its keys and what people and indexes look at, plus `record`, the row in JSON that alone is read back.
//! A batch is one transaction; a lookup is one read, always a consistent one. Only lists come from indexes, which
//! follow the tables after a moment. Nothing is ever scanned.

mod audit;
mod chunk;
mod error;
mod executions;
mod heads;
pub(crate) mod item;
mod ledger;
mod locks;
mod logs;
mod query;
mod row;
mod rows;
mod sink;
mod tables;
mod transact;
mod users;
mod write;

use std::time::Duration;

use aws_sdk_dynamodb::Client;

use tables::Tables;

/// Days for which log entries are kept where nothing else is said.
const DEFAULT_LOG_RETENTION_DAYS: u32 = 90;

/// The store of one project in DynamoDB. Clones share their connections.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
    log_retention_days: u32,
}

impl DynamoStore {
    /// The store in the tables of `project`.
    pub fn new(client: Client, project: &str) -> Self {
        Self {
            client,
            tables: Tables::of(project),
            log_retention_days: DEFAULT_LOG_RETENTION_DAYS,
        }
    }

    /// How long after its submission an execution's log is kept.
    pub fn log_retention(&self) -> Duration {
        sink::LONGEST_RUN + Duration::from_hours(24 * u64::from(self.log_retention_days))
    }

    /// Keeps log entries for `days`, counted from the execution's submission or later; all of an execution go together.
    #[must_use]
    pub fn with_log_retention(self, days: u32) -> Self {
        Self {
            log_retention_days: days,
            ..self
        }
    }
}
