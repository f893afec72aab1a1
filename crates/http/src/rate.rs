//! How fast somebody may ask: the generic cell rate algorithm, which needs one moment of memory for each.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// How much may come at once after a pause, as time at the rate.
const BURST: Duration = Duration::from_secs(10);
/// The longest that anybody pays for what was charged afterwards.
const LONGEST_DEBT: Duration = Duration::from_secs(30);

/// Requests a second in the long run, and ten seconds' worth of them at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    interval: Duration,
}

impl Rate {
    /// So many a second.
    pub(crate) fn per_second(number: NonZeroU32) -> Self {
        Self {
            interval: Duration::from_secs(1) / number.get(),
        }
    }

    /// This rate, `factor` times over.
    pub(crate) fn times(self, factor: u32) -> Self {
        Self {
            interval: self.interval / factor,
        }
    }
}

/// What somebody has used of their allowance: the moment at which all of it is given back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    given_back_at: Instant,
}

impl Spent {
    /// Nothing yet.
    pub(crate) fn nothing(now: Instant) -> Self {
        Self { given_back_at: now }
    }

    /// How long one more request must wait; nothing is taken.
    pub(crate) fn delay(&self, rate: Rate, now: Instant) -> Duration {
        let given_back_at = self.given_back_at.max(now) + rate.interval;
        given_back_at.duration_since(now).saturating_sub(BURST)
    }

    /// Takes one request's worth.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) {
        self.given_back_at = self.given_back_at.max(now) + rate.interval;
    }

    /// Takes what is owed for something that was done already; nobody owes for longer than half a minute.
    pub(crate) fn charge(&mut self, rate: Rate, now: Instant, requests: u32) {
        let owed = self.given_back_at.max(now) + rate.interval * requests;
        self.given_back_at = owed.min(now + LONGEST_DEBT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: Duration = Duration::ZERO;

    fn rate(number: u32) -> Rate {
        Rate::per_second(NonZeroU32::new(number).unwrap())
    }

    /// How many of `tries` at the same moment pass.
    fn passed(spent: &mut Spent, rate: Rate, now: Instant, tries: u32) -> u32 {
        (0..tries)
            .map(|_| {
                let passes = spent.delay(rate, now).is_zero();
                if passes {
                    spent.take(rate, now);
                }
                u32::from(passes)
            })
            .sum()
    }

    #[test]
    fn ten_seconds_worth_comes_at_once_and_then_the_rate() {
        let now = Instant::now();
        let mut spent = Spent::nothing(now);
        assert_eq!(passed(&mut spent, rate(100), now, 5000), 1000);
        for second in 1..=3 {
            let then = now + Duration::from_secs(second);
            assert_eq!(passed(&mut spent, rate(100), then, 5000), 100);
        }
        let after_a_pause = now + Duration::from_hours(1);
        assert_eq!(passed(&mut spent, rate(100), after_a_pause, 5000), 1000);
    }

    #[test]
    fn who_waits_as_long_as_was_said_passes() {
        let now = Instant::now();
        let mut spent = Spent::nothing(now);
        passed(&mut spent, rate(3), now, 100);
        let wait = spent.delay(rate(3), now);
        assert!(wait > NO && wait < Duration::from_secs(1));
        let short = now + wait - Duration::from_millis(1);
        assert!(spent.delay(rate(3), short) > NO);
        assert_eq!(spent.delay(rate(3), now + wait), NO);
    }

    #[test]
    fn who_is_patient_is_held_until_their_turn() {
        let now = Instant::now();
        let mut spent = Spent::nothing(now);
        passed(&mut spent, rate(10), now, 1000);
        for turn in [100, 200, 300] {
            let held = spent.delay(rate(10), now);
            assert_eq!(held, Duration::from_millis(turn));
            spent.take(rate(10), now);
        }
    }

    #[test]
    fn a_debt_has_an_end() {
        let now = Instant::now();
        let mut spent = Spent::nothing(now);
        for _ in 0..10_000 {
            spent.charge(rate(1), now, 1000);
        }
        let later = now + LONGEST_DEBT;
        assert!(spent.delay(rate(1), now) > NO);
        assert_eq!(spent.delay(rate(1), later), NO);
    }

    #[test]
    fn the_highest_rates_refuse_nobody() {
        let now = Instant::now();
        let mut spent = Spent::nothing(now);
        assert_eq!(
            passed(&mut spent, rate(u32::MAX).times(20), now, 10_000),
            10_000
        );
    }
}
