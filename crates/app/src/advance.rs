//! Gives a free lock to the first in its line.

use jiff::Timestamp;
use runvoy_core::execution::{Event, Execution, State};
use runvoy_core::lock::{Lock, LockEvent, LockName};
use runvoy_core::outcome::{Outcome, Reason};
use runvoy_core::role::{Access, Action};
use runvoy_ports::{StoreError, Versioned, Write};

use crate::app::App;
use crate::change::Cause;
use crate::error::AppError;

impl App {
    /// One commit per waiter, until the lock is held or nobody waits: the first that may run gets it,
    /// those before it that may not (any more) are turned away.
    pub async fn advance(&self, name: &LockName) -> Result<(), AppError> {
        while self
            .until_committed(|| async { Ok(self.advance_once(name).await?) })
            .await?
        {}
        Ok(())
    }

    /// Whether the line moved and may move again.
    async fn advance_once(&self, name: &LockName) -> Result<bool, StoreError> {
        let Some(lock) = self.store().find_lock(name).await? else {
            return Ok(false);
        };
        if lock.value.holder().is_some() {
            return Ok(false);
        }
        let Some(first) = self.store().list_waiters(name, 1).await?.into_iter().next() else {
            return Ok(false);
        };
        let Some(execution) = self.store().find_execution(&first.value.execution).await? else {
            return Ok(false);
        };
        let now = self.now();
        let turned_away = self.turned_away(&execution.value, now).await?;
        let (event, extra) = match turned_away {
            Some(outcome) => (Event::TurnedAway { at: now, outcome }, Vec::new()),
            None => match take(&lock.value, &execution.value, now) {
                Some(taken) => (
                    Event::Admitted {
                        at: now,
                        fence: taken.fence(),
                    },
                    vec![Write::ReplaceLock(taken, lock.version)],
                ),
                None => return Ok(false),
            },
        };
        Ok(self
            .commit_event(&execution, &event, &Cause::system(), None, extra)
            .await?
            .is_some())
    }

    /// Why a waiting execution may not run now, if so: it waited too long, or its user may no longer run it.
    pub(crate) async fn turned_away(
        &self,
        execution: &Execution,
        now: Timestamp,
    ) -> Result<Option<Outcome>, StoreError> {
        let submission = execution.submission();
        let no =
            |reason, words: &str| Ok(Some(Outcome::without_code(reason, Some(words.to_owned()))));
        if !self.is_owned_by_the_living(execution) {
            return no(Reason::Cancelled, "the command that submitted it is gone");
        }
        if submission
            .lock
            .as_ref()
            .is_some_and(|lock| lock.deadline <= now)
        {
            return no(Reason::LockTimeout, "the lock was not free in time");
        }
        let Some(hash) = &submission.key else {
            return Ok(None);
        };
        match self.store().find_key(hash).await? {
            Some(Versioned { value: key, .. }) if key.revoked_at.is_some() => {
                no(Reason::Denied, "its key was revoked while it waited")
            }
            Some(Versioned { value: key, .. }) if key.expires_at.is_some_and(|end| end <= now) => {
                no(Reason::Denied, "its key expired while it waited")
            }
            Some(Versioned { value: key, .. }) if key.role.may(Action::Run) != Access::Allowed => {
                no(Reason::Denied, "its user may no longer run commands")
            }
            Some(_) => Ok(None),
            None => no(Reason::Denied, "its key is unknown"),
        }
    }

    /// Whether the execution is nobody's in particular, this process's, or that of another that lives.
    pub(crate) fn is_owned_by_the_living(&self, execution: &Execution) -> bool {
        let owner = execution.submission().owner.as_ref();
        owner.is_none_or(|owner| {
            self.parts.owner.as_ref() == Some(owner) || (self.parts.is_owner_alive)(owner)
        })
    }
}

fn take(lock: &Lock, execution: &Execution, at: Timestamp) -> Option<Lock> {
    if !matches!(execution.state(), State::Queued) {
        return None;
    }
    let user = execution.submission().created_by.clone();
    lock.transition(&LockEvent::Taken {
        execution: execution.id().clone(),
        user,
        at,
    })
}
