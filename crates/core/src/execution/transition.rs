//! What an event does to an execution: one total function.

use jiff::Timestamp;

use super::{
    Event, Evidence, Execution, LaunchStep, ProviderWord, RETRY_DELAYS, START_LIMIT, Started,
    State, Stop, StopCause, later,
};
use crate::lock::Fence;
use crate::money::Cost;
use crate::outcome::{EndedBy, Outcome, Reason, Report};

/// Why an attempt came to nothing.
#[derive(Debug, Clone, Copy)]
struct Refusal<'a> {
    words: &'a str,
    /// Whether every other attempt would.
    is_final: bool,
}

impl Execution {
    /// The execution after `event`, or `None` where the event changes nothing.
    /// Total: any event in any state, in any order, any number of times. An outcome, once set, stands.
    #[must_use]
    pub fn transition(&self, event: &Event) -> Option<Self> {
        if self.is_closed() {
            return None;
        }
        match event {
            Event::Admitted { at, fence } => self.admitted(*at, *fence),
            Event::TurnedAway { at, outcome } => {
                matches!(self.state, State::Queued).then(|| self.end(*at, outcome.clone()))
            }
            Event::StopAsked { at, cause } => self.stop_asked(*at, *cause),
            Event::LaunchIntended { at, lease_until } => self.launch_intended(*at, *lease_until),
            Event::LaunchAccepted { attempt } => self.launch_accepted(*attempt),
            Event::LaunchRefused {
                at,
                attempt,
                words,
                is_final,
            } => {
                let is_final = *is_final;
                self.launch_refused(*at, *attempt, Refusal { words, is_final })
            }
            Event::StartOverdue { at, words } => self.start_overdue(*at, words),
            Event::Started {
                at,
                attempt,
                nonce,
                session,
                place,
            } => self.start(Started {
                at: *at,
                attempt: *attempt,
                nonce: nonce.clone(),
                session: session.clone(),
                place: place.clone(),
            }),
            Event::Finished {
                at,
                session,
                report,
                words,
            } => {
                let (started, stop) = self.running()?;
                let end = || self.end(*at, Outcome::reported(under(stop, *report), words.clone()));
                (started.session == *session).then(end)
            }
            Event::Gone {
                at,
                attempt,
                evidence,
            } => self.gone(*at, *attempt, evidence),
            Event::Unreachable { at } => self.unreachable(Some(*at)),
            Event::Reachable => self.unreachable(None),
            Event::LockLost => self.lock_lost(),
            Event::Closed { at, cost } => self.close(*at, *cost),
        }
    }

    fn admitted(&self, at: Timestamp, fence: Fence) -> Option<Self> {
        if !matches!(self.state, State::Queued) {
            return None;
        }
        let mut next = self.with(State::Starting {
            since: at,
            step: LaunchStep::Due { at },
        });
        next.fence = Some(fence);
        Some(next)
    }

    /// The first time at which nobody could tell stands until somebody can again.
    fn unreachable(&self, since: Option<Timestamp>) -> Option<Self> {
        if self.unreachable_since.is_some() == since.is_some() {
            return None;
        }
        let mut next = self.clone();
        next.unreachable_since = since;
        Some(next)
    }

    fn lock_lost(&self) -> Option<Self> {
        if self.fence.is_none() || self.lock_lost {
            return None;
        }
        let mut next = self.clone();
        next.lock_lost = true;
        Some(next)
    }

    fn stop_asked(&self, at: Timestamp, cause: StopCause) -> Option<Self> {
        match (&self.state, cause) {
            (State::Queued | State::Starting { .. }, StopCause::Cancelled) => {
                Some(self.end(at, Outcome::without_code(Reason::Cancelled, None)))
            }
            (State::Running { started }, _) => Some(self.with(State::Terminating {
                started: started.clone(),
                stop: Stop { at, cause },
            })),
            (
                State::Queued
                | State::Starting { .. }
                | State::Terminating { .. }
                | State::Ended { .. },
                _,
            ) => None,
        }
    }

    fn launch_intended(&self, at: Timestamp, lease_until: Timestamp) -> Option<Self> {
        let State::Starting { since, step } = &self.state else {
            return None;
        };
        let attempt = match step {
            LaunchStep::Due { at: due } if *due <= at => self.attempt.checked_add(1)?,
            LaunchStep::Placing if self.lease_until.is_none_or(|lease| lease <= at) => self.attempt,
            LaunchStep::Due { .. } | LaunchStep::Placing | LaunchStep::Placed => return None,
        };
        let mut next = self.with(State::Starting {
            since: *since,
            step: LaunchStep::Placing,
        });
        next.attempt = attempt;
        next.lease_until = Some(lease_until);
        Some(next)
    }

    fn launch_accepted(&self, attempt: u32) -> Option<Self> {
        if attempt != self.attempt || self.lease_until.is_none() {
            return None;
        }
        let state = match &self.state {
            State::Starting {
                since,
                step: LaunchStep::Placing,
            } => State::Starting {
                since: *since,
                step: LaunchStep::Placed,
            },
            State::Queued
            | State::Starting { .. }
            | State::Running { .. }
            | State::Terminating { .. }
            | State::Ended { .. } => self.state.clone(),
        };
        let mut next = self.with(state);
        next.lease_until = None;
        Some(next)
    }

