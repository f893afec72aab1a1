//! How much the server takes on: requests a second, and runs at once.

use std::num::NonZeroU32;

use runvoy_app::RunLimits;
use runvoy_http::RateLimits;

/// How much is accepted; `None` for as much as anybody likes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Requests a second with one key.
    pub rate_per_key: Option<NonZeroU32>,
    /// Requests a second from one address without a key that works.
    pub rate_per_address: Option<NonZeroU32>,
    /// Executions of one person that are not over.
    pub runs_per_user: Option<NonZeroU32>,
    /// Executions of everybody together that are not over.
    pub runs: Option<NonZeroU32>,
}

impl Limits {
    pub(crate) fn of_runs(self) -> RunLimits {
        RunLimits {
            per_user: self.runs_per_user,
            in_all: self.runs,
        }
    }

    pub(crate) fn of_requests(self, is_behind_proxy: bool) -> RateLimits {
        RateLimits {
            per_key: self.rate_per_key,
            per_address: self.rate_per_address,
            is_behind_proxy,
        }
    }
}
