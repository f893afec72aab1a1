//! Which call goes wrong, and how.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use thiserror::Error;

/// A call that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// `Ledger::commit`.
    Commit,
    /// `LogSink::append`.
    Append,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store does not answer, and does nothing.
    Refuse,
    /// The store has no room, and does nothing.
    Full,
    /// Somebody else was first, allegedly. For `append`, which knows no conflict, the same as [`Fault::Refuse`].
    Conflict,
    /// The store does what it is asked, after so many milliseconds.
    DelayMs(u64),
    /// The store does what it is asked, but its answer is lost.
    DropReply,
    /// The process dies before the store hears of the call.
    KillBefore,
    /// The process dies when the store has done what it was asked, before anybody hears of it.
    KillAfter,
}

/// Which calls go wrong. Calls of a kind are counted from 1.
#[derive(Debug, Default)]
pub struct FaultPlan {
    at: HashMap<(Call, u64), Fault>,
    chances: Vec<Chance>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct Chance {
    call: Call,
    per_mille: u64,
    fault: Fault,
}

#[derive(Debug, Default)]
struct State {
    counts: HashMap<Call, u64>,
    random: u64,
}

impl FaultPlan {
    /// A plan without faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// The `number`-th such call goes wrong.
    #[must_use]
    pub fn at(mut self, call: Call, number: u64, fault: Fault) -> Self {
        self.at.insert((call, number), fault);
        self
    }

    /// Each such call goes wrong with this probability; see [`FaultPlan::seeded`].
    #[must_use]
    pub fn often(mut self, call: Call, per_mille: u64, fault: Fault) -> Self {
        self.chances.push(Chance {
            call,
            per_mille,
            fault,
        });
        self
    }

    /// Where the chances begin; the same seed and the same calls give the same faults.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        self.state.lock().unwrap().random = seed;
        self
    }

    /// How many such calls there were.
    pub fn count(&self, call: Call) -> u64 {
        let state = self.state.lock().unwrap();
        state.counts.get(&call).copied().unwrap_or_default()
    }

    /// Counts a call, and says how it goes wrong, if it does.
    pub(crate) fn next(&self, call: Call) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let number = state.counts.entry(call).or_default();
        *number += 1;
        if let Some(fault) = self.at.get(&(call, *number)) {
            return Some(*fault);
        }
        let mut chances = self.chances.iter().filter(|chance| chance.call == call);
        let hit = chances.find(|chance| splitmix(&mut state.random) % 1000 < chance.per_mille)?;
        Some(hit.fault)
    }
}

/// The next of a fixed sequence of numbers that look random (`SplitMix64`).
pub fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A plan that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a fault is CALL:NUMBER:FAULT or CALL:PERMILLE/SEED:FAULT, not `{0}`")]
pub struct BadPlan(String);

/// Reads a plan as a command line gives it: faults with commas between, for example
/// `commit:3:kill-after,append:20/7:drop-reply` (the third commit; 20 in 1000 appends, seed 7).
/// Faults are `refuse`, `full`, `conflict`, `delay=MS`, `drop-reply`, `kill-before`, `kill-after`.
impl FromStr for FaultPlan {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts.into_iter().try_fold(Self::none(), |plan, part| {
            plan.with(part).ok_or_else(|| BadPlan(part.to_owned()))
        })
    }
}

impl FaultPlan {
    fn with(self, part: &str) -> Option<Self> {
        let mut fields = part.splitn(3, ':');
        let call = match fields.next()? {
            "commit" => Call::Commit,
            "append" => Call::Append,
            _ => return None,
        };
        let when = fields.next()?;
        let fault = parse_fault(fields.next()?)?;
        Some(match when.split_once('/') {
            Some((per_mille, seed)) => self
                .often(call, per_mille.parse().ok()?, fault)
                .seeded(seed.parse().ok()?),
            None => self.at(call, when.parse().ok()?, fault),
        })
    }
}

fn parse_fault(text: &str) -> Option<Fault> {
    Some(match text {
        "refuse" => Fault::Refuse,
        "full" => Fault::Full,
        "conflict" => Fault::Conflict,
        "drop-reply" => Fault::DropReply,
        "kill-before" => Fault::KillBefore,
        "kill-after" => Fault::KillAfter,
        delay => Fault::DelayMs(delay.strip_prefix("delay=")?.parse().ok()?),
    })
}

impl Fault {
    /// How long the call is held up first.
    pub(crate) const fn delay(self) -> Duration {
        match self {
            Self::DelayMs(millis) => Duration::from_millis(millis),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_kind() {
        let plan: FaultPlan = "commit:2:conflict,append:1:delay=3".parse().unwrap();
        assert_eq!(plan.next(Call::Commit), None);
        assert_eq!(plan.next(Call::Append), Some(Fault::DelayMs(3)));
        assert_eq!(plan.next(Call::Commit), Some(Fault::Conflict));
        assert_eq!(plan.next(Call::Commit), None);
        assert_eq!((plan.count(Call::Commit), plan.count(Call::Append)), (3, 1));
    }

    #[test]
    fn a_seed_repeats_its_faults() {
        let faults = |seed: u64| -> Vec<bool> {
            let plan = FaultPlan::none()
                .often(Call::Commit, 300, Fault::Refuse)
                .seeded(seed);
            (0..100)
                .map(|_| plan.next(Call::Commit).is_some())
                .collect()
        };
        assert_eq!(faults(1), faults(1));
        assert_ne!(faults(1), faults(2));
        let hits = faults(1).into_iter().filter(|hit| *hit).count();
        assert!((10..60).contains(&hits), "{hits} of 100");
    }

    #[test]
    fn a_plan_that_makes_no_sense_is_refused() {
        for bad in [
            "commit",
            "commit:x:refuse",
            "read:1:refuse",
            "commit:1:explode",
            "commit:1/:refuse",
        ] {
            assert!(bad.parse::<FaultPlan>().is_err(), "{bad}");
        }
    }
}
