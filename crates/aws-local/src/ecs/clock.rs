//! The simulator's clock: the wall clock, and what tests put it forward or back by.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::sync::now;

/// A clock that tests put forward and back.
#[derive(Debug, Default)]
pub struct SimClock(AtomicI64);

impl SimClock {
    /// The time.
    pub fn now(&self) -> Timestamp {
        now() + SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }

    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Puts the clock back: whatever happens from now on happened so long ago already when it is told.
    pub fn put_back(&self, by: Duration) {
        self.0.fetch_sub(millis(by), Ordering::SeqCst);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How long before `now` the moment was; nothing where it lies ahead.
pub(super) fn age(now: Timestamp, moment: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(moment)).unwrap_or_default()
}
