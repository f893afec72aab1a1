//! What agents ask for: to start, to hand over lines, to show that they live, to finish.

use jiff::Timestamp;
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Event, Execution, State};
use runvoy_core::id::{AttemptId, BootNonce, ExecutionId, Place, SessionId};
use runvoy_core::log::{Entry, Seq};
use runvoy_core::outcome::Report;
use runvoy_ports::Appended;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::{App, Tuning};
use crate::change::{About, Cause};
use crate::error::{AppError, ErrorKind};
use crate::stack_key::{SpecValues, session_id};

/// Who calls: an attempt, and the token it shows.
#[derive(Debug)]
pub struct AgentCall<'a> {
    /// The attempt named in the address.
    pub attempt: &'a AttemptId,
    /// The bearer token.
    pub token: &'a str,
}

/// An agent's wish to run its attempt.
#[derive(Debug)]
pub struct Start {
    /// The agent's boot.
    pub nonce: BootNonce,
    /// Where it runs.
    pub place: Place,
}

/// The answer to a start.
#[derive(Debug)]
pub struct StartAnswer {
    /// The token of all further calls.
    pub session: SecretString,
    /// What to run; `None`: a stop was asked for, run nothing and finish.
    pub run: Option<StartedRun>,
    /// The record.
    pub execution: Execution,
    /// Running time left, in milliseconds.
    pub timeout_left_ms: u64,
}

/// What an agent is to run, beside what the record says.
#[derive(Debug)]
pub struct StartedRun {
    /// Values of its variables.
    pub values: SpecValues,
}

/// The answer to lines and heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushAnswer {
    /// The number that the next entry must carry.
    pub next: Seq,
    /// A stop was asked for.
    pub cancel: bool,
    /// Whether somebody reads along.
    pub is_followed: bool,
}

/// An agent's report of the end.
#[derive(Debug, Clone)]
pub struct Finish {
    /// How it ended.
    pub report: Report,
    /// When, by the agent's clock.
    pub ended_at: Timestamp,
    /// The number of the last log entry.
    pub last_seq: Seq,
    /// Why the command could not be started, where so.
    pub message: Option<String>,
}

/// Whether the end was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishAnswer {
    /// `false`: entries are missing.
    pub is_accepted: bool,
    /// The number that the next entry must carry.
    pub next: Seq,
}

impl App {
    /// Intervals to tell agents.
    pub fn tuning(&self) -> &Tuning {
        &self.parts.tuning
    }

    /// The commit point: binds this boot of the agent to the execution, or tells it to leave.
    pub async fn agent_start(
        &self,
        call: &AgentCall<'_>,
        start: &Start,
    ) -> Result<StartAnswer, AppError> {
        if !self.parts.key.is_bootstrap_token(call.attempt, call.token) {
            return Err(AppError::new(
                ErrorKind::InvalidKey,
                "this token does not fit the attempt",
            ));
        }
        let session = self.parts.key.session_token(call.attempt, &start.nonce);
        let bound = self
            .until_committed(|| self.bind_agent(call, start, &session))
            .await?;
        match bound {
            Some(execution) => self.start_again(execution, session),
            None => self.refuse_agent(call, start).await,
        }
    }

    /// The execution, bound to this boot now or before; `None` where the agent must leave.
    async fn bind_agent(
        &self,
        call: &AgentCall<'_>,
        start: &Start,
        session: &SecretString,
    ) -> Result<Option<Execution>, AppError> {
        let id = call.attempt.execution();
        let Some(before) = self.store().find_execution(id).await? else {
            return Err(AppError::leave("no such execution"));
        };
        if let Some(started) = before.value.started() {
            let is_same = started.nonce == start.nonce && started.attempt == call.attempt.number();
            return Ok(is_same.then_some(before.value));
        }
        let event = Event::Started {
            at: self.now(),
            attempt: call.attempt.number(),
            nonce: start.nonce.clone(),
            session: session_id(session.expose_secret()),
            place: start.place.clone(),
        };
        Ok(self
            .commit_event(&before, &event, &Cause::agent(id), None, Vec::new())
            .await?)
    }

