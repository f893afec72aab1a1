//! What a driver's error means to a caller.

use std::io::ErrorKind;

use runvoy_ports::StoreError;

/// `SQLITE_FULL`.
const FULL: i32 = 13;
/// `SQLITE_IOERR_SHMSIZE`: the index beside the write-ahead log could not grow.
const NO_ROOM_FOR_INDEX: i32 = 0x130a;
/// `SQLITE_CORRUPT`.
const DAMAGED: i32 = 11;
/// `SQLITE_NOTADB`.
const NOT_A_DATABASE: i32 = 26;
/// `SQLITE_BUSY`.
const BUSY: i32 = 5;

/// Says by kind what went wrong; what is neither full nor damaged may work when asked again.
pub(crate) fn classify(error: sqlx::Error) -> StoreError {
    match code(&error) {
        Some(code) if code & 0xff == FULL || code == NO_ROOM_FOR_INDEX => {
            return StoreError::Full(Box::new(error));
        }
        Some(code) if [DAMAGED, NOT_A_DATABASE].contains(&(code & 0xff)) => {
            return StoreError::Corrupt(Box::new(error));
        }
        _ => {}
    }
    match &error {
        sqlx::Error::Io(io) if io.kind() == ErrorKind::StorageFull => {
            StoreError::Full(Box::new(error))
        }
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_) => StoreError::Corrupt(Box::new(error)),
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// Whether another connection stood in the way.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code & 0xff == BUSY)
}

fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}
