//! Rows as they are stored: a body in JSON under a schema number.

use jiff::Timestamp;
use runvoy_ports::{StoreError, Version, Versioned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The schema of every body written today.
pub(crate) const SCHEMA: i64 = 1;

/// The version of a row that was just inserted.
pub(crate) const FIRST_VERSION: i64 = 1;

/// A row with its version: version, schema, body.
pub(crate) type VersionedRow = (i64, i64, String);

/// A row without a version: schema, body.
pub(crate) type PlainRow = (i64, String);

/// Why a row cannot be read.
#[derive(Debug, Error)]
pub(crate) enum RowError {
    #[error("the row has schema {0}, which this version does not know")]
    Schema(i64),
    #[error("the number {0} is out of range")]
    Number(i128),
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

pub(crate) fn encode<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unreadable)
}

pub(crate) fn decode<T: DeserializeOwned>((schema, body): &PlainRow) -> Result<T, StoreError> {
    if *schema != SCHEMA {
        return Err(RowError::Schema(*schema).into());
    }
    serde_json::from_str(body).map_err(unreadable)
}

pub(crate) fn decode_versioned<T: DeserializeOwned>(
    (version, schema, body): VersionedRow,
) -> Result<Versioned<T>, StoreError> {
    Ok(Versioned {
        version: Version(version),
        value: decode(&(schema, body))?,
    })
}

/// A stored text that must be what it was when it was written.
pub(crate) fn parse<T>(text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(unreadable)
}

pub(crate) fn time(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(unreadable)
}

/// An unsigned number as a column holds it.
pub(crate) fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| RowError::Number(number.into()).into())
}

/// A column that is never negative.
pub(crate) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| RowError::Number(number.into()).into())
}

pub(crate) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt(Box::new(error))
}
