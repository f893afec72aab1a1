//! How often tasks may be started.

use jiff::Timestamp;

use super::clock::age;
use super::refusal::Refusal;

/// So many tokens, and as many new ones each second.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: Option<u32>,
    tokens: f64,
    at: Timestamp,
}

impl Rate {
    /// No limit where there is no number.
    pub(super) fn new(per_second: Option<u32>, now: Timestamp) -> Self {
        Self {
            per_second,
            tokens: f64::from(per_second.unwrap_or_default()),
            at: now,
        }
    }

    /// Takes a token, or refuses.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let Some(limit) = self.per_second.map(f64::from) else {
            return Ok(());
        };
        self.tokens = limit.min(self.tokens + age(now, self.at).as_secs_f64() * limit);
        self.at = now;
        if self.tokens < 1.0 {
            return Err(Refusal::new("ThrottlingException", "Rate exceeded"));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}
