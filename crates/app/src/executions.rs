//! Reads and stops executions.

use jiff::Timestamp;
use runvoy_core::execution::{Event, Execution, State, StopCause};
use runvoy_core::id::ExecutionId;
use runvoy_core::lock::LockName;
use runvoy_core::role::{Action, Owner};
use runvoy_ports::{ExecutionQuery, Scope};

use crate::app::App;
use crate::change::{Applied, Cause};
use crate::context::OpContext;
use crate::error::AppError;

/// How far into a line a place is counted.
const LINE_LIMIT: u32 = 10_000;

/// An execution and its place in line.
#[derive(Debug)]
pub struct ExecutionDetail {
    /// The record.
    pub execution: Execution,
    /// Its place in line, while queued.
    pub queue: Option<QueuePlace>,
}

/// A place in a lock's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePlace {
    /// The lock.
    pub lock: LockName,
    /// The place, from 1.
    pub position: u64,
    /// Who holds the lock, and since when.
    pub holder: Option<(ExecutionId, Timestamp)>,
    /// When waiting ends.
    pub deadline: Timestamp,
}

/// What a stop did.
#[derive(Debug)]
pub enum Killed {
    /// It was over before; nothing was done.
    WasOver(Execution),
    /// It is over now, or a stop is under way.
    Stopping(Execution),
}

impl App {
    /// One execution.
    pub async fn execution(
        &self,
        ctx: &OpContext,
        id: &ExecutionId,
    ) -> Result<ExecutionDetail, AppError> {
        let execution = self.readable(ctx, id).await?;
        let queue = self.queue_place(&execution).await?;
        Ok(ExecutionDetail { execution, queue })
    }

    /// A page of executions, newest first. A developer sees only their own, whatever is asked for.
    pub async fn executions(
        &self,
        ctx: &OpContext,
        mut query: ExecutionQuery,
    ) -> Result<Vec<Execution>, AppError> {
        let sees_all = ctx.require(Action::ReadExecution(Owner::Other)).is_ok();
        if sees_all {
            return Ok(self.store().list_executions(&query).await?);
        }
        let own = Scope::User(ctx.actor.email.clone());
        match std::mem::replace(&mut query.scope, own) {
            Scope::All => Ok(self.store().list_executions(&query).await?),
            Scope::User(email) if email == ctx.actor.email => {
                Ok(self.store().list_executions(&query).await?)
            }
            Scope::User(_) => Ok(Vec::new()),
            Scope::Lock(name) => self.own_of_lock(query, &name).await,
        }
    }

    /// A person's own executions of one lock: pages of their own, sifted until the page is full.
    async fn own_of_lock(
        &self,
        mut query: ExecutionQuery,
        name: &LockName,
    ) -> Result<Vec<Execution>, AppError> {
        let mut found = Vec::new();
        let wanted = query.limit as usize;
        loop {
            let page = self.store().list_executions(&query).await?;
            query.before = page.last().map(|last| last.id().clone());
            let is_last = page.len() < wanted;
            found.extend(page.into_iter().filter(|one| {
                one.submission()
                    .lock
                    .as_ref()
                    .is_some_and(|lock| lock.name == *name)
            }));
            if is_last || found.len() >= wanted {
                found.truncate(wanted);
                return Ok(found);
            }
        }
    }

    /// Stops an execution, whatever it is doing; one that is over stays as it is.
    pub async fn kill(&self, ctx: &OpContext, id: &ExecutionId) -> Result<Killed, AppError> {
        let execution = self.readable(ctx, id).await?;
        ctx.require(Action::KillExecution(
            ctx.owner(&execution.submission().created_by),
        ))?;
        self.cancel(id, &Cause::from(ctx)).await
    }

    pub(crate) async fn cancel(&self, id: &ExecutionId, cause: &Cause) -> Result<Killed, AppError> {
        let event = |_: &Execution| {
            Some(Event::StopAsked {
                at: self.now(),
                cause: StopCause::Cancelled,
            })
        };
        match self.apply(id, cause, event).await? {
            Applied::Changed(next) => Ok(Killed::Stopping(next)),
            Applied::Unchanged(execution) if execution.ended().is_some() => {
                Ok(Killed::WasOver(execution))
            }
            Applied::Unchanged(execution) => Ok(Killed::Stopping(execution)),
            Applied::Missing => Err(AppError::not_found("execution")),
        }
    }

    /// The execution, if it is there and the asking person may read it; else it does not exist for them.
    pub(crate) async fn readable(
        &self,
        ctx: &OpContext,
        id: &ExecutionId,
    ) -> Result<Execution, AppError> {
        let found = self
            .store()
            .find_execution(id)
            .await?
            .ok_or_else(|| AppError::not_found("execution"))?;
        ctx.require(Action::ReadExecution(
            ctx.owner(&found.value.submission().created_by),
        ))?;
        Ok(found.value)
    }

    /// The place in line of an execution that waits.
    pub(crate) async fn queue_place(
        &self,
        execution: &Execution,
    ) -> Result<Option<QueuePlace>, AppError> {
        let (State::Queued, Some(wanted)) = (execution.state(), &execution.submission().lock)
        else {
            return Ok(None);
        };
        let line = self.store().list_waiters(&wanted.name, LINE_LIMIT).await?;
        let ahead = line
            .iter()
            .take_while(|waiter| waiter.value.execution < *execution.id())
            .count();
        let lock = self.store().find_lock(&wanted.name).await?;
        let holder = lock.and_then(|lock| {
            lock.value
                .holder()
                .map(|holder| (holder.execution.clone(), holder.since))
        });
        Ok(Some(QueuePlace {
            lock: wanted.name.clone(),
            position: ahead as u64 + 1,
            holder,
            deadline: wanted.deadline,
        }))
    }
}
