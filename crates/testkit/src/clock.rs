//! A clock that stands until it is moved.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use runvoy_ports::Clock;

/// The wall clock of a test.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock on, and answers what it shows then.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
        *now
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }
}

/// Begins where the sample values are.
impl Default for ManualClock {
    fn default() -> Self {
        Self::new(crate::sample::at(0))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told() {
        let clock = ManualClock::default();
        let before = clock.now();
        assert_eq!(clock.now(), before);
        assert_eq!(clock.advance(Duration::from_secs(3)), clock.now());
        assert_eq!(clock.now().duration_since(before).as_secs(), 3);
    }
}
