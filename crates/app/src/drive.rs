//! Does what an execution's state asks for: the same code for the happy case and for repair.

use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::execution::{Event, Execution, LaunchStep, START_LIMIT, State, StopCause, later};
use runvoy_core::id::{AttemptId, ExecutionId};
use runvoy_ports::{Placement, Presence};
use tokio::time::Instant;

use crate::app::{App, LaunchStyle};
use crate::change::Cause;
use crate::error::AppError;

/// How many ids one look at the open executions reads.
const OPEN_PAGE: u32 = 500;
/// How long after the reconciler's time is up the execution under way may go on.
const OVERTIME: Duration = Duration::from_secs(5);
/// Steps that one call takes at most; what is left is the reconciler's.
const MAX_STEPS: u32 = 30;

/// What one step found.
pub(crate) enum Step {
    /// Something changed: look again at once.
    Again,
    /// Nothing to do before this much time has passed.
    After(Duration),
    /// Nothing to do until somebody tells of something.
    Wait,
}

impl App {
    /// Does what the execution's state asks for, until nothing is left to do now.
    /// Answers how soon to look again, where that is sooner than the reconciler would.
    pub async fn drive(&self, id: &ExecutionId) -> Result<Option<Duration>, AppError> {
        let mut owed = match self.parts.tuning.launch_style {
            LaunchStyle::Careful => None,
            LaunchStyle::Swift => self.owed_in_time(id),
        };
        for _ in 0..MAX_STEPS {
            let step = match owed.take() {
                Some(recorded) => self.place(&recorded).await?,
                None => match self.store().find_execution(id).await? {
                    Some(found) if self.is_mine_to_drive(&found.value) => {
                        self.step(&found.value).await?
                    }
                    Some(_) | None => return Ok(None),
                },
            };
            match step {
                Step::Again => {}
                Step::After(delay) => return Ok(Some(delay)),
                Step::Wait => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Drives everything that is not closed; one execution's trouble stops no other's.
    pub async fn reconcile(&self) -> Result<(), AppError> {
        self.reconcile_until(None, None).await.map(drop)
    }

    /// Drives what is not closed and newer than `after`, as far as the time goes. Answers the last one that was
    /// driven where time ran out: the next call goes on from there.
    pub async fn reconcile_until(
        &self,
        mut after: Option<ExecutionId>,
        deadline: Option<Instant>,
    ) -> Result<Option<ExecutionId>, AppError> {
        loop {
            let page = self.store().list_open(after.as_ref(), OPEN_PAGE).await?;
            for id in &page {
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(after);
                }
                self.drive_until(id, deadline).await;
                after = Some(id.clone());
            }
            if page.len() < OPEN_PAGE as usize {
                return Ok(None);
            }
        }
    }

    /// Drives one execution; its trouble is only noted. What takes it longer than the deadline and a little is broken
    /// off, so that it holds up no other for ever: all of it may be cut off anywhere.
    async fn drive_until(&self, id: &ExecutionId, deadline: Option<Instant>) {
        let drive = self.drive(id);
        let driven = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline + OVERTIME, drive).await,
            None => Ok(drive.await),
        };
        match driven {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(execution.id = %id, error = %error.chain(), "execution cannot be driven now");
            }
            Err(_) => {
                tracing::warn!(execution.id = %id, "an execution takes long; it goes on another time");
            }
        }
    }

    /// Everything that is not closed, oldest first.
    pub async fn open(&self) -> Result<Vec<ExecutionId>, AppError> {
        let mut open: Vec<ExecutionId> = Vec::new();
        loop {
            let page = self.store().list_open(open.last(), OPEN_PAGE).await?;
            let is_last = page.len() < OPEN_PAGE as usize;
            open.extend(page);
            if is_last {
                return Ok(open);
            }
        }
    }

    /// Whether anything that this process submitted is not closed.
    pub async fn has_own_open(&self) -> Result<bool, AppError> {
        for id in self.open().await? {
            let found = self.store().find_execution(&id).await?;
            if found.is_some_and(|found| found.value.submission().owner == self.parts.owner) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stops the execution's place at once, whatever its agent thinks.
    pub async fn kill_place(&self, id: &ExecutionId) -> Result<(), AppError> {
        let found = self.store().find_execution(id).await?;
        if let Some(placement) = found.and_then(|found| placement(&found.value)) {
            self.parts.launcher.stop(&placement).await;
        }
        Ok(())
    }

    fn is_mine_to_drive(&self, execution: &Execution) -> bool {
        let owner = &execution.submission().owner;
        *owner == self.parts.owner || !self.is_owned_by_the_living(execution)
    }

    async fn step(&self, execution: &Execution) -> Result<Step, AppError> {
        let now = self.now();
        if !self.is_owned_by_the_living(execution)
            && execution.started().is_none()
            && execution.ended().is_none()
        {
            let stop = Event::StopAsked {
                at: now,
                cause: StopCause::Cancelled,
            };
            return self.feed(execution, stop).await;
        }
        match execution.state() {
            State::Queued => self.step_queued(execution, now).await,
            State::Starting { since, step } => {
                self.step_starting(execution, *since, step, now).await
            }
            State::Running { .. } => {
                let backstop = execution.submission().grace + self.parts.tuning.backstop;
                if execution
                    .runs_until()
                    .is_some_and(|end| later(end, backstop) <= now)
                {
                    let stop = Event::StopAsked {
                        at: now,
                        cause: StopCause::TimedOut,
                    };
                    return self.feed(execution, stop).await;
                }
                self.look(execution, now).await
            }
            State::Terminating { stop, .. } => {
                let backstop = execution.submission().grace + self.parts.tuning.backstop;
                let is_overdue =
                    stop.cause == StopCause::TimedOut || later(stop.at, backstop) <= now;
                if let (true, Some(placement)) = (is_overdue, placement(execution)) {
                    self.parts.launcher.stop(&placement).await;
                }
                self.look(execution, now).await
            }
            State::Ended {
                closed_at: Some(_), ..
            } => Ok(Step::Wait),
            State::Ended { at, .. } => self.close(execution, *at, now).await,
        }
    }

    async fn step_starting(
        &self,
        execution: &Execution,
        since: Timestamp,
        step: &LaunchStep,
        now: Timestamp,
    ) -> Result<Step, AppError> {
        if later(since, START_LIMIT) <= now {
            let words = execution
                .launch_words()
                .unwrap_or("no agent started in time")
                .to_owned();
            return self
                .feed(execution, Event::StartOverdue { at: now, words })
                .await;
        }
        match step {
            LaunchStep::Due { at } if *at > now => Ok(Step::After(until(*at, now))),
            LaunchStep::Due { .. } => self.launch(execution, now).await,
            LaunchStep::Placing if self.owed_in_time(execution.id()).is_some() => {
                self.place(execution).await
            }
            LaunchStep::Placing => self.step_placing(execution, now).await,
            LaunchStep::Placed => self.look(execution, now).await,
        }
    }

    async fn step_queued(&self, execution: &Execution, now: Timestamp) -> Result<Step, AppError> {
        if let Some(outcome) = self.turned_away(execution, now).await? {
            return self
                .feed(execution, Event::TurnedAway { at: now, outcome })
                .await;
        }
        if let Some(wanted) = &execution.submission().lock {
            self.advance(&wanted.name).await?;
            return Ok(Step::After(until(wanted.deadline, now)));
        }
        Ok(Step::Wait)
    }

    /// Asks the launcher whether the place still runs, and settles what it proves gone.
    async fn look(&self, execution: &Execution, now: Timestamp) -> Result<Step, AppError> {
        let Some(placement) = placement(execution) else {
            return Ok(Step::Wait);
        };
        match self.parts.launcher.probe(&placement).await {
            Presence::Running if execution.unreachable_since().is_some() => {
                self.feed(execution, Event::Reachable).await
            }
            Presence::Running => Ok(Step::Wait),
            Presence::Gone(evidence) => self
                .settle(execution, &placement, evidence)
                .await
                .map(|()| Step::Again),
            Presence::Unknown => self.unreachable(execution, now).await,
        }
    }

    /// Notes and says once that nobody can tell. An alarm listens to these words.
    pub(crate) async fn unreachable(
        &self,
        execution: &Execution,
        now: Timestamp,
    ) -> Result<Step, AppError> {
        if execution.unreachable_since().is_some() {
            return Ok(Step::Wait);
        }
        tracing::error!(execution.id = %execution.id(), "nobody can say whether this execution still runs");
        self.feed(execution, Event::Unreachable { at: now }).await
    }

    /// Feeds an event that was decided on this state; another state by now means another look.
    pub(crate) async fn feed(&self, execution: &Execution, event: Event) -> Result<Step, AppError> {
        self.apply(execution.id(), &Cause::system(), |_| Some(event.clone()))
            .await?;
        Ok(Step::Again)
    }
}

/// The newest attempt, and the place that its agent named.
pub(crate) fn placement(execution: &Execution) -> Option<Placement> {
    let attempt = execution.attempt()?;
    Some(match execution.started() {
        Some(started) => Placement {
            attempt: AttemptId::new(execution.id().clone(), started.attempt),
            place: Some(started.place.clone()),
        },
        None => Placement {
            attempt,
            place: None,
        },
    })
}

pub(crate) fn until(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}
