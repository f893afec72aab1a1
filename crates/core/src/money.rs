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

/// What a provider asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// For the place itself.
    pub amount: Money,
    /// For its public IPv4 address, which is billed beside; nothing where it has none.
    pub public_ipv4: Option<Money>,
    /// Whether the provider may bill another amount.
    pub is_estimate: bool,
}

impl Cost {
    /// An amount that is known, and nothing beside it.
    pub const fn of(amount: Money) -> Self {
        Self {
            amount,
            public_ipv4: None,
            is_estimate: false,
        }
    }

    /// Both together; what does not fit is left out.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Money, other: Money| one.checked_add(other).unwrap_or(one);
        Self {
            amount: sum(self.amount, other.amount),
            public_ipv4: match (self.public_ipv4, other.public_ipv4) {
                (Some(one), Some(other)) => Some(sum(one, other)),
                (one, other) => one.or(other),
            },
            is_estimate: self.is_estimate || other.is_estimate,
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
    fn addresses_are_summed_apart_and_one_estimate_makes_the_sum_one() {
        let micros = Money::from_micro_dollars;
        let first = Cost::of(micros(2));
        let second = Cost {
            amount: micros(3),
            public_ipv4: Some(micros(5)),
            is_estimate: true,
        };
        let sum = first.plus(second).plus(second);
        assert_eq!((sum.amount, sum.public_ipv4), (micros(8), Some(micros(10))));
        assert!(sum.is_estimate && !first.plus(first).is_estimate);
        let most = Cost::of(micros(i64::MAX));
        assert_eq!(most.plus(first), most);
    }

    #[test]
    fn overflow_is_visible() {
        assert_eq!(
            Money::from_micro_dollars(i64::MAX).checked_add(Money::from_micro_dollars(1)),
            None
        );
    }
}