    /// The answer to the agent that is bound, the first time and every other.
    fn start_again(
        &self,
        execution: Execution,
        session: SecretString,
    ) -> Result<StartAnswer, AppError> {
        let left = execution.runs_until().map_or(0, |until| {
            until.duration_since(self.now()).as_millis().max(0)
        });
        let timeout_left_ms = u64::try_from(left).unwrap_or_default();
        let run = match execution.state() {
            State::Running { .. } => Some(StartedRun {
                values: self.unseal(&execution)?,
            }),
            State::Terminating { .. } => None,
            State::Queued | State::Starting { .. } | State::Ended { .. } => {
                return Err(AppError::leave("the execution is over"));
            }
        };
        Ok(StartAnswer {
            session,
            run,
            execution,
            timeout_left_ms,
        })
    }

    fn unseal(&self, execution: &Execution) -> Result<SpecValues, AppError> {
        let Some(sealed) = execution.sealed() else {
            return Ok(SpecValues::default());
        };
        let values = self.parts.key.unseal(execution.id(), sealed);
        values.ok_or_else(|| {
            AppError::new(
                ErrorKind::Internal,
                "the variables cannot be unsealed; was the stack key replaced?",
            )
        })
    }

    async fn refuse_agent(
        &self,
        call: &AgentCall<'_>,
        start: &Start,
    ) -> Result<StartAnswer, AppError> {
        let id = call.attempt.execution();
        let details = format!(
            "attempt {} at {} may not start",
            call.attempt.number(),
            start.place
        );
        let about = About {
            execution: Some(id.clone()),
            user: None,
            details,
        };
        self.commit(
            &Cause::agent(id),
            AuditAction::AgentRefused,
            about,
            Vec::new(),
        )
        .await?;
        Err(AppError::leave(
            "another agent runs this execution, or it is over",
        ))
    }

    /// Stores lines, and answers where the log stands. No lines: a heartbeat.
    pub async fn agent_push(
        &self,
        call: &AgentCall<'_>,
        entries: &[Entry],
    ) -> Result<PushAnswer, AppError> {
        self.require_session(call)?;
        let id = call.attempt.execution();
        let appended = self
            .store()
            .append(id, &session_id(call.token), entries, self.now())
            .await?;
        let Appended::Next(next) = appended else {
            return Err(AppError::leave("the session is over"));
        };
        if !entries.is_empty() {
            self.wakeups.wake(id);
        }
        let execution = self
            .store()
            .find_execution(id)
            .await?
            .map(|found| found.value);
        let cancel =
            execution.is_none_or(|execution| !matches!(execution.state(), State::Running { .. }));
        Ok(PushAnswer {
            next,
            cancel,
            is_followed: self.wakeups.is_followed(id),
        })
    }

    /// Only this deployment makes such tokens; which of them is the live one is the store's to say.
    fn require_session(&self, call: &AgentCall<'_>) -> Result<(), AppError> {
        if self.parts.key.is_session_token(call.attempt, call.token) {
            Ok(())
        } else {
            Err(AppError::leave("the session is unknown"))
        }
    }

    /// Records the end, if the log is whole. Repeated by the same session, it is accepted again.
    pub async fn agent_finish(
        &self,
        call: &AgentCall<'_>,
        finish: &Finish,
    ) -> Result<FinishAnswer, AppError> {
        self.require_session(call)?;
        let session = session_id(call.token);
        self.until_committed(|| self.finish_once(call.attempt.execution(), &session, finish))
            .await
    }

    async fn finish_once(
        &self,
        id: &ExecutionId,
        session: &SessionId,
        finish: &Finish,
    ) -> Result<FinishAnswer, AppError> {
        let Some(before) = self.store().find_execution(id).await? else {
            return Err(AppError::leave("no such execution"));
        };
        let started = before
            .value
            .started()
            .filter(|started| started.session == *session);
        let (Some(started), Some(head)) = (started, self.store().find_head(id).await?) else {
            return Err(AppError::leave("the session is unknown"));
        };
        let next = head.next_seq;
        if before.value.ended().is_some() {
            return Ok(FinishAnswer {
                is_accepted: true,
                next,
            });
        }
        if finish.last_seq.plus(1) != next {
            return Ok(FinishAnswer {
                is_accepted: false,
                next,
            });
        }
        // The agent's clock tells when it ended, but never before its start nor after now.
        let at = finish.ended_at.min(self.now()).max(started.at);
        let (report, words) = (finish.report, finish.message.clone());
        let event = Event::Finished {
            at,
            session: session.clone(),
            report,
            words,
        };
        self.commit_event(&before, &event, &Cause::agent(id), Some(next), Vec::new())
            .await?;
        Ok(FinishAnswer {
            is_accepted: true,
            next,
        })
    }
}
