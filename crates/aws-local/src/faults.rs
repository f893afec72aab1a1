//! Which calls to AWS go wrong, and how.

use std::str::FromStr;
use std::sync::Mutex;

use crate::sync::lock;

/// What the access keys of the parts of a deployment begin with; the rest is the part's name in capitals.
const LOCAL_KEY_PREFIX: &str = "AKIALOCAL";

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service refuses with this error code, and does nothing.
    Refuse(String),
    /// The service says that it is asked too often, and does nothing.
    Throttle,
    /// The service does what it is asked, after so many milliseconds.
    DelayMs(u64),
    /// The service does what it is asked, but the connection breaks before the answer.
    DropReply,
    /// The caller dies before the service hears of the call.
    KillBefore,
    /// The caller dies when the service has done what it was asked, before it hears of it.
    KillAfter,
}

/// Which of the calls that a rule means go wrong. They are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The n-th.
    Number(u64),
    /// The n-th and all that follow.
    From(u64),
    /// Each with this probability.
    PerMille(u64),
}

/// Calls that go wrong in one way. `*` stands for any caller, service or action.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    caller: String,
    service: String,
    action: String,
    when: When,
    fault: Fault,
    seen: u64,
}

/// Which calls go wrong; the first rule that hits decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    random: u64,
}

/// A plan that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPlan(String);

impl std::fmt::Display for BadPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shape = "CALLER/SERVICE/ACTION:WHEN:FAULT, with WHEN one of N, N+, PERMILLE/SEED or *";
        write!(f, "a fault is {shape}, not `{}`", self.0)
    }
}

impl std::error::Error for BadPlan {}

/// The short name of the part of a deployment that has the access key: `api` of `AKIALOCALAPI`.
pub fn caller_name(access_key: &str) -> String {
    let name = access_key
        .strip_prefix(LOCAL_KEY_PREFIX)
        .unwrap_or("unknown");
    name.to_ascii_lowercase()
}

impl FaultPlan {
    /// A plan without faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a rule. `calls` is `CALLER/SERVICE/ACTION`, for example `api/ecs/RunTask` or `*/dynamodb/*`.
    #[must_use]
    pub fn with(mut self, calls: &str, when: When, fault: Fault) -> Self {
        let mut fields = calls.splitn(3, '/').map(str::to_owned);
        let mut field = || fields.next().unwrap_or_else(|| "*".to_owned());
        let (caller, service, action) = (field(), field(), field());
        self.rules.push(Rule {
            caller,
            service,
            action,
            when,
            fault,
            seen: 0,
        });
        self
    }

    /// Where the chances begin; the same seed and the same calls give the same faults.
    #[must_use]
    pub const fn seeded(mut self, seed: u64) -> Self {
        self.random = seed;
        self
    }

    fn next(&mut self, caller: &str, service: &str, action: &str) -> Option<Fault> {
        let mut hit = None;
        for rule in &mut self.rules {
            if !rule.means(caller, service, action) {
                continue;
            }
            rule.seen += 1;
            let hits = match rule.when {
                When::Number(number) => rule.seen == number,
                When::From(number) => rule.seen >= number,
                When::PerMille(chance) => splitmix(&mut self.random) % 1000 < chance,
            };
            if hits && hit.is_none() {
                hit = Some(rule.fault.clone());
            }
        }
        hit
    }

    fn read(self, part: &str) -> Option<Self> {
        let mut fields = part.splitn(3, ':');
        let calls = fields
            .next()
            .filter(|calls| calls.split('/').count() >= 3)?;
        let when = fields.next()?;
        let fault = read_fault(fields.next()?)?;
        if let Some((chance, seed)) = when.split_once('/') {
            let plan = self.with(calls, When::PerMille(chance.parse().ok()?), fault);
            return Some(plan.seeded(seed.parse().ok()?));
        }
        let when = match when.strip_suffix('+') {
            Some(first) => When::From(first.parse().ok()?),
            None if when == "*" => When::From(1),
            None => When::Number(when.parse().ok()?),
        };
        Some(self.with(calls, when, fault))
    }
}

