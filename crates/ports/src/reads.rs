use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_core::audit::AuditEntry;
use runvoy_core::claim::Claim;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::{ExecutionId, OperationId};
use runvoy_core::idempotency::{Idempotency, IdempotencyKey};
use runvoy_core::key::{ApiKeyHash, KeyRecord};
use runvoy_core::lock::{Lock, LockName, Waiter};
use runvoy_core::log::{Entry, LogHead, Seq};
use runvoy_core::user::{User, UserEmail};

use crate::{KeyUse, Ledger, LogSink, StoreError};

/// Counts the changes of a row; a write names the version that it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i64);

/// A row as it was read, with the version that a write of it must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The version at the time of reading.
    pub version: Version,
    /// The row.
    pub value: T,
}

/// Whose executions a list shows. Each scope has an index of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// Those of one person.
    User(UserEmail),
    /// Those that asked for one lock.
    Lock(LockName),
}

/// Which executions to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionQuery {
    /// Whose.
    pub scope: Scope,
    /// Only these statuses; empty for all.
    pub statuses: Vec<Status>,
    /// Only those older than this one (the last of the page before).
    pub before: Option<ExecutionId>,
    /// At most this many.
    pub limit: u32,
}

/// Reads executions. What is found by its id is what the last acknowledged commit left. A list may follow a moment
/// later where the store keeps it in an index: nothing is decided by one but how many may run, and that only where
/// lists are exact.
#[async_trait]
pub trait ExecutionReads: Debug + Send + Sync {
    /// The execution of this id.
    async fn find_execution(
        &self,
        id: &ExecutionId,
    ) -> Result<Option<Versioned<Execution>>, StoreError>;
    /// A page of executions, newest first. Costs the same however many there are.
    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<Execution>, StoreError>;
    /// How many executions of the scope have one of these statuses, counted up to `at_most`; as exact as lists are.
    async fn count_executions(
        &self,
        scope: &Scope,
        statuses: &[Status],
        at_most: u32,
    ) -> Result<u32, StoreError>;
    /// Ids of executions that are not closed and newer than `after`, oldest first, at most `limit`.
    async fn list_open(
        &self,
        after: Option<&ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, StoreError>;
    /// What a request of this user with this key made. Rows past their expiry may linger: the caller checks.
    async fn find_idempotency(
        &self,
        user: &UserEmail,
        key: &IdempotencyKey,
    ) -> Result<Option<Idempotency>, StoreError>;
}

/// Reads locks and their lines.
#[async_trait]
pub trait LockReads: Debug + Send + Sync {
    /// The lock of this name, if anybody ever held it.
    async fn find_lock(&self, name: &LockName) -> Result<Option<Versioned<Lock>>, StoreError>;
    /// Every lock that ever was, by name.
    async fn list_locks(&self) -> Result<Vec<Lock>, StoreError>;
    /// The line of a lock, first in line first, at most `limit`.
    async fn list_waiters(
        &self,
        name: &LockName,
        limit: u32,
    ) -> Result<Vec<Versioned<Waiter>>, StoreError>;
}

/// Reads people, keys and claims.
#[async_trait]
pub trait UserReads: Debug + Send + Sync {
    /// The person with this address, revoked or not.
    async fn find_user(&self, email: &UserEmail) -> Result<Option<Versioned<User>>, StoreError>;
    /// Everybody, revoked or not, by address.
    async fn list_users(&self) -> Result<Vec<Versioned<User>>, StoreError>;
    /// The key with this hash, revoked or expired or not: everything that one lookup needs to decide a request.
    async fn find_key(&self, hash: &ApiKeyHash)
    -> Result<Option<Versioned<KeyRecord>>, StoreError>;
    /// When the key was last used, as far as that was noted.
    async fn find_key_use(&self, hash: &ApiKeyHash) -> Result<Option<Timestamp>, StoreError>;
    /// The claim of the token with this hash, used or expired or not.
    async fn find_claim(&self, token: &ApiKeyHash) -> Result<Option<Versioned<Claim>>, StoreError>;
}

/// Reads logs.
#[async_trait]
pub trait LogReads: Debug + Send + Sync {
    /// The head of an execution's log.
    async fn find_head(&self, id: &ExecutionId) -> Result<Option<LogHead>, StoreError>;
    /// Entries numbered above `after`, in order and without a gap, about `max_bytes` of text (at least one entry if there is any).
    async fn read_entries(
        &self,
        id: &ExecutionId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, StoreError>;
}

/// Which audit entries to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// Only what this person did, or what was done to them.
    pub user: Option<UserEmail>,
    /// Only what concerns this execution.
    pub execution: Option<ExecutionId>,
    /// Only what happened at or after this time.
    pub since: Option<Timestamp>,
    /// Only entries older than this one (the last of the page before).
    pub before: Option<OperationId>,
    /// At most this many.
    pub limit: u32,
}

/// Reads the audit trail.
#[async_trait]
pub trait AuditReads: Debug + Send + Sync {
    /// A page of the trail, newest first.
    async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError>;
}

/// Everything that a control plane keeps.
pub trait Store:
    ExecutionReads + LockReads + UserReads + LogReads + AuditReads + Ledger + LogSink + KeyUse
{
}

impl<T: ExecutionReads + LockReads + UserReads + LogReads + AuditReads + Ledger + LogSink + KeyUse>
    Store for T
{
}