    fn launch_refused(&self, at: Timestamp, attempt: u32, refusal: Refusal<'_>) -> Option<Self> {
        let Refusal { words, is_final } = refusal;
        if attempt != self.attempt || attempt == 0 {
            return None;
        }
        let retry = RETRY_DELAYS.get(attempt as usize - 1);
        let mut next = match &self.state {
            State::Starting {
                step: LaunchStep::Due { .. },
                ..
            } => return None,
            State::Starting { since, .. } => match retry.filter(|_| !is_final) {
                Some(delay) => self.with(State::Starting {
                    since: *since,
                    step: LaunchStep::Due {
                        at: later(at, *delay),
                    },
                }),
                None => self.end(
                    at,
                    Outcome::without_code(Reason::LaunchFailed, Some(words.to_owned())),
                ),
            },
            State::Queued
            | State::Running { .. }
            | State::Terminating { .. }
            | State::Ended { .. } => {
                self.lease_until?;
                self.clone()
            }
        };
        next.lease_until = None;
        next.launch_words = Some(words.to_owned());
        Some(next)
    }

    fn start_overdue(&self, at: Timestamp, words: &str) -> Option<Self> {
        match &self.state {
            State::Starting { since, .. } if later(*since, START_LIMIT) <= at => Some(self.end(
                at,
                Outcome::without_code(Reason::LaunchFailed, Some(words.to_owned())),
            )),
            State::Queued
            | State::Starting { .. }
            | State::Running { .. }
            | State::Terminating { .. }
            | State::Ended { .. } => None,
        }
    }

    /// The commit point: only the newest attempt, only once, only while its launch has not been refused.
    fn start(&self, started: Started) -> Option<Self> {
        match &self.state {
            State::Starting {
                step: LaunchStep::Placing | LaunchStep::Placed,
                ..
            } if started.attempt == self.attempt => {
                let mut next = self.with(State::Running { started });
                next.lease_until = None;
                next.unreachable_since = None;
                Some(next)
            }
            State::Queued
            | State::Starting { .. }
            | State::Running { .. }
            | State::Terminating { .. }
            | State::Ended { .. } => None,
        }
    }

    fn gone(&self, at: Timestamp, attempt: u32, evidence: &Evidence) -> Option<Self> {
        if let State::Starting {
            step: LaunchStep::Placed,
            ..
        } = self.state
        {
            let words = evidence
                .words
                .as_deref()
                .unwrap_or("the place ended before its agent had started");
            let is_final = evidence.is_final;
            return self.launch_refused(at, attempt, Refusal { words, is_final });
        }
        let (started, stop) = self.running()?;
        if started.attempt != attempt {
            return None;
        }
        let reason = match (evidence.report, stop, evidence.word) {
            (Some(report), stop, _) => {
                return Some(self.end(
                    at,
                    Outcome::reported(under(stop, report), evidence.words.clone()),
                ));
            }
            (None, Some(stop), _) => stop.cause.reason(),
            (None, None, _) if self.runs_until().is_some_and(|until| until <= at) => {
                Reason::TimedOut
            }
            (None, None, Some(ProviderWord::OutOfMemory)) => Reason::OutOfMemory,
            (None, None, Some(ProviderWord::Interrupted)) => Reason::Interrupted,
            (None, None, None) => Reason::AgentLost,
        };
        Some(self.end(at, Outcome::without_code(reason, evidence.words.clone())))
    }

    fn close(&self, at: Timestamp, cost: Cost) -> Option<Self> {
        match &self.state {
            State::Ended {
                started,
                outcome,
                at: ended_at,
                closed_at: None,
            } if self.lease_until.is_none_or(|lease| lease <= at) => {
                let (started, outcome) = (started.clone(), outcome.clone());
                let mut next = self.with(State::Ended {
                    started,
                    outcome,
                    at: *ended_at,
                    closed_at: Some(at),
                });
                next.cost = Some(cost.amount);
                next.public_ipv4 = cost.public_ipv4;
                next.lease_until = None;
                next.unreachable_since = None;
                Some(next)
            }
            State::Queued
            | State::Starting { .. }
            | State::Running { .. }
            | State::Terminating { .. }
            | State::Ended { .. } => None,
        }
    }

    fn running(&self) -> Option<(&Started, Option<&Stop>)> {
        match &self.state {
            State::Running { started } => Some((started, None)),
            State::Terminating { started, stop } => Some((started, Some(stop))),
            State::Queued | State::Starting { .. } | State::Ended { .. } => None,
        }
    }

    fn end(&self, at: Timestamp, outcome: Outcome) -> Self {
        let started = self.started().cloned();
        let mut next = self.with(State::Ended {
            started,
            outcome,
            at,
            closed_at: None,
        });
        next.sealed = None;
        next.unreachable_since = None;
        next
    }

    fn with(&self, state: State) -> Self {
        let mut next = self.clone();
        next.state = state;
        next
    }
}

impl StopCause {
    const fn reason(self) -> Reason {
        match self {
            Self::Cancelled => Reason::Cancelled,
            Self::TimedOut => Reason::TimedOut,
        }
    }
}

/// Whoever carried out a stop that the control plane asked for, the cause is the control plane's.
fn under(stop: Option<&Stop>, report: Report) -> Report {
    let ended_by = match (report.ended_by, stop.map(|stop| stop.cause)) {
        (EndedBy::Signal, Some(StopCause::Cancelled)) => EndedBy::Cancel,
        (EndedBy::Signal | EndedBy::Cancel, Some(StopCause::TimedOut)) => EndedBy::Timeout,
        (
            by @ (EndedBy::Signal
            | EndedBy::Cancel
            | EndedBy::Itself
            | EndedBy::Timeout
            | EndedBy::OutOfMemory),
            _,
        ) => by,
    };
    Report { ended_by, ..report }
}
