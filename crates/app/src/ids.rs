//! Makes identities: sortable by time, and monotonic within this process.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use runvoy_core::id::{ExecutionId, OperationId, RequestId};
use uuid::{ContextV7, Uuid};

/// Makes `UUIDv7`s with a counter, so that ids of one process never go back even when its clock does.
#[derive(Debug)]
pub struct Ids {
    counter: Mutex<ContextV7>,
}

impl Ids {
    /// A new generator; one per process.
    pub fn new() -> Self {
        Self {
            counter: Mutex::new(ContextV7::new().with_additional_precision()),
        }
    }

    /// The next execution id.
    pub fn execution(&self, now: Timestamp) -> ExecutionId {
        parsed(&self.next(now))
    }

    /// The next operation id.
    pub fn operation(&self, now: Timestamp) -> OperationId {
        parsed(&self.next(now))
    }

    /// The next request id.
    pub fn request(&self, now: Timestamp) -> RequestId {
        parsed(&self.next(now))
    }

    fn next(&self, now: Timestamp) -> String {
        let counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(&*counter, seconds, nanos))
            .simple()
            .to_string()
    }
}

impl Default for Ids {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    clippy::expect_used,
    reason = "32 lower-case hex digits are every id's form"
)]
fn parsed<T: std::str::FromStr<Err = runvoy_core::Invalid>>(text: &str) -> T {
    text.parse().expect("a simple UUID is an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_goes_back() {
        let ids = Ids::new();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let earlier = Timestamp::from_second(1_799_999_000).unwrap();
        let made: Vec<_> = (0..10_000)
            .map(|n| ids.execution(if n % 2 == 0 { now } else { earlier }))
            .collect();
        assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
