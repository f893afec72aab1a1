//! Submits an execution: checks the wish, takes or queues for its lock, and records it before anything is launched.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runvoy_core::audit::AuditAction;
use runvoy_core::command::Command;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::environment::EnvName;
use runvoy_core::execution::{
    self, Admission, Event, Execution, LockRequest, Sealed, Submission, later,
};
use runvoy_core::id::ExecutionId;
use runvoy_core::idempotency::{Idempotency, IdempotencyKey, KEPT_HOURS};
use runvoy_core::lock::{Lock, LockEvent, LockName, Waiter};
use runvoy_core::log::LogHead;
use runvoy_core::role::Action;
use runvoy_ports::{HeadWrite, UnfitKind, Versioned, Write};

use crate::app::{App, Task};
use crate::change::{About, Cause};
use crate::context::OpContext;
use crate::error::{AppError, ErrorKind};
use crate::executions::QueuePlace;
use crate::limits;
use crate::stack_key::SpecValues;

/// What a person wishes to run; defaults stand in where nothing is said.
#[derive(Debug)]
pub struct NewExecution {
    /// What to run.
    pub command: Command,
    /// Values of its variables.
    pub values: SpecValues,
    /// Limit of the running time.
    pub timeout: Option<Duration>,
    /// Time between TERM and KILL.
    pub grace: Option<Duration>,
    /// Bytes of output to keep.
    pub log_limit: Option<u64>,
    /// The lock to hold.
    pub lock: Option<LockWish>,
    /// Directory to run in.
    pub workdir: Option<String>,
    /// The container to run in.
    pub container: ContainerWish,
    /// The caller's name for the request and the hash of its body.
    pub idempotency: Option<(IdempotencyKey, String)>,
}

/// A lock that is wished for.
#[derive(Debug)]
pub struct LockWish {
    /// Which.
    pub name: LockName,
    /// How long to wait; `None` for the default.
    pub timeout: Option<Duration>,
    /// Refuse at once where it cannot be had.
    pub no_wait: bool,
    /// What was seen of it while the caller was being authenticated.
    pub glance: Option<LockGlance>,
}

/// A look at a lock; the commit that relies on it fails if it is not so any more.
#[derive(Debug, Clone)]
pub struct LockGlance {
    lock: Option<Versioned<Lock>>,
    is_waited_for: bool,
}

/// Whether a submit may rely on what was seen of the lock before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// It may: the commit fails if that is not so any more.
    Glance,
    /// It looks anew.
    Anew,
}

/// A submitted execution.
#[derive(Debug)]
pub struct Submitted {
    /// Its record.
    pub execution: Execution,
    /// Its place in line, while queued.
    pub queue: Option<QueuePlace>,
}

impl App {
    /// Records a new execution, once per idempotency key, and hands it on to be driven.
    pub async fn submit(&self, ctx: &OpContext, wish: NewExecution) -> Result<Submitted, AppError> {
        ctx.require(Action::Run)?;
        limits::check(&wish)?;
        let container = self.plan(&wish.container)?;
        let turn = self.run_limiter.turn().await;
        if let Some(refusal) = self.too_many_runs(ctx).await? {
            drop(turn);
            // What was accepted before is not a further one.
            let known = self.submitted_before(ctx, &wish).await?;
            return self.accepted(known.ok_or(refusal)?).await;
        }
        // Most requests are new ones: the commit itself says whether this one is, and only then costs a read.
        let at_first = self
            .insert(ctx, &wish, container.as_ref(), Look::Glance)
            .await;
        let execution = match at_first {
            Ok(execution) => execution,
            Err(error) if wish.idempotency.is_none() && !error.is_overtaken() => return Err(error),
            Err(_) => self.insert_or_find(ctx, &wish, container.as_ref()).await?,
        };
        drop(turn);
        self.accepted(execution).await
    }

    /// What is there of a lock now. Decides nothing: whoever shows it to [`submit`](Self::submit) saves it a look.
    pub async fn glance(&self, name: &LockName) -> Result<LockGlance, AppError> {
        // Whoever comes between the two looks overlaps with this one: either may be first.
        let (waiters, lock) = tokio::join!(
            self.store().list_waiters(name, 1),
            self.store().find_lock(name)
        );
        Ok(LockGlance {
            is_waited_for: !waiters?.is_empty(),
            lock: lock?,
        })
    }

