//! The agent's clocks.

use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Wall time, for people.
#[expect(
    clippy::disallowed_methods,
    reason = "the agent has one clock, and this is it"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Time since the machine's boot, through suspend where the system has such a clock: for fencing.
pub(crate) fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    let time = clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}
