//! Named locks: one holder, a fencing token that only grows, and a line of waiters.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::ExecutionId;
use crate::text::{Invalid, excerpt};
use crate::user::UserEmail;

checked_text! {
    /// The name of a lock: 1–128 letters, digits, or `. _ - / :`, beginning with a letter or digit.
    LockName, |text| {
        let good = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:".contains(c));
        let head = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if good && head && text.len() <= 128 {
            Ok(())
        } else {
            Err(Invalid::new("lock name", format!("must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not {}", excerpt(text))))
        }
    }
}

/// A fencing token: grows with each holder of a lock, never repeats. Exported as `RUNVOY_LOCK_FENCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fence(u64);

impl Fence {
    /// The token before the first holder.
    pub const NONE: Self = Self(0);

    /// The token's number.
    pub const fn number(self) -> u64 {
        self.0
    }

    const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The execution that holds it.
    pub execution: ExecutionId,
    /// Whose execution it is.
    pub user: UserEmail,
    /// The token under which it holds.
    pub fence: Fence,
    /// Since when.
    pub since: Timestamp,
}

/// A lock. Never deleted, so that its fence never starts again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    name: LockName,
    fence: Fence,
    holder: Option<Holder>,
}

/// What may happen to a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockEvent {
    /// An execution takes the lock.
    Taken {
        /// The new holder.
        execution: ExecutionId,
        /// Whose it is.
        user: UserEmail,
        /// When.
        at: Timestamp,
    },
    /// The holder is over, or a person frees the lock by force; names whom and under which token.
    Freed {
        /// The holder that is meant.
        execution: ExecutionId,
        /// The token that it held.
        fence: Fence,
    },
}

impl Lock {
    /// A lock that nobody ever held.
    pub fn new(name: LockName) -> Self {
        Self {
            name,
            fence: Fence::NONE,
            holder: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &LockName {
        &self.name
    }

    /// The token of the newest holder, present or past.
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// Who holds it now.
    pub fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// The lock after `event`, or `None` where the event changes nothing: taking a held lock, or freeing what
    /// somebody else holds. Total: any event, in any order, any number of times.
    #[must_use]
    pub fn transition(&self, event: &LockEvent) -> Option<Self> {
        match (event, &self.holder) {
            (
                LockEvent::Taken {
                    execution,
                    user,
                    at,
                },
                None,
            ) => {
                let fence = self.fence.next();
                let holder = Holder {
                    execution: execution.clone(),
                    user: user.clone(),
                    fence,
                    since: *at,
                };
                Some(Self {
                    name: self.name.clone(),
                    fence,
                    holder: Some(holder),
                })
            }
            (LockEvent::Freed { execution, fence }, Some(holder))
                if holder.execution == *execution && holder.fence == *fence =>
            {
                Some(Self {
                    name: self.name.clone(),
                    fence: self.fence,
                    holder: None,
                })
            }
            (LockEvent::Taken { .. }, Some(_)) | (LockEvent::Freed { .. }, _) => None,
        }
    }
}

/// A place in a lock's line. The line is ordered by execution id, so first in is first out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    /// The lock that is waited for.
    pub lock: LockName,
    /// Who waits.
    pub execution: ExecutionId,
    /// Since when.
    pub since: Timestamp,
}

#[cfg(test)]
mod tests;
