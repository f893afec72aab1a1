//! Launches: recorded with a lease first, then asked for.

use jiff::Timestamp;
use runvoy_core::error::chain;
use runvoy_core::execution::{Event, Evidence, Execution, later};
use runvoy_core::id::ExecutionId;
use runvoy_ports::{LaunchError, LaunchRequest, Presence};

use crate::app::{App, LaunchStyle};
use crate::change::{Applied, Cause};
use crate::drive::{Step, placement, until};
use crate::error::AppError;

impl App {
    /// Records the attempt with a lease, then asks the launcher.
    pub(crate) async fn launch(
        &self,
        execution: &Execution,
        now: Timestamp,
    ) -> Result<Step, AppError> {
        let intended = Event::LaunchIntended {
            at: now,
            lease_until: later(now, self.parts.tuning.launch_lease),
        };
        let applied = self
            .apply(execution.id(), &Cause::system(), |_| Some(intended.clone()))
            .await?;
        let Applied::Changed(execution) = applied else {
            return Ok(Step::Again);
        };
        self.place(&execution).await
    }

    /// The execution as it was recorded, if its first launch is this process's to make and its lease still runs.
    /// Beyond the lease somebody else may have made it.
    pub(crate) fn owed_in_time(&self, id: &ExecutionId) -> Option<Execution> {
        let now = self.now();
        let owed = self.owed.take(id)?;
        owed.lease_until()
            .is_some_and(|lease| lease > now)
            .then_some(owed)
    }

    /// A launch that nobody has accounted for. Whatever the provider knows of it, it was accepted; else it is asked
    /// for again in the same words when its lease is over.
    pub(crate) async fn step_placing(
        &self,
        execution: &Execution,
        now: Timestamp,
    ) -> Result<Step, AppError> {
        if let (LaunchStyle::Swift, Some(placement)) =
            (self.parts.tuning.launch_style, placement(execution))
        {
            let is_known = match self.parts.launcher.probe(&placement).await {
                Presence::Running => true,
                Presence::Gone(evidence) => evidence != Evidence::default(),
                Presence::Unknown => false,
            };
            let attempt = placement.attempt.number();
            if is_known {
                let accepted = Event::LaunchAccepted { attempt };
                return self.feed(execution, accepted).await;
            }
        }
        match execution.lease_until() {
            Some(lease) if lease > now => Ok(Step::After(until(lease, now))),
            Some(_) | None => self.launch(execution, now).await,
        }
    }

    /// Asks the launcher for the newest attempt, which is recorded.
    pub(crate) async fn place(&self, execution: &Execution) -> Result<Step, AppError> {
        let Some(attempt) = execution.attempt() else {
            return Ok(Step::Again);
        };
        let request = LaunchRequest {
            token: self.parts.key.bootstrap_token(&attempt),
            attempt,
            container: execution.submission().container.clone(),
        };
        let answer = match self.parts.launcher.launch(&request).await {
            Ok(()) if self.parts.tuning.launch_style == LaunchStyle::Swift => {
                return Ok(Step::Wait);
            }
            Ok(()) => Event::LaunchAccepted {
                attempt: request.attempt.number(),
            },
            Err(error @ LaunchError::Unknown(_)) => {
                tracing::warn!(execution.id = %execution.id(), error = %chain(&error), "launch unanswered; asked again when its lease ends");
                return Ok(Step::After(self.parts.tuning.launch_lease));
            }
            Err(refusal @ (LaunchError::Refused(_) | LaunchError::Impossible(_))) => {
                tracing::warn!(execution.id = %execution.id(), attempt = request.attempt.number(), %refusal, "launch refused");
                Event::LaunchRefused {
                    at: self.now(),
                    attempt: request.attempt.number(),
                    words: refusal.to_string(),
                    is_final: matches!(refusal, LaunchError::Impossible(_)),
                }
            }
        };
        self.feed(execution, answer).await
    }
}
