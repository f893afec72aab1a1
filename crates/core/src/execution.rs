//! An execution: what was submitted, how far it has come, how it ended.

mod event;
mod transition;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use event::{Billed, Event, Evidence, ProviderWord, StopCause};

use crate::command::Command;
use crate::container::Container;
use crate::environment::EnvName;
use crate::id::{AttemptId, BootNonce, ExecutionId, OwnerId, Place, RequestId, SessionId};
use crate::key::ApiKeyHash;
use crate::lock::{Fence, LockName};
use crate::money::Money;
use crate::outcome::Outcome;
use crate::text::{Invalid, excerpt};
use crate::user::UserEmail;

/// Running time allowed where nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);
/// The longest running time that can be asked for.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(24);
/// Time between TERM and KILL where nothing else is said.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);
/// The longest time between TERM and KILL.
pub const MAX_GRACE: Duration = Duration::from_mins(10);
/// How long a run waits in a lock's line where nothing else is said.
pub const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_hours(1);
/// The longest wait for a lock that can be asked for.
pub const MAX_LOCK_TIMEOUT: Duration = Duration::from_hours(30 * 24);
/// Output that a log keeps where nothing else is said, in bytes.
pub const DEFAULT_LOG_LIMIT: u64 = 256 * 1024 * 1024;
/// How long an execution may stay without a started agent before it counts as failed to launch.
pub const START_LIMIT: Duration = Duration::from_mins(15);
/// Waiting times before the second, third and fourth attempt to launch.
pub const RETRY_DELAYS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(10),
];

/// What a person submitted; frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// What to run.
    pub command: Command,
    /// Whose it is.
    pub created_by: UserEmail,
    /// The key that submitted it, authorized again when a lock is handed over; `None` for the local user.
    pub key: Option<ApiKeyHash>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// By which request.
    pub request_id: RequestId,
    /// Names of the plain variables; the values are sealed.
    pub env_names: Vec<EnvName>,
    /// Names of the secret variables, whose values are masked in the log.
    pub secret_names: Vec<EnvName>,
    /// Limit of the running time, from `start`.
    pub timeout: Duration,
    /// Time between TERM and KILL.
    pub grace: Duration,
    /// Bytes of output that the log keeps.
    pub log_limit: u64,
    /// The lock to hold while running.
    pub lock: Option<LockRequest>,
    /// Directory to run in; `None` for a directory of its own.
    pub workdir: Option<String>,
    /// The process that alone may drive it, under `--local`.
    pub owner: Option<OwnerId>,
    /// The container to run in, where the launcher runs containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

/// A lock that an execution wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRequest {
    /// Which.
    pub name: LockName,
    /// When waiting for it ends.
    pub deadline: Timestamp,
}

/// Values of an execution's variables, encrypted; gone when the execution is over.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(String);

impl Sealed {
    /// Wraps a ciphertext in base64.
    pub fn new(ciphertext: String) -> Self {
        Self(ciphertext)
    }

    /// The ciphertext in base64.
    pub fn ciphertext(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

/// How far an execution has come; each state owns its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In a lock's line.
    Queued,
    /// Being placed.
    Starting {
        /// Since when.
        since: Timestamp,
        /// How far the newest attempt has come.
        step: LaunchStep,
    },
    /// An agent has started it.
    Running {
        /// Which agent, where, when.
        started: Started,
    },
    /// A stop is under way.
    Terminating {
        /// Which agent, where, when.
        started: Started,
        /// The first stop that was asked for.
        stop: Stop,
    },
    /// Over. Still looked after until closed.
    Ended {
        /// The agent that ran it, if any did.
        started: Option<Started>,
        /// How it ended.
        outcome: Outcome,
        /// When it ended.
        at: Timestamp,
        /// When nothing of it was left and its cost was final.
        closed_at: Option<Timestamp>,
    },
}

/// How far a launch has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchStep {
    /// The next attempt may begin at this time.
    Due {
        /// When.
        at: Timestamp,
    },
    /// The launcher has been, or is about to be, asked.
    Placing,
    /// The launcher has taken it; the agent has not called yet.
    Placed,
}

/// The commit point: which agent runs the execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// When, by the control plane's clock.
    pub at: Timestamp,
    /// In which attempt.
    pub attempt: u32,
    /// The agent's boot.
    pub nonce: BootNonce,
    /// The agent's session.
    pub session: SessionId,
    /// Where it runs.
    pub place: Place,
}

/// A stop that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: StopCause,
}

/// An execution's record. Made by [`Execution::new`], changed only by [`Execution::transition`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    id: ExecutionId,
    submission: Submission,
    state: State,
    attempt: u32,
    lease_until: Option<Timestamp>,
    fence: Option<Fence>,
    lock_lost: bool,
    unreachable_since: Option<Timestamp>,
    launch_words: Option<String>,
    cost: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_ipv4: Option<Money>,
    sealed: Option<Sealed>,
}

