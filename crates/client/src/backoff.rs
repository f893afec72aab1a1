//! How long to wait between tries.

use std::time::Duration;

/// The first delay.
const FIRST: Duration = Duration::from_millis(100);
/// No delay is longer.
const LONGEST: Duration = Duration::from_secs(5);

/// Delays that double from a tenth of a second to five seconds, each shortened by up to a half at random,
/// so that clients that lost the same server do not come back at the same moment. It never ends.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// Delays from the first on.
    pub const fn new() -> Self {
        Self { next: FIRST }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let delay = self.next;
        self.next = (delay * 2).min(LONGEST);
        let mut random = [0_u8; 1];
        // Without randomness the delay is merely not spread.
        getrandom::fill(&mut random).ok();
        Some(delay / 2 + delay / 2 * u32::from(random[0]) / 256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_bound_and_never_end() {
        let delays: Vec<Duration> = Backoff::new().take(20).collect();
        assert!(delays[0] <= FIRST && delays[0] >= FIRST / 2);
        assert!(delays[19] <= LONGEST && delays[19] >= LONGEST / 2);
    }
}