impl Rule {
    fn means(&self, caller: &str, service: &str, action: &str) -> bool {
        let is = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        let is_caller = is(&self.caller, caller) || self.caller == caller_name(caller);
        is_caller && is(&self.service, service) && is(&self.action, action)
    }
}

/// Reads a plan as a command line gives it: faults with commas between, for example
/// `api/ecs/RunTask:1:drop-reply,*/dynamodb/*:20/7:throttle` (20 in 1000 calls to DynamoDB, seed 7).
/// Faults are `refuse=CODE`, `throttle`, `delay=MS`, `drop-reply`, `kill-before`, `kill-after`.
impl FromStr for FaultPlan {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let mut parts = text.split(',').filter(|part| !part.is_empty());
        parts.try_fold(Self::none(), |plan, part| {
            plan.read(part).ok_or_else(|| BadPlan(part.to_owned()))
        })
    }
}

fn read_fault(text: &str) -> Option<Fault> {
    Some(match text {
        "throttle" => Fault::Throttle,
        "drop-reply" => Fault::DropReply,
        "kill-before" => Fault::KillBefore,
        "kill-after" => Fault::KillAfter,
        other => match other.split_once('=')? {
            ("refuse", code) => Fault::Refuse(code.to_owned()),
            ("delay", millis) => Fault::DelayMs(millis.parse().ok()?),
            _ => return None,
        },
    })
}

/// The next of a fixed sequence of numbers that look random (`SplitMix64`).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The plan in force; a test sets another at any time.
#[derive(Debug, Default)]
pub struct Faults(Mutex<FaultPlan>);

impl Faults {
    /// From now on this plan is in force, its counts at zero.
    pub fn set(&self, plan: FaultPlan) {
        *lock(&self.0) = plan;
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.set(FaultPlan::none());
    }

    /// Counts a call, and says how it goes wrong, if it does.
    pub(crate) fn next(&self, caller: &str, service: &str, action: &str) -> Option<Fault> {
        lock(&self.0).next(caller, service, action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_counts_only_the_calls_that_it_means() {
        let faults = Faults::default();
        faults.set(
            "api/ecs/RunTask:2:drop-reply,*/dynamodb/*:3+:throttle"
                .parse()
                .unwrap(),
        );
        let next = |caller: &str, service: &str, action: &str| faults.next(caller, service, action);
        assert_eq!(next("AKIALOCALAPI", "ecs", "RunTask"), None);
        assert_eq!(next("AKIALOCALEVENTS", "ecs", "RunTask"), None);
        assert_eq!(next("AKIALOCALAPI", "ecs", "StopTask"), None);
        assert_eq!(
            next("AKIALOCALAPI", "ecs", "RunTask"),
            Some(Fault::DropReply)
        );
        assert_eq!(next("AKIALOCALAPI", "ecs", "RunTask"), None);
        for _ in 0..2 {
            assert_eq!(next("AKIALOCALAGENT", "dynamodb", "GetItem"), None);
        }
        assert_eq!(
            next("AKIALOCALAPI", "dynamodb", "PutItem"),
            Some(Fault::Throttle)
        );
        assert_eq!(
            next("AKIALOCALAPI", "dynamodb", "PutItem"),
            Some(Fault::Throttle)
        );
        faults.clear();
        assert_eq!(next("AKIALOCALAPI", "dynamodb", "PutItem"), None);
    }

    #[test]
    fn a_seed_repeats_its_faults() {
        let run = |seed: u64| -> Vec<bool> {
            let mut plan = FaultPlan::none()
                .with("*/*/*", When::PerMille(300), Fault::Throttle)
                .seeded(seed);
            (0..100)
                .map(|_| plan.next("x", "ecs", "RunTask").is_some())
                .collect()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for bad in [
            "ecs:1:throttle",
            "api/ecs/RunTask",
            "api/ecs/RunTask:x:throttle",
            "a/b/c:1:explode",
            "a/b/c:1:delay=x",
        ] {
            assert!(bad.parse::<FaultPlan>().is_err(), "{bad}");
        }
    }
}
