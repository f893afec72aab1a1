use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_core::audit::AuditEntry;
use runvoy_core::claim::Claim;
use runvoy_core::execution::Execution;
use runvoy_core::id::{ExecutionId, SessionId};
use runvoy_core::idempotency::Idempotency;
use runvoy_core::key::{ApiKeyHash, KeyRecord};
use runvoy_core::lock::{Lock, Waiter};
use runvoy_core::log::{Entry, LogHead, Seq};
use runvoy_core::user::User;
use thiserror::Error;

use crate::{StoreError, Version};

/// Most writes in one batch (DynamoDB takes 100 in a transaction; nothing here needs more than a few).
pub const MAX_WRITES: usize = 25;

/// One conditional write. A condition that does not hold fails the whole batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// There is no execution of this id yet.
    InsertExecution(Execution),
    /// The execution still has this version.
    ReplaceExecution(Execution, Version),
    /// There is no lock of this name yet.
    InsertLock(Lock),
    /// The lock still has this version.
    ReplaceLock(Lock, Version),
    /// The execution does not wait for this lock yet.
    InsertWaiter(Waiter),
    /// The waiter still has this version.
    DeleteWaiter(Waiter, Version),
    /// The head of an execution's log; see [`HeadWrite`].
    Head(ExecutionId, HeadWrite),
    /// There is no person with this address yet.
    InsertUser(User),
    /// The person still has this version.
    ReplaceUser(User, Version),
    /// There is no key with this hash yet.
    InsertKey(KeyRecord),
    /// The key still has this version.
    ReplaceKey(KeyRecord, Version),
    /// There is no claim with this token yet.
    InsertClaim(Claim),
    /// The claim still has this version.
    ReplaceClaim(Claim, Version),
    /// The user has no live idempotency key of this name: none, or one that expired before the audit entry's time.
    InsertIdempotency(Idempotency),
}

/// A change of a log's head. Its condition is its state, not a version, so that lines arriving never conflict with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadWrite {
    /// There is no head yet.
    Insert(LogHead),
    /// The head is open and no session is bound: binds this one.
    Bind(SessionId),
    /// The head is open and its next entry would carry this number: closes it for ever.
    Close(Seq),
}

/// Conditional writes that happen together or not at all, with the audit entry that tells of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    audit: AuditEntry,
    writes: Vec<Write>,
}

/// A batch of more than [`MAX_WRITES`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a batch of {0} writes is too large")]
pub struct BatchTooLarge(usize);

impl Batch {
    /// A batch of `writes`, at most one per item, told of by `audit`, whose id is the batch's own.
    pub fn new(audit: AuditEntry, writes: Vec<Write>) -> Result<Self, BatchTooLarge> {
        if writes.len() > MAX_WRITES {
            Err(BatchTooLarge(writes.len()))
        } else {
            Ok(Self { audit, writes })
        }
    }

    /// The audit entry.
    pub fn audit(&self) -> &AuditEntry {
        &self.audit
    }

    /// The writes, in the order given.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }
}

/// The one way to change state atomically.
#[async_trait]
pub trait Ledger: Debug + Send + Sync {
    /// Writes all of the batch or nothing. [`StoreError::Conflict`] if any condition fails. A batch whose audit id was
    /// committed before is answered `Ok` and changes nothing, so that a lost reply can be asked for again.
    /// What was acknowledged survives the death of the process at any moment.
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError>;
}

/// What became of appended entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The log's next entry must carry this number. Where it is not past the entries offered, nothing was written.
    Next(Seq),
    /// The session does not own the log, or the log is closed or unknown: the writer must leave.
    Refused,
}

/// Log lines and heartbeats: unaudited, conditional on the log's head alone, never touching the execution's record.
#[async_trait]
pub trait LogSink: Debug + Send + Sync {
    /// Stores `entries` (numbered consecutively), and moves the head on, only if `session` is bound, the head is open
    /// and the first is the head's next; renews `last_seen` in the same write. No entries: only renews.
    async fn append(
        &self,
        id: &ExecutionId,
        session: &SessionId,
        entries: &[Entry],
        at: Timestamp,
    ) -> Result<Appended, StoreError>;
}

/// Notes when keys are used.
#[async_trait]
pub trait KeyUse: Debug + Send + Sync {
    /// Notes that the key was used at `at`; an older time changes nothing.
    async fn touch_key(&self, hash: &ApiKeyHash, at: Timestamp) -> Result<(), StoreError>;
}
