//! The one way an execution changes: read, let the core decide, commit with everything that belongs together, hand on.

use std::time::Duration;

use runvoy_core::audit::{AuditAction, AuditEntry, Principal};
use runvoy_core::execution::{Event, Execution, State};
use runvoy_core::id::{ExecutionId, RequestId};
use runvoy_core::lock::{LockEvent, LockName, Waiter};
use runvoy_core::log::Seq;
use runvoy_core::user::UserEmail;
use runvoy_ports::{Batch, HeadWrite, StoreError, Version, Versioned, Write};

use crate::app::{App, Task};
use crate::context::OpContext;
use crate::error::AppError;

/// How often a change that others keep overtaking is tried before the caller is told to come back.
const CONFLICT_TRIES: u32 = 60;
/// How often a store that does not answer is asked again; the batch's id makes that harmless.
const UNAVAILABLE_TRIES: u32 = 5;
/// A row that was never replaced since it was inserted has this version.
const FIRST_VERSION: Version = Version(1);

/// Who is behind a change, and by which request.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) principal: Principal,
    pub(crate) request: Option<RequestId>,
}

impl Cause {
    pub(crate) fn system() -> Self {
        Self {
            principal: Principal::System,
            request: None,
        }
    }

    pub(crate) fn agent(id: &ExecutionId) -> Self {
        Self {
            principal: Principal::Agent(id.clone()),
            request: None,
        }
    }
}

impl From<&OpContext> for Cause {
    fn from(ctx: &OpContext) -> Self {
        Self {
            principal: Principal::User(ctx.actor.email.clone()),
            request: Some(ctx.request_id.clone()),
        }
    }
}

/// What became of an event.
#[derive(Debug)]
pub(crate) enum Applied {
    /// It changed the execution into this.
    Changed(Execution),
    /// It means nothing to the execution as it is.
    Unchanged(Execution),
    /// There is no such execution.
    Missing,
}

/// What an audit entry is about, beside who and when.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) execution: Option<ExecutionId>,
    pub(crate) user: Option<UserEmail>,
    pub(crate) details: String,
}

