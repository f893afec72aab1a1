//! Where no launcher can prove an agent dead, the agent sees to it that its command does not outlive its contact.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::clock;
use crate::orders::Orders;

/// How long before the fence the command is asked to end; half the fence where that is less.
const NOTICE: Duration = Duration::from_secs(30);
/// How often the clock is looked at: timers of the runtime stand still while the machine sleeps.
const TICK: Duration = Duration::from_millis(250);

/// Measures the time since the last accepted heartbeat was sent.
#[derive(Debug)]
pub(crate) struct Fence {
    limit: Option<Duration>,
    renewed_at: Mutex<Duration>,
}

/// How near the fence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nearness {
    Far,
    Near,
    Reached,
}

impl Fence {
    /// A fence of `limit`, none where absent, counted from `started_at` since the machine's boot.
    pub(crate) fn new(limit: Option<Duration>, started_at: Duration) -> Self {
        Self {
            limit,
            renewed_at: Mutex::new(started_at),
        }
    }

    /// A heartbeat that was sent at `sent_at` was accepted.
    pub(crate) fn renew(&self, sent_at: Duration) {
        *self
            .renewed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = sent_at;
    }

    /// Gives the orders when their time comes.
    pub(crate) async fn watch(&self, orders: &Orders) {
        loop {
            match self.nearness(clock::since_boot()) {
                Nearness::Far => {}
                Nearness::Near => orders.fence_near.cancel(),
                Nearness::Reached => return orders.fence_reached.cancel(),
            }
            if self.limit.is_none() {
                return;
            }
            sleep(TICK).await;
        }
    }

    fn nearness(&self, now: Duration) -> Nearness {
        let renewed_at = *self
            .renewed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let silence = now.saturating_sub(renewed_at);
        match self.limit {
            Some(limit) if silence >= limit => Nearness::Reached,
            Some(limit) if silence >= limit.saturating_sub(NOTICE.min(limit / 2)) => Nearness::Near,
            _ => Nearness::Far,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_asked_before_the_fence_and_dead_at_it() {
        let second = Duration::from_secs;
        let fence = Fence::new(Some(second(120)), second(1000));
        assert_eq!(fence.nearness(second(1089)), Nearness::Far);
        assert_eq!(fence.nearness(second(1090)), Nearness::Near);
        assert_eq!(fence.nearness(second(1120)), Nearness::Reached);
        fence.renew(second(1080));
        assert_eq!(fence.nearness(second(1120)), Nearness::Far);
    }

    #[test]
    fn without_a_fence_silence_is_nothing() {
        let fence = Fence::new(None, Duration::ZERO);
        assert_eq!(fence.nearness(Duration::from_hours(1000)), Nearness::Far);
    }
}
