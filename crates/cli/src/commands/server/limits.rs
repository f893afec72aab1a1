//! How much the server takes on.

use clap::Args;

/// Options of limits; 0 stands for none.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits (0 for none)")]
pub(super) struct LimitArguments {
    /// Requests a second with one key, over ten seconds
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    rate_per_key: u32,
    /// Requests a second from one address, over ten seconds, not counting those with a key that works; a wrong key
    /// counts 50 times
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    rate_per_address: u32,
    /// Executions of one user that are not over
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    max_runs_per_user: u32,
    /// Executions of everybody together that are not over
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    max_runs: u32,
}

#[cfg(all(unix, feature = "local"))]
impl LimitArguments {
    /// As the server takes them.
    pub(super) fn limits(&self) -> runvoy_server::Limits {
        let limit = std::num::NonZeroU32::new;
        runvoy_server::Limits {
            rate_per_key: limit(self.rate_per_key),
            rate_per_address: limit(self.rate_per_address),
            runs_per_user: limit(self.max_runs_per_user),
            runs: limit(self.max_runs),
        }
    }
}