    /// What an earlier request of the same name made, or a new execution; again and again while others come first.
    async fn insert_or_find(
        &self,
        ctx: &OpContext,
        wish: &NewExecution,
        container: Option<&Container>,
    ) -> Result<Execution, AppError> {
        self.until_committed(|| async {
            match self.submitted_before(ctx, wish).await? {
                Some(known) => Ok(known),
                None => self.insert(ctx, wish, container, Look::Anew).await,
            }
        })
        .await
    }

    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, AppError> {
        let planned = self.parts.launcher.plan(wish);
        planned.map_err(|unfit| match unfit.kind {
            UnfitKind::Unsupported => {
                let message = format!("{} is not supported here", unfit.field);
                AppError::new(ErrorKind::Unsupported, message).with_details(unfit.why)
            }
            UnfitKind::Invalid => AppError::new(ErrorKind::Invalid, unfit.why),
        })
    }

    /// Hands a recorded execution on to be driven, and tells its place in line.
    async fn accepted(&self, execution: Execution) -> Result<Submitted, AppError> {
        self.hand_on(Task::Drive(execution.id().clone()));
        let queue = self.queue_place(&execution).await?;
        Ok(Submitted { execution, queue })
    }

    async fn submitted_before(
        &self,
        ctx: &OpContext,
        wish: &NewExecution,
    ) -> Result<Option<Execution>, AppError> {
        let Some((key, body)) = &wish.idempotency else {
            return Ok(None);
        };
        let known = self.store().find_idempotency(&ctx.actor.email, key).await?;
        let Some(known) = known.filter(|known| known.expires_at > self.now()) else {
            return Ok(None);
        };
        if known.body_sha256 != *body {
            let message = "this Idempotency-Key was used for another request";
            return Err(AppError::new(ErrorKind::IdempotencyMismatch, message)
                .with_details("use a new key for a new request"));
        }
        Ok(self
            .store()
            .find_execution(&known.execution)
            .await?
            .map(|found| found.value))
    }

    /// One try; somebody else may be first, and then everything must be read again.
    async fn insert(
        &self,
        ctx: &OpContext,
        wish: &NewExecution,
        container: Option<&Container>,
        how: Look,
    ) -> Result<Execution, AppError> {
        let now = self.now();
        let id = self.ids.execution(now);
        let (admission, lock_write) = self.admit(ctx, wish, &id, how).await?;
        let sealed = self.seal(&id, &wish.values)?;
        let submission = Submission {
            container: container.cloned(),
            ..self.submission(ctx, wish, now)
        };
        let execution = Execution::new(id.clone(), submission, admission, sealed);
        // What may start at once is recorded together with its first launch: one write before the launcher is asked.
        let lease_until = later(now, self.parts.tuning.launch_lease);
        let intended = execution.transition(&Event::LaunchIntended {
            at: now,
            lease_until,
        });
        limits::check_record(intended.as_ref().unwrap_or(&execution))?;
        let is_owed = intended.is_some();
        let execution = intended.unwrap_or(execution);
        let mut writes = vec![
            Write::InsertExecution(execution.clone()),
            Write::Head(id.clone(), HeadWrite::Insert(LogHead::new(id.clone()))),
        ];
        writes.extend(lock_write);
        writes.extend(wish.idempotency.clone().map(|(key, body_sha256)| {
            let expires_at = now
                .checked_add(SignedDuration::from_hours(KEPT_HOURS))
                .unwrap_or(Timestamp::MAX);
            let user = ctx.actor.email.clone();
            Write::InsertIdempotency(Idempotency {
                user,
                key,
                body_sha256,
                execution: id.clone(),
                expires_at,
            })
        }));
        let about = About {
            execution: Some(id.clone()),
            user: None,
            details: execution.status().to_string(),
        };
        self.commit(
            &Cause::from(ctx),
            AuditAction::ExecutionCreated,
            about,
            writes,
        )
        .await?;
        if is_owed {
            self.owed.insert(execution.clone());
        }
        Ok(execution)
    }

