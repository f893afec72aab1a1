use std::fmt::Debug;

use jiff::Timestamp;

/// The wall clock.
pub trait Clock: Debug + Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}