impl App {
    /// Reads, decides and commits, again and again while others come first.
    pub(crate) async fn until_committed<T, Work>(
        &self,
        work: impl Fn() -> Work + Send + Sync,
    ) -> Result<T, AppError>
    where
        Work: Future<Output = Result<T, AppError>> + Send,
    {
        for attempt in 0..CONFLICT_TRIES {
            match work().await {
                Err(error) if error.is_overtaken() => self.step_aside(attempt).await,
                answer => return answer,
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Feeds an execution the event that `decide` finds in its present state, until it is committed or means nothing.
    pub(crate) async fn apply(
        &self,
        id: &ExecutionId,
        cause: &Cause,
        decide: impl Fn(&Execution) -> Option<Event> + Send + Sync,
    ) -> Result<Applied, AppError> {
        self.until_committed(|| async {
            let Some(before) = self.store().find_execution(id).await? else {
                return Ok(Applied::Missing);
            };
            let Some(event) = decide(&before.value) else {
                return Ok(Applied::Unchanged(before.value));
            };
            let next = self
                .commit_event(&before, &event, cause, None, Vec::new())
                .await?;
            Ok(next.map_or(Applied::Unchanged(before.value), Applied::Changed))
        })
        .await
    }

    /// Commits what `event` does to `before`, with everything that belongs together: the log's head, the lock, the waiter.
    /// `Ok(None)` where the event means nothing. `head` is the number that the log must end before, where the caller knows it.
    pub(crate) async fn commit_event(
        &self,
        before: &Versioned<Execution>,
        event: &Event,
        cause: &Cause,
        head: Option<Seq>,
        extra: Vec<Write>,
    ) -> Result<Option<Execution>, StoreError> {
        let Some(next) = before.value.transition(event) else {
            return Ok(None);
        };
        let mut writes = extra;
        writes.push(Write::ReplaceExecution(next.clone(), before.version));
        if let Event::Started { session, .. } = event {
            writes.push(Write::Head(
                next.id().clone(),
                HeadWrite::Bind(session.clone()),
            ));
        }
        if matches!(before.value.state(), State::Queued) && !matches!(next.state(), State::Queued) {
            writes
                .extend(waiter_of(&next).map(|waiter| Write::DeleteWaiter(waiter, FIRST_VERSION)));
        }
        let mut freed = None;
        if before.value.ended().is_none() && next.ended().is_some() {
            writes.extend(self.close_head(&next, head).await?);
            if let Some((write, name)) = self.free_lock(&next).await? {
                writes.push(write);
                freed = Some(name);
            }
        }
        let about = About {
            execution: Some(next.id().clone()),
            user: None,
            details: details(event, &next),
        };
        self.commit(cause, action(event, &next), about, writes)
            .await?;
        self.moved(event, &next, freed);
        Ok(Some(next))
    }

    /// Commits writes with their audit entry. A store that does not answer is asked again with the same batch.
    pub(crate) async fn commit(
        &self,
        cause: &Cause,
        action: AuditAction,
        about: About,
        writes: Vec<Write>,
    ) -> Result<(), StoreError> {
        let at = self.now();
        let audit = AuditEntry {
            id: self.ids.operation(at),
            at,
            principal: cause.principal.clone(),
            action,
            request: cause.request.clone(),
            execution: about.execution,
            user: about.user,
            details: about.details,
        };
        let batch =
            Batch::new(audit, writes).map_err(|error| StoreError::Corrupt(Box::new(error)))?;
        let mut tries = 0;
        loop {
            match self.store().commit(&batch).await {
                Err(StoreError::Unavailable(_)) if tries < UNAVAILABLE_TRIES => {
                    self.step_aside(tries).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Waits a little, longer each time, and differently for everybody.
    async fn step_aside(&self, attempt: u32) {
        let mut random = [0];
        let jitter = if getrandom::fill(&mut random).is_ok() {
            u64::from(random[0])
        } else {
            128
        };
        let ceiling = 1_u64 << attempt.min(7);
        tokio::time::sleep(Duration::from_micros(ceiling * 4 * jitter)).await;
    }

    fn moved(&self, event: &Event, next: &Execution, freed: Option<LockName>) {
        self.wakeups.wake(next.id());
        if matches!(event, Event::Started { .. }) {
            tracing::info!(execution.id = %next.id(), "execution started");
        }
        if let Some((outcome, _)) = next.ended().filter(|_| !next.is_closed()) {
            let reason = outcome.reason().as_str();
            tracing::info!(execution.id = %next.id(), status = %next.status(), reason, "execution over");
        }
        if let Some(name) = freed {
            self.hand_on(Task::Advance(name));
        }
        match event {
            Event::Admitted { .. }
            | Event::TurnedAway { .. }
            | Event::StopAsked { .. }
            | Event::Finished { .. } => {
                self.hand_on(Task::Drive(next.id().clone()));
            }
            Event::LaunchIntended { .. }
            | Event::LaunchAccepted { .. }
            | Event::LaunchRefused { .. }
            | Event::StartOverdue { .. }
            | Event::Started { .. }
            | Event::Gone { .. }
            | Event::Unreachable { .. }
            | Event::Reachable
            | Event::LockLost
            | Event::Closed { .. } => {}
        }
    }

    async fn close_head(
        &self,
        next: &Execution,
        head: Option<Seq>,
    ) -> Result<Option<Write>, StoreError> {
        let next_seq = match head {
            Some(seq) => Some(seq),
            None => self
                .store()
                .find_head(next.id())
                .await?
                .map(|head| head.next_seq),
        };
        Ok(next_seq.map(|seq| Write::Head(next.id().clone(), HeadWrite::Close(seq))))
    }

    /// The write that frees the execution's lock, if it still holds it under its token.
    pub(crate) async fn free_lock(
        &self,
        next: &Execution,
    ) -> Result<Option<(Write, LockName)>, StoreError> {
        let (Some(request), Some(fence)) = (&next.submission().lock, next.fence()) else {
            return Ok(None);
        };
        let Some(lock) = self.store().find_lock(&request.name).await? else {
            return Ok(None);
        };
        let freed = lock.value.transition(&LockEvent::Freed {
            execution: next.id().clone(),
            fence,
        });
        Ok(freed.map(|freed| {
            (
                Write::ReplaceLock(freed, lock.version),
                request.name.clone(),
            )
        }))
    }
}

fn action(event: &Event, next: &Execution) -> AuditAction {
    match event {
        // A place that ended before its agent had started: the attempt failed, the execution goes on.
        Event::Gone { .. } if next.ended().is_none() => AuditAction::LaunchRefused,
        Event::Admitted { .. } => AuditAction::ExecutionAdmitted,
        Event::StopAsked { .. } => AuditAction::StopAsked,
        Event::LaunchIntended { .. } => AuditAction::LaunchIntended,
        Event::LaunchAccepted { .. } => AuditAction::LaunchAccepted,
        Event::LaunchRefused { .. } => AuditAction::LaunchRefused,
        Event::Started { .. } => AuditAction::ExecutionStarted,
        Event::TurnedAway { .. }
        | Event::StartOverdue { .. }
        | Event::Finished { .. }
        | Event::Gone { .. } => AuditAction::ExecutionEnded,
        Event::Unreachable { .. } => AuditAction::ExecutionUnreachable,
        Event::Reachable => AuditAction::ExecutionReachable,
        Event::LockLost => AuditAction::LockReleased,
        Event::Closed { .. } => AuditAction::ExecutionClosed,
    }
}

/// What the trail says beside the action: the status that follows, and how it ended.
fn details(event: &Event, next: &Execution) -> String {
    match (event, next.ended()) {
        (Event::LaunchRefused { words, .. }, _) => words.clone(),
        (Event::Gone { .. }, None) => next.launch_words().unwrap_or_default().to_owned(),
        (_, Some((outcome, _))) => match outcome.exit_code() {
            Some(code) => format!("{}, {} {code}", next.status(), outcome.reason().as_str()),
            None => format!("{}, {}", next.status(), outcome.reason().as_str()),
        },
        (_, None) => match next.fence() {
            Some(fence) if matches!(event, Event::Admitted { .. }) => format!("fence {fence}"),
            _ => next.status().to_string(),
        },
    }
}

/// The place in line that a waiting execution has.
fn waiter_of(execution: &Execution) -> Option<Waiter> {
    let submission = execution.submission();
    submission.lock.as_ref().map(|lock| Waiter {
        lock: lock.name.clone(),
        execution: execution.id().clone(),
        since: submission.created_at,
    })
}
