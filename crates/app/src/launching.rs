//! Launches: recorded with a lease first, then asked for.

use jiff::Timestamp;
use runvoy_core::execution::{Event, Execution, later};
use runvoy_ports::{LaunchError, LaunchRequest, Presence};

use crate::app::{App, LaunchStyle};
use crate::change::{Applied, Cause};
use crate::drive::{Step, placement};
use crate::error::{AppError, chain};

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

    /// A launch whose answer nobody wrote down, and whose lease is over: it was accepted where its place runs, else
    /// it is asked for again in the same words.
    pub(crate) async fn launch_again(
        &self,
        execution: &Execution,
        now: Timestamp,
    ) -> Result<Step, AppError> {
        let presence = match (placement(execution), self.parts.tuning.launch_style) {
            (Some(placement), LaunchStyle::Swift) => self.parts.launcher.probe(&placement).await,
            (_, LaunchStyle::Careful) | (None, LaunchStyle::Swift) => Presence::Unknown,
        };
        match (presence, execution.attempt()) {
            (Presence::Running, Some(attempt)) => {
                let attempt = attempt.number();
                self.feed(execution, Event::LaunchAccepted { attempt })
                    .await
            }
            (_, _) => self.launch(execution, now).await,
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
            Err(LaunchError::Refused(words)) => {
                tracing::warn!(execution.id = %execution.id(), attempt = request.attempt.number(), words, "launch refused");
                Event::LaunchRefused {
                    at: self.now(),
                    attempt: request.attempt.number(),
                    words,
                }
            }
            Err(error @ LaunchError::Unknown(_)) => {
                tracing::warn!(execution.id = %execution.id(), error = %chain(&error), "launch unanswered; asked again when its lease ends");
                return Ok(Step::After(self.parts.tuning.launch_lease));
            }
        };
        self.feed(execution, answer).await
    }
}
