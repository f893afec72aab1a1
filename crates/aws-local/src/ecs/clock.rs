//! The simulator's clock: the wall clock, and what tests put it forward by.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::sync::now;

/// A clock that tests put forward.
#[derive(Debug, Default)]
pub struct SimClock(AtomicI64);

impl SimClock {
    /// The time.
    pub fn now(&self) -> Timestamp {
        now() + SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }

    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

/// How long before `now` the moment was; nothing where it lies ahead.
pub(super) fn age(now: Timestamp, moment: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(moment)).unwrap_or_default()
}
