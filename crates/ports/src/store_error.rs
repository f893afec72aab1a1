use std::error::Error;

use thiserror::Error;

/// Why a store did not do what it was asked. Absence is not an error; it is `None`.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A condition of a batch does not hold: somebody else was first, and nothing was written.
    #[error("another change came first")]
    Conflict,
    /// The store did not answer, or not in time. What was asked for may or may not have been done.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// There is no room for more. Nothing was written.
    #[error("the store is full")]
    Full(#[source] Box<dyn Error + Send + Sync>),
    /// A row cannot be read; it was written by a newer version or damaged.
    #[error("a stored row cannot be read")]
    Corrupt(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Whether asking again, after reading again, may help.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict | Self::Unavailable(_) => true,
            Self::Full(_) | Self::Corrupt(_) => false,
        }
    }
}