/// Whether a new execution may start or must stand in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It wants no lock.
    Unlocked,
    /// It takes its free lock, under this token.
    Holding(Fence),
    /// Its lock is held, or others wait for it.
    Queued,
}

impl Execution {
    /// A new execution.
    pub fn new(
        id: ExecutionId,
        submission: Submission,
        admission: Admission,
        sealed: Option<Sealed>,
    ) -> Self {
        let at = submission.created_at;
        let starting = State::Starting {
            since: at,
            step: LaunchStep::Due { at },
        };
        let (state, fence) = match admission {
            Admission::Unlocked => (starting, None),
            Admission::Holding(fence) => (starting, Some(fence)),
            Admission::Queued => (State::Queued, None),
        };
        Self {
            id,
            submission,
            state,
            attempt: 0,
            lease_until: None,
            fence,
            lock_lost: false,
            unreachable_since: None,
            launch_words: None,
            cost: None,
            public_ipv4: None,
            sealed,
        }
    }

    /// Its id.
    pub fn id(&self) -> &ExecutionId {
        &self.id
    }

    /// What was submitted.
    pub fn submission(&self) -> &Submission {
        &self.submission
    }

    /// How far it has come.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The newest launch attempt, if one was ever intended.
    pub fn attempt(&self) -> Option<AttemptId> {
        (self.attempt > 0).then(|| AttemptId::new(self.id.clone(), self.attempt))
    }

    /// Until when a launch may be in flight that nobody has accounted for.
    pub fn lease_until(&self) -> Option<Timestamp> {
        self.lease_until
    }

    /// The fencing token under which it holds or held its lock.
    pub fn fence(&self) -> Option<Fence> {
        self.fence
    }

    /// Whether its lock was taken from it by force.
    pub fn is_lock_lost(&self) -> bool {
        self.lock_lost
    }

    /// Since when nobody can say whether it still runs.
    pub fn unreachable_since(&self) -> Option<Timestamp> {
        self.unreachable_since
    }

    /// What the launcher said when it last refused.
    pub fn launch_words(&self) -> Option<&str> {
        self.launch_words.as_deref()
    }

    /// What it cost, once that is final.
    pub fn cost(&self) -> Option<Money> {
        self.cost
    }

    /// What its public addresses cost beside, once that is final.
    pub fn public_ipv4(&self) -> Option<Money> {
        self.public_ipv4
    }

    /// The sealed values of its variables, while they are needed.
    pub fn sealed(&self) -> Option<&Sealed> {
        self.sealed.as_ref()
    }

    /// The agent that runs or ran it.
    pub fn started(&self) -> Option<&Started> {
        match &self.state {
            State::Queued | State::Starting { .. } => None,
            State::Running { started } | State::Terminating { started, .. } => Some(started),
            State::Ended { started, .. } => started.as_ref(),
        }
    }

    /// How and when it ended.
    pub fn ended(&self) -> Option<(&Outcome, Timestamp)> {
        match &self.state {
            State::Ended { outcome, at, .. } => Some((outcome, *at)),
            State::Queued
            | State::Starting { .. }
            | State::Running { .. }
            | State::Terminating { .. } => None,
        }
    }

    /// Whether it is history: over, nothing of it left, its cost final.
    pub fn is_closed(&self) -> bool {
        matches!(
            self.state,
            State::Ended {
                closed_at: Some(_),
                ..
            }
        )
    }

    /// When its running time is up, if it runs.
    pub fn runs_until(&self) -> Option<Timestamp> {
        self.started()
            .map(|started| later(started.at, self.submission.timeout))
    }

    /// The status that people and the API see.
    pub fn status(&self) -> Status {
        match &self.state {
            State::Queued => Status::Queued,
            State::Starting { .. } => Status::Starting,
            State::Running { .. } => Status::Running,
            State::Terminating { .. } => Status::Terminating,
            State::Ended { outcome, .. } if outcome.is_success() => Status::Succeeded,
            State::Ended { outcome, .. }
                if outcome.reason() == crate::outcome::Reason::Cancelled =>
            {
                Status::Stopped
            }
            State::Ended { .. } => Status::Failed,
        }
    }
}

/// `at` plus `by`, at most the end of time.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// An execution's status, in the API's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "each name says it; design §3 has the picture")]
pub enum Status {
    Queued,
    Starting,
    Running,
    Terminating,
    Succeeded,
    Failed,
    Stopped,
}

impl Status {
    /// Every status, in the order of an execution's life.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Starting,
        Self::Running,
        Self::Terminating,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
    ];

    /// The published spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Terminating => "TERMINATING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether nothing can follow.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Starting | Self::Running | Self::Terminating => false,
            Self::Succeeded | Self::Failed | Self::Stopped => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                let all: Vec<&str> = Self::ALL.iter().map(|status| status.as_str()).collect();
                Invalid::new(
                    "status",
                    format!("must be one of {}, not {}", all.join(", "), excerpt(text)),
                )
            })
    }
}

#[cfg(test)]
mod tests;
