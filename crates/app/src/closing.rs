//! Closes what is over.

use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::execution::{Billed, Event, Evidence, Execution, later};
use runvoy_core::id::AttemptId;
use runvoy_core::money::{Cost, Money};
use runvoy_ports::{Placement, Presence};

use crate::app::App;
use crate::drive::{Step, until};
use crate::error::AppError;

/// How long after its end nobody needs to be able to say of what is left of an execution: it holds nothing any more.
const MAY_BE_UNKNOWN: Duration = Duration::from_mins(15);
/// How long an ended execution's place may linger before it is stopped by force.
const LINGER: Duration = Duration::from_secs(15);

impl App {
    /// Closes what is over, once nothing of any of its attempts is left.
    pub(crate) async fn close(
        &self,
        execution: &Execution,
        ended_at: Timestamp,
        now: Timestamp,
    ) -> Result<Step, AppError> {
        if let Some(refused) = self.never_launched(execution, now) {
            return self.feed(execution, refused).await;
        }
        if let Some(lease) = execution.lease_until().filter(|lease| *lease > now) {
            return Ok(Step::After(until(lease, now)));
        }
        let newest = execution.attempt().map_or(0, |attempt| attempt.number());
        let mut cost = Cost::of(Money::ZERO);
        let mut is_unknown = false;
        for number in (1..=newest).rev() {
            let placement = Placement {
                attempt: AttemptId::new(execution.id().clone(), number),
                place: None,
            };
            match self.presence(execution, &placement).await {
                Presence::Gone(evidence) => {
                    cost = cost.plus(self.price(execution, number, &evidence));
                }
                // The others are looked at all the same: each may take the launcher its time to tell.
                Presence::Unknown => {
                    is_unknown = true;
                    continue;
                }
                Presence::Running if execution.unreachable_since().is_some() => {
                    return self.feed(execution, Event::Reachable).await;
                }
                Presence::Running => {
                    // An agent that has just finished leaves by itself; anything else is told to.
                    let reported = execution
                        .started()
                        .is_some_and(|started| started.attempt == number);
                    if !reported || later(ended_at, LINGER) <= now {
                        self.parts.launcher.stop(&placement).await;
                    }
                    return Ok(Step::After(self.parts.tuning.ending_poll));
                }
            }
            if let Err(error) = self.parts.launcher.clean_up(&placement.attempt).await {
                tracing::warn!(execution.id = %execution.id(), error = %error, "leftovers cannot be removed");
            }
        }
        if is_unknown && later(ended_at, MAY_BE_UNKNOWN) > now {
            return Ok(Step::Wait);
        }
        if is_unknown {
            return self.unreachable(execution, now).await;
        }
        self.feed(execution, Event::Closed { at: now, cost }).await
    }

    /// A first launch that this process owed and now need not make.
    fn never_launched(&self, execution: &Execution, now: Timestamp) -> Option<Event> {
        let attempt = execution.attempt()?;
        self.owed.take(execution.id())?;
        Some(Event::LaunchRefused {
            at: now,
            attempt: attempt.number(),
            words: "it was over before it was launched".to_owned(),
            is_final: false,
        })
    }

    /// Whether anything of the attempt runs. A container's agent is asked after by its own place first: a provider
    /// finds a place that is named where it does not find it by its label any more. A process is always found by it.
    async fn presence(&self, execution: &Execution, all: &Placement) -> Presence {
        let is_in_container = execution.submission().container.is_some();
        let started = execution
            .started()
            .filter(|started| is_in_container && started.attempt == all.attempt.number());
        if let Some(started) = started {
            let named = Placement {
                attempt: all.attempt.clone(),
                place: Some(started.place.clone()),
            };
            match self.parts.launcher.probe(&named).await {
                Presence::Gone(_) => {}
                presence @ (Presence::Running | Presence::Unknown) => return presence,
            }
        }
        self.parts.launcher.probe(all).await
    }

    /// What an attempt cost: what the provider says that it bills or, where it says nothing any more of an attempt
    /// that ran, the time from its start to its end.
    fn price(&self, execution: &Execution, attempt: u32, evidence: &Evidence) -> Cost {
        let Some(container) = &execution.submission().container else {
            return Cost::of(Money::ZERO);
        };
        let ran = execution
            .started()
            .filter(|started| started.attempt == attempt && evidence.billed.is_empty())
            .zip(execution.ended())
            .map(|(started, (_, until))| Billed {
                from: started.at,
                until,
            });
        let billed = evidence.billed.iter().copied().chain(ran);
        let prices = billed.filter_map(|billed| {
            let duration = billed.until.duration_since(billed.from);
            let duration = Duration::try_from(duration).unwrap_or_default();
            self.parts.launcher.price(container, duration)
        });
        prices.fold(Cost::of(Money::ZERO), Cost::plus)
    }

    /// What the execution has cost so far. Until it is closed that is an estimate, from its start on; afterwards only
    /// where the provider's own prices are not known.
    pub fn cost(&self, execution: &Execution) -> Option<Cost> {
        let container = execution.submission().container.as_ref();
        let price = |ran| self.parts.launcher.price(container?, ran);
        if let Some(amount) = execution.cost() {
            return Some(Cost {
                amount,
                public_ipv4: execution.public_ipv4(),
                is_estimate: price(Duration::ZERO).is_some_and(|price| price.is_estimate),
            });
        }
        let started = execution.started()?;
        let until = execution.ended().map_or_else(|| self.now(), |(_, at)| at);
        let ran = Duration::try_from(until.duration_since(started.at)).unwrap_or_default();
        price(ran).map(|price| Cost {
            is_estimate: true,
            ..price
        })
    }
}
