//! The audit trail: who changed what, when, by which request.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ExecutionId, OperationId, RequestId};
use crate::user::UserEmail;

/// Who is behind a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A person.
    User(UserEmail),
    /// The agent of an execution.
    Agent(ExecutionId),
    /// runvoy itself: the reconciler, the first start.
    System,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(email) => email.fmt(f),
            Self::Agent(execution) => write!(f, "agent of {execution}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each name says it; `as_str` is the published spelling"
)]
pub enum AuditAction {
    ExecutionCreated,
    ExecutionAdmitted,
    LaunchIntended,
    LaunchAccepted,
    LaunchRefused,
    ExecutionStarted,
    StopAsked,
    ExecutionEnded,
    ExecutionUnreachable,
    ExecutionReachable,
    ExecutionClosed,
    AgentRefused,
    LockReleased,
    UserCreated,
    UserRevoked,
    UserRoleChanged,
    KeyRotated,
    KeyClaimed,
    AdminReset,
}

impl AuditAction {
    /// The name in the API, for example `execution.created`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExecutionCreated => "execution.created",
            Self::ExecutionAdmitted => "execution.admitted",
            Self::LaunchIntended => "execution.launch_intended",
            Self::LaunchAccepted => "execution.launch_accepted",
            Self::LaunchRefused => "execution.launch_refused",
            Self::ExecutionStarted => "execution.started",
            Self::StopAsked => "execution.stop_asked",
            Self::ExecutionEnded => "execution.ended",
            Self::ExecutionUnreachable => "execution.unreachable",
            Self::ExecutionReachable => "execution.reachable",
            Self::ExecutionClosed => "execution.closed",
            Self::AgentRefused => "agent.refused",
            Self::LockReleased => "lock.released",
            Self::UserCreated => "user.created",
            Self::UserRevoked => "user.revoked",
            Self::UserRoleChanged => "user.role_changed",
            Self::KeyRotated => "key.rotated",
            Self::KeyClaimed => "key.claimed",
            Self::AdminReset => "admin.reset",
        }
    }
}

/// One line of the trail, written in the same commit as what it tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The batch it was written with; unique, and sorts by time.
    pub id: OperationId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub principal: Principal,
    /// What.
    pub action: AuditAction,
    /// By which request, where there was one.
    pub request: Option<RequestId>,
    /// The execution it is about.
    pub execution: Option<ExecutionId>,
    /// The person it is about.
    pub user: Option<UserEmail>,
    /// Anything else worth knowing, for people to read; never a secret.
    pub details: String,
}
