//! Reads locks, and takes them from holders that cannot be reached.

use jiff::Timestamp;
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Event, Execution, Status};
use runvoy_core::id::ExecutionId;
use runvoy_core::lock::{Holder, Lock, LockEvent, LockName, Waiter};
use runvoy_core::role::{Action, Owner};
use runvoy_core::user::UserEmail;
use runvoy_ports::{StoreError, Versioned, Write};

use crate::app::{App, Task};
use crate::change::{About, Cause};
use crate::context::OpContext;
use crate::error::{AppError, ErrorKind};

/// How much of a line is shown.
const SHOWN_WAITERS: u32 = 1000;

/// A lock, as the asking person may see it.
#[derive(Debug)]
pub struct LockDetail {
    /// The lock.
    pub lock: Lock,
    /// Its holder.
    pub holder: Option<HolderDetail>,
    /// Its line.
    pub line: Vec<Waiter>,
}

/// A holder. Those who may not read its execution see only id and since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderDetail {
    /// The execution.
    pub execution: ExecutionId,
    /// Since when it holds.
    pub since: Timestamp,
    /// Whose it is.
    pub user: Option<UserEmail>,
    /// Its status.
    pub status: Option<Status>,
    /// Since when nobody can say whether it runs.
    pub unreachable_since: Option<Timestamp>,
}

/// How much a release may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Take the lock from a holder that cannot be reached.
    pub force: bool,
    /// Hand it on although its holder runs.
    pub even_if_running: bool,
    /// Why.
    pub reason: Option<String>,
}

/// A lock that was taken from its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Whom it was taken from.
    pub holder: ExecutionId,
    /// Whether that one may still run.
    pub may_still_run: bool,
}

impl App {
    /// Every lock that ever was held, without its line.
    pub async fn locks(&self, ctx: &OpContext) -> Result<Vec<LockDetail>, AppError> {
        ctx.require(Action::ReadLocks)?;
        let mut details = Vec::new();
        for lock in self.store().list_locks().await? {
            details.push(self.lock_detail(ctx, lock).await?);
        }
        Ok(details)
    }

    /// One lock and its line.
    pub async fn lock(&self, ctx: &OpContext, name: &LockName) -> Result<LockDetail, AppError> {
        ctx.require(Action::ReadLocks)?;
        let found = self
            .store()
            .find_lock(name)
            .await?
            .ok_or_else(|| no_such_lock(name))?;
        self.lock_detail(ctx, found.value).await
    }

    async fn lock_detail(&self, ctx: &OpContext, lock: Lock) -> Result<LockDetail, AppError> {
        let holder = match lock.holder() {
            Some(holder) => Some(self.holder_detail(ctx, holder).await?),
            None => None,
        };
        let line = self
            .store()
            .list_waiters(lock.name(), SHOWN_WAITERS)
            .await?;
        Ok(LockDetail {
            lock,
            holder,
            line: line.into_iter().map(|waiter| waiter.value).collect(),
        })
    }

    pub(crate) async fn holder_detail(
        &self,
        ctx: &OpContext,
        holder: &Holder,
    ) -> Result<HolderDetail, AppError> {
        let mut detail = HolderDetail {
            execution: holder.execution.clone(),
            since: holder.since,
            user: None,
            status: None,
            unreachable_since: None,
        };
        if ctx
            .require(Action::ReadExecution(ctx.owner(&holder.user)))
            .is_ok()
        {
            let execution = self.store().find_execution(&holder.execution).await?;
            detail.user = Some(holder.user.clone());
            detail.status = execution.as_ref().map(|found| found.value.status());
            detail.unreachable_since = execution.and_then(|found| found.value.unreachable_since());
        }
        Ok(detail)
    }

    /// Takes a lock from its holder: only by force, only with a reason, and from one that runs only on express demand.
    pub async fn release(
        &self,
        ctx: &OpContext,
        name: &LockName,
        release: &Release,
    ) -> Result<Released, AppError> {
        ctx.require(Action::ReleaseLock(Owner::Own))?;
        self.until_committed(|| async {
            let lock = self
                .store()
                .find_lock(name)
                .await?
                .ok_or_else(|| no_such_lock(name))?;
            let Some(holder) = lock.value.holder().cloned() else {
                let free = format!("nobody holds the lock {name}");
                return Err(AppError::new(ErrorKind::NotFound, free));
            };
            ctx.require(Action::ReleaseLock(ctx.owner(&holder.user)))?;
            let execution = self.store().find_execution(&holder.execution).await?;
            let may_still_run = permit(
                name,
                &holder,
                execution.as_ref().map(|found| &found.value),
                release,
            )?;
            self.release_once(ctx, &lock, &holder, execution, release)
                .await?;
            Ok(Released {
                holder: holder.execution,
                may_still_run,
            })
        })
        .await
    }

    async fn release_once(
        &self,
        ctx: &OpContext,
        lock: &Versioned<Lock>,
        holder: &Holder,
        execution: Option<Versioned<Execution>>,
        release: &Release,
    ) -> Result<(), StoreError> {
        let freed = LockEvent::Freed {
            execution: holder.execution.clone(),
            fence: holder.fence,
        };
        let Some(free) = lock.value.transition(&freed) else {
            return Err(StoreError::Conflict);
        };
        let mut writes = vec![Write::ReplaceLock(free, lock.version)];
        if let Some(execution) = execution {
            let lost = execution.value.transition(&Event::LockLost);
            writes.extend(lost.map(|lost| Write::ReplaceExecution(lost, execution.version)));
        }
        let why = release.reason.as_deref().unwrap_or_default();
        let details = format!(
            "{} taken by force from {}: {why}",
            lock.value.name(),
            holder.execution
        );
        let about = About {
            execution: Some(holder.execution.clone()),
            user: Some(holder.user.clone()),
            details,
        };
        self.commit(&Cause::from(ctx), AuditAction::LockReleased, about, writes)
            .await?;
        self.wakeups.wake(&holder.execution);
        self.hand_on(Task::Advance(lock.value.name().clone()));
        Ok(())
    }
}

/// Whether the release goes far enough for this holder, and whether the holder may still run after it.
fn permit(
    name: &LockName,
    holder: &Holder,
    execution: Option<&Execution>,
    release: &Release,
) -> Result<bool, AppError> {
    let held = |why: String| {
        AppError::new(
            ErrorKind::LockHeld,
            format!("the lock {name} is held by execution {}", holder.execution),
        )
        .with_details(why)
        .with_context("holder", &holder.execution)
    };
    if !release.force {
        let kill = format!("runvoy kill {}", holder.execution);
        return Err(held(format!(
            "stop its holder and the lock frees itself: {kill}"
        )));
    }
    if release
        .reason
        .as_ref()
        .is_none_or(|reason| reason.trim().is_empty())
    {
        return Err(
            AppError::new(ErrorKind::Invalid, "a release by force needs a reason")
                .with_details("add --reason TEXT; it is kept in the audit trail"),
        );
    }
    let is_over = execution.is_none_or(|execution| execution.ended().is_some());
    let is_unreachable = execution.is_some_and(|execution| execution.unreachable_since().is_some());
    if !is_over && !is_unreachable && !release.even_if_running {
        return Err(held("its holder can be reached and runs; --even-if-running hands the lock on all the same, and two may run then".to_owned()));
    }
    Ok(!is_over)
}

fn no_such_lock(name: &LockName) -> AppError {
    AppError::new(ErrorKind::NotFound, format!("no such lock: {name}"))
}
