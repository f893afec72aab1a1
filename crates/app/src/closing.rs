//! Closes what is over.

use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::execution::{Event, Execution, later};
use runvoy_core::id::AttemptId;
use runvoy_core::money::Money;
use runvoy_ports::{Placement, Presence};

use crate::app::App;
use crate::drive::{Step, until};
use crate::error::AppError;

/// How soon to look again at a place that is just ending.
const ENDING_POLL: Duration = Duration::from_millis(5);
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
        let never_launched = execution
            .attempt()
            .filter(|_| self.owed.take(execution.id()));
        if let Some(attempt) = never_launched {
            let words = "it was over before it was launched".to_owned();
            let attempt = attempt.number();
            return self
                .feed(
                    execution,
                    Event::LaunchRefused {
                        at: now,
                        attempt,
                        words,
                    },
                )
                .await;
        }
        if let Some(lease) = execution.lease_until().filter(|lease| *lease > now) {
            return Ok(Step::After(until(lease, now)));
        }
        let newest = execution.attempt().map_or(0, |attempt| attempt.number());
        for number in (1..=newest).rev() {
            let placement = Placement {
                attempt: AttemptId::new(execution.id().clone(), number),
                place: None,
            };
            match self.parts.launcher.probe(&placement).await {
                Presence::Gone(_) => {}
                Presence::Unknown => return self.still_there(execution, now).await,
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
                    return Ok(Step::After(ENDING_POLL));
                }
            }
            if let Err(error) = self.parts.launcher.clean_up(&placement.attempt).await {
                tracing::warn!(execution.id = %execution.id(), error = %error, "leftovers cannot be removed");
            }
        }
        self.feed(
            execution,
            Event::Closed {
                at: now,
                cost: Money::ZERO,
            },
        )
        .await
    }

    async fn still_there(&self, execution: &Execution, now: Timestamp) -> Result<Step, AppError> {
        if execution.unreachable_since().is_some() {
            return Ok(Step::Wait);
        }
        self.feed(execution, Event::Unreachable { at: now }).await
    }
}
