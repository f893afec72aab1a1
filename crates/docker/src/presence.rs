//! Whether a container runs, and what one that does not has left.

use std::sync::{Mutex, PoisonError};

use bollard::models::{ContainerState, ContainerStateStatusEnum as Status};
use jiff::{SignedDuration, Timestamp};
use runvoy_core::execution::{Evidence, ProviderWord};
use runvoy_core::id::AttemptId;
use runvoy_ports::{Placement, Presence};

use crate::attempt;
use crate::call::CallError;
use crate::launcher::Inner;
use crate::ongoing::Failure;
use crate::words::fit;

/// What a process that was killed ends with, and one whose end the engine has not seen.
const KILLED: i64 = 137;
const UNSEEN: i64 = 255;
/// An engine that was away so shortly before a container's end, or right after it, has to do with that end.
const OUTAGE: SignedDuration = SignedDuration::from_mins(1);

/// When the engine was last found away.
#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<Option<Timestamp>>);

impl Outages {
    /// It is away now.
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the engine's clock, and with nothing of the control plane's"
    )]
    pub(crate) fn note(&self) {
        self.note_at(Timestamp::now());
    }

    fn note_at(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Whether something that ended then may have been ended by the engine itself.
    fn explains(&self, ended: Timestamp) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| ended.duration_since(last).abs() <= OUTAGE)
    }
}

impl Inner {
    pub(crate) async fn presence(&self, placement: &Placement) -> Result<Presence, CallError> {
        let attempt = &placement.attempt;
        let is_ours = |place| attempt::is_on(place, self.engine.id());
        if !placement.place.as_ref().is_none_or(is_ours) {
            return Ok(Presence::Unknown);
        }
        if self.ongoing.is_working(attempt) {
            return Ok(Presence::Running);
        }
        let name = attempt::container(attempt);
        let found = self.engine.docker().inspect_container(&name, None).await;
        let state = match found.map_err(CallError::from) {
            Ok(found) => found.state.unwrap_or_default(),
            Err(error) if error.is_absent() => return self.absent(attempt).await,
            Err(error) => return Err(error),
        };
        match state.status {
            Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING | Status::STOPPING) => {
                Ok(Presence::Running)
            }
            Some(Status::CREATED) => self.abandoned(attempt).await,
            Some(Status::EXITED | Status::DEAD | Status::REMOVING) => {
                Ok(Presence::Gone(self.evidence(attempt, &state).await?))
            }
            Some(Status::EMPTY) | None => Ok(Presence::Unknown),
        }
    }

    /// No container: nothing runs, if this is the engine that would know.
    async fn absent(&self, attempt: &AttemptId) -> Result<Presence, CallError> {
        if !self.engine.is_same().await? {
            return Ok(Presence::Unknown);
        }
        let failure = self.ongoing.failure(attempt);
        Ok(Presence::Gone(Failure::evidence(failure)))
    }

    /// A container that was made and never started: whoever made it died, or got no answer. It must not start now.
    async fn abandoned(&self, attempt: &AttemptId) -> Result<Presence, CallError> {
        let failure = self.ongoing.failure(attempt);
        let Some(work) = self.ongoing.begin(attempt) else {
            return Ok(Presence::Running);
        };
        let removed = self.remove_container(attempt).await;
        if let Some(failure) = failure.clone() {
            work.fail(failure);
        }
        match removed {
            Ok(()) => Ok(Presence::Gone(Failure::evidence(failure))),
            // It was started meanwhile.
            Err(error) if error.is_conflict() => Ok(Presence::Running),
            Err(error) => Err(error),
        }
    }

    async fn evidence(
        &self,
        attempt: &AttemptId,
        state: &ContainerState,
    ) -> Result<Evidence, CallError> {
        let tail = self.tail(attempt).await?;
        if let Some(report) = tail.report() {
            return Ok(Evidence {
                report: Some(report),
                ..Evidence::default()
            });
        }
        let end = End::of(state);
        let word = match end.code {
            _ if end.is_out_of_memory => Some(ProviderWord::OutOfMemory),
            UNSEEN => Some(ProviderWord::Interrupted),
            // An engine that comes back ends what it finds running, and does not know its code.
            0 | KILLED if end.at.is_some_and(|at| self.outages.explains(at)) => {
                Some(ProviderWord::Interrupted)
            }
            _ => None,
        };
        Ok(Evidence {
            word,
            words: tail.complaint().or_else(|| Some(end.words(word))),
            ..Evidence::default()
        })
    }
}

/// How a container ended.
#[derive(Debug)]
struct End {
    code: i64,
    is_out_of_memory: bool,
    /// In the engine's words; empty where it has none.
    error: String,
    at: Option<Timestamp>,
}

impl End {
    fn of(state: &ContainerState) -> Self {
        Self {
            code: state.exit_code.unwrap_or_default(),
            is_out_of_memory: state.oom_killed == Some(true),
            error: state.error.as_deref().map(fit).unwrap_or_default(),
            at: state.finished_at.as_deref().and_then(|at| at.parse().ok()),
        }
    }

    fn words(&self, word: Option<ProviderWord>) -> String {
        if !self.error.is_empty() {
            return self.error.clone();
        }
        let at = self
            .at
            .map_or_else(String::new, |at| format!(" at {at:.0}"));
        match word {
            Some(ProviderWord::OutOfMemory) => format!("the container ran out of memory{at}"),
            Some(ProviderWord::Interrupted) => {
                format!("the container ended while the Docker Engine was away{at}")
            }
            None => format!("the container ended with code {}{at}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_soon_after_an_outage_is_the_engines() {
        let outages = Outages::default();
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        assert!(!outages.explains(now));
        outages.note_at(now);
        assert!(outages.explains(now));
        assert!(!outages.explains(now + SignedDuration::from_mins(5)));
        assert!(!outages.explains(now - SignedDuration::from_mins(5)));
    }

    #[test]
    fn an_end_is_told_in_the_engines_words_or_by_its_code() {
        let state = |error: &str| ContainerState {
            exit_code: Some(KILLED),
            error: Some(error.to_owned()),
            finished_at: Some("2026-03-01T10:00:00.5Z".to_owned()),
            ..ContainerState::default()
        };
        assert_eq!(End::of(&state("no room ")).words(None), "no room");
        let at = "at 2026-03-01T10:00:00Z";
        let words = |word| End::of(&state("")).words(word);
        assert_eq!(
            words(None),
            format!("the container ended with code 137 {at}")
        );
        assert_eq!(
            words(Some(ProviderWord::OutOfMemory)),
            format!("the container ran out of memory {at}")
        );
        assert_eq!(
            words(Some(ProviderWord::Interrupted)),
            format!("the container ended while the Docker Engine was away {at}")
        );
    }
}
