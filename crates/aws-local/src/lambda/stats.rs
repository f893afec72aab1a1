//! What a function's environments did and took.

use std::time::Duration;

/// What a function's environments did and took since the function was first put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// For each environment, the time from the start of its process to its first poll for work.
    pub inits: Vec<Duration>,
    /// Invocations that ended, well or not.
    pub invocations: u64,
    /// Invocations that ended in an error.
    pub failures: u64,
    /// The most memory any environment had resident, in KiB; 0 where the system does not tell.
    pub peak_rss_kib: u64,
    /// Environments that live now.
    pub environments: usize,
}
