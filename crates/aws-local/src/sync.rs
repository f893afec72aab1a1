//! A lock that a panicking test cannot spoil for the others, and the wall clock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// Locks, whatever became of the one who held it before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulated AWS has a clock of its own, this one is its base"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
