//! Money in millionths of a US dollar. Never floats; overflow is visible.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in micro-dollars (10⁻⁶ USD).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `micros` millionths of a dollar.
    pub const fn from_micro_dollars(micros: i64) -> Self {
        Self(micros)
    }

    /// The amount in millionths of a dollar.
    pub const fn micro_dollars(self) -> i64 {
        self.0
    }

    /// The sum, or `None` where it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}${}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_six_decimals() {
        assert_eq!(Money::from_micro_dollars(247).to_string(), "$0.000247");
        assert_eq!(
            Money::from_micro_dollars(-1_500_000).to_string(),
            "-$1.500000"
        );
    }

    #[test]
    fn overflow_is_visible() {
        assert_eq!(
            Money::from_micro_dollars(i64::MAX).checked_add(Money::from_micro_dollars(1)),
            None
        );
    }
}
