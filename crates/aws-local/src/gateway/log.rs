//! What was called, by whom, when.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use super::permission::Permission;
use crate::call::Call;
use crate::faults::{Fault, caller_name};
use crate::sync::lock;

/// One call, as the gateway saw it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The access key of the caller.
    pub caller: String,
    /// The service.
    pub service: String,
    /// The operation.
    pub action: String,
    /// The permissions that it needs.
    pub needs: Vec<Permission>,
    /// When it arrived.
    pub started: Instant,
    /// When it was answered; none while it is under way.
    pub ended: Option<Instant>,
    /// The status of the answer; none while it is under way, and where the answer was withheld.
    pub status: Option<u16>,
    /// How it went wrong on purpose.
    pub fault: Option<Fault>,
}

/// A moment in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

/// All calls since the gateway was started.
#[derive(Debug, Default)]
pub struct CallLog(Mutex<Vec<Recorded>>);

impl CallLog {
    /// This moment.
    pub fn mark(&self) -> Mark {
        Mark(lock(&self.0).len())
    }

    /// All calls so far.
    pub fn all(&self) -> Vec<Recorded> {
        lock(&self.0).clone()
    }

    /// The calls since then of the caller, given by access key or short name (`api`); `*` for everybody.
    pub fn since(&self, mark: Mark, caller: &str) -> Vec<Recorded> {
        let calls = lock(&self.0);
        let is_meant = |call: &&Recorded| {
            caller == "*" || call.caller == caller || caller_name(&call.caller) == caller
        };
        calls
            .iter()
            .skip(mark.0)
            .filter(is_meant)
            .cloned()
            .collect()
    }

    /// How many times since then the caller waited for answers, one after the other; overlapping calls are one wait.
    pub fn round_trips(&self, mark: Mark, caller: &str) -> usize {
        let mut trips = 0;
        let mut busy_until: Option<Instant> = None;
        for call in self.since(mark, caller) {
            let end = call.ended.unwrap_or_else(Instant::now);
            if busy_until.is_none_or(|until| call.started >= until) {
                trips += 1;
            }
            busy_until = busy_until.max(Some(end));
        }
        trips
    }

    /// Every permission that the caller has needed so far.
    pub fn permissions(&self, caller: &str) -> BTreeSet<Permission> {
        let calls = self.since(Mark(0), caller);
        calls.into_iter().flat_map(|call| call.needs).collect()
    }

    pub(super) fn begin(
        &self,
        call: &Call,
        action: String,
        needs: Vec<Permission>,
        fault: Option<Fault>,
    ) -> usize {
        let mut calls = lock(&self.0);
        calls.push(Recorded {
            caller: call.caller.clone(),
            service: call.service.clone(),
            action,
            needs,
            started: Instant::now(),
            ended: None,
            status: None,
            fault,
        });
        calls.len() - 1
    }

    pub(super) fn end(&self, number: usize, status: Option<u16>) {
        if let Some(call) = lock(&self.0).get_mut(number) {
            call.ended = Some(Instant::now());
            call.status = status;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn overlapping_calls_are_one_round_trip() {
        let zero = Instant::now();
        let at = |millis: u64| zero + Duration::from_millis(millis);
        let call = |from: u64, until: u64| Recorded {
            caller: "AKIALOCALAPI".to_owned(),
            service: "dynamodb".to_owned(),
            action: "GetItem".to_owned(),
            needs: Vec::new(),
            started: at(from),
            ended: Some(at(until)),
            status: Some(200),
            fault: None,
        };
        let log = CallLog(Mutex::new(vec![
            call(0, 10),
            call(5, 30),
            call(20, 25),
            call(30, 40),
            call(50, 60),
        ]));
        assert_eq!(log.round_trips(Mark(0), "api"), 3);
        assert_eq!(log.round_trips(Mark(3), "AKIALOCALAPI"), 2);
        assert_eq!(log.round_trips(Mark(0), "agent"), 0);
    }
}
