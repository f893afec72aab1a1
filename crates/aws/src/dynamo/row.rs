//! The row inside an item: JSON under a schema number, and the version that counts its changes.

use runvoy_ports::{StoreError, Version, Versioned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::item::{Item, ItemBuilder, get_number, get_text, needed, number, text};

/// The schema of every record written today.
pub(super) const SCHEMA: i64 = 1;

/// The version of a row that was just inserted.
pub(super) const FIRST_VERSION: Version = Version(1);

pub(super) const RECORD: &str = "record";
pub(super) const SCHEMA_NAME: &str = "schema";
pub(super) const VERSION: &str = "version";

/// Why an item cannot be read or written.
#[derive(Debug, Error)]
pub(super) enum RowError {
    #[error("the item has schema {0}, which this version does not know")]
    Schema(i64),
    #[error("the attribute {0} is missing or not what it should be")]
    Attribute(&'static str),
    #[error("{0:?} names no stream")]
    Stream(char),
    #[error("the entries are not numbered consecutively")]
    Numbering,
}

impl From<RowError> for StoreError {
    fn from(error: RowError) -> Self {
        Self::Corrupt(Box::new(error))
    }
}

pub(super) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt(Box::new(error))
}

impl ItemBuilder {
    /// Adds the row itself.
    pub(super) fn with_record<T: Serialize>(self, row: &T) -> Result<Self, StoreError> {
        let record = serde_json::to_string(row).map_err(unreadable)?;
        Ok(self
            .with(RECORD, text(record))
            .with(SCHEMA_NAME, number(SCHEMA)))
    }

    pub(super) fn with_version(self, Version(version): Version) -> Self {
        self.with(VERSION, number(version))
    }
}

/// Fails where the item was written under a schema of which nothing is known here.
pub(super) fn check_schema(item: &Item) -> Result<(), StoreError> {
    match needed(get_number(item, SCHEMA_NAME)?, SCHEMA_NAME)? {
        SCHEMA => Ok(()),
        other => Err(RowError::Schema(other).into()),
    }
}

pub(super) fn decode<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    check_schema(item)?;
    let record = needed(get_text(item, RECORD)?, RECORD)?;
    serde_json::from_str(record).map_err(unreadable)
}

pub(super) fn decode_versioned<T: DeserializeOwned>(
    item: &Item,
) -> Result<Versioned<T>, StoreError> {
    Ok(Versioned {
        version: Version(needed(get_number(item, VERSION)?, VERSION)?),
        value: decode(item)?,
    })
}

/// A stored text that must be what it was when it was written.
pub(super) fn parse<T>(text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(unreadable)
}