    /// Takes the lock if it is free and nobody waits, so that a newcomer overtakes no one; else stands in line.
    async fn admit(
        &self,
        ctx: &OpContext,
        wish: &NewExecution,
        id: &ExecutionId,
        how: Look,
    ) -> Result<(Admission, Option<Write>), AppError> {
        let now = self.now();
        let Some(wanted) = &wish.lock else {
            return Ok((Admission::Unlocked, None));
        };
        let user = ctx.actor.email.clone();
        let taken = LockEvent::Taken {
            execution: id.clone(),
            user,
            at: now,
        };
        let seen = match (&wanted.glance, how) {
            (Some(seen), Look::Glance) => seen.clone(),
            (None, Look::Glance) | (_, Look::Anew) => self.glance(&wanted.name).await?,
        };
        let write = match &seen.lock {
            None => Lock::new(wanted.name.clone())
                .transition(&taken)
                .map(|lock| (lock.fence(), Write::InsertLock(lock))),
            Some(lock) if !seen.is_waited_for => lock
                .value
                .transition(&taken)
                .map(|next| (next.fence(), Write::ReplaceLock(next, lock.version))),
            Some(_) => None,
        };
        match write {
            Some((fence, write)) => Ok((Admission::Holding(fence), Some(write))),
            None if wanted.no_wait => Err(self
                .busy(ctx, &wanted.name, seen.lock.map(|lock| lock.value))
                .await?),
            None => {
                let waiter = Waiter {
                    lock: wanted.name.clone(),
                    execution: id.clone(),
                    since: now,
                };
                Ok((Admission::Queued, Some(Write::InsertWaiter(waiter))))
            }
        }
    }

    async fn busy(
        &self,
        ctx: &OpContext,
        name: &LockName,
        lock: Option<Lock>,
    ) -> Result<AppError, AppError> {
        let error = AppError::new(ErrorKind::LockBusy, format!("the lock {name} is busy"));
        let Some(holder) = lock.as_ref().and_then(Lock::holder) else {
            return Ok(
                error.with_details("others wait for it; leave out --no-wait to wait in line")
            );
        };
        let detail = self.holder_detail(ctx, holder).await?;
        let by = detail
            .user
            .as_ref()
            .map_or_else(String::new, |user| format!(" of {user}"));
        let details = format!(
            "execution {}{by} holds it since {}; leave out --no-wait to wait in line",
            detail.execution, detail.since
        );
        Ok(error
            .with_details(details)
            .with_context("holder", &detail.execution)
            .with_context("held_since", detail.since))
    }

    fn seal(&self, id: &ExecutionId, values: &SpecValues) -> Result<Option<Sealed>, AppError> {
        if values.is_empty() {
            return Ok(None);
        }
        let sealed = self.parts.key.seal(id, values);
        sealed
            .map(Some)
            .ok_or_else(|| AppError::new(ErrorKind::Internal, "the variables cannot be sealed"))
    }

    fn submission(&self, ctx: &OpContext, wish: &NewExecution, now: Timestamp) -> Submission {
        let names = |values: &std::collections::BTreeMap<String, String>| {
            values
                .keys()
                .filter_map(|name| name.parse::<EnvName>().ok())
                .collect()
        };
        Submission {
            command: wish.command.clone(),
            created_by: ctx.actor.email.clone(),
            key: ctx.actor.key,
            created_at: now,
            request_id: ctx.request_id.clone(),
            env_names: names(&wish.values.env),
            secret_names: names(&wish.values.secrets),
            timeout: wish.timeout.unwrap_or(execution::DEFAULT_TIMEOUT),
            grace: wish.grace.unwrap_or(execution::DEFAULT_GRACE),
            log_limit: wish.log_limit.unwrap_or(execution::DEFAULT_LOG_LIMIT),
            lock: wish.lock.as_ref().map(|lock| LockRequest {
                name: lock.name.clone(),
                deadline: later(now, lock.timeout.unwrap_or(execution::DEFAULT_LOCK_TIMEOUT)),
            }),
            workdir: wish.workdir.clone(),
            owner: self.parts.owner.clone(),
            container: None,
        }
    }
}
