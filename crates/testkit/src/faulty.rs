//! A store that goes wrong where a plan says so.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use runvoy_core::audit::AuditEntry;
use runvoy_core::claim::Claim;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::{ExecutionId, SessionId};
use runvoy_core::idempotency::{Idempotency, IdempotencyKey};
use runvoy_core::key::{ApiKeyHash, KeyRecord};
use runvoy_core::lock::{Lock, LockName, Waiter};
use runvoy_core::log::{Entry, LogHead, Seq};
use runvoy_core::user::{User, UserEmail};
use runvoy_ports::{
    Appended, AuditQuery, AuditReads, Batch, ExecutionQuery, ExecutionReads, KeyUse, Ledger,
    LockReads, LogReads, LogSink, Scope, Store, StoreError, UserReads, Versioned,
};
use thiserror::Error;

use crate::fault::{Call, Fault, FaultPlan};

/// A store like the one that it wraps, but for the faults of its plan.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    plan: FaultPlan,
}

/// The cause in the errors that the wrapper makes up.
#[derive(Debug, Error)]
#[error("a planned fault")]
pub struct Planned;

impl FaultyStore {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, plan: FaultPlan) -> Self {
        Self { inner, plan }
    }

    /// The plan, to ask how many calls there were.
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// What goes wrong before the store hears of a call.
    async fn before(&self, fault: Option<Fault>) -> Result<(), StoreError> {
        match fault {
            Some(Fault::Refuse) => Err(StoreError::Unavailable(Box::new(Planned))),
            Some(Fault::Full) => Err(StoreError::Full(Box::new(Planned))),
            Some(Fault::Conflict) => Err(StoreError::Conflict),
            Some(Fault::KillBefore) => kill_self().await,
            Some(fault @ Fault::DelayMs(_)) => {
                tokio::time::sleep(fault.delay()).await;
                Ok(())
            }
            Some(Fault::DropReply | Fault::KillAfter) | None => Ok(()),
        }
    }

    /// What goes wrong when the store has answered.
    async fn after<T>(&self, fault: Option<Fault>, answer: T) -> Result<T, StoreError> {
        match fault {
            Some(Fault::DropReply) => Err(StoreError::Unavailable(Box::new(Planned))),
            Some(Fault::KillAfter) => kill_self().await,
            _ => Ok(answer),
        }
    }
}

/// Ends the process as `kill -9` does: nothing is flushed, nothing is cleaned up.
async fn kill_self<T>() -> T {
    #[cfg(unix)]
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap();
    #[cfg(not(unix))]
    std::process::abort();
    std::future::pending().await
}

#[async_trait]
impl Ledger for FaultyStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let fault = self.plan.next(Call::Commit);
        self.before(fault).await?;
        self.inner.commit(batch).await?;
        self.after(fault, ()).await
    }
}

#[async_trait]
impl LogSink for FaultyStore {
    async fn append(
        &self,
        id: &ExecutionId,
        session: &SessionId,
        entries: &[Entry],
        at: Timestamp,
    ) -> Result<Appended, StoreError> {
        let fault = match self.plan.next(Call::Append) {
            Some(Fault::Conflict) => Some(Fault::Refuse),
            fault => fault,
        };
        self.before(fault).await?;
        let appended = self.inner.append(id, session, entries, at).await?;
        self.after(fault, appended).await
    }
}

#[async_trait]
impl KeyUse for FaultyStore {
    async fn touch_key(&self, hash: &ApiKeyHash, at: Timestamp) -> Result<(), StoreError> {
        self.inner.touch_key(hash, at).await
    }
}

#[async_trait]
impl ExecutionReads for FaultyStore {
    async fn find_execution(
        &self,
        id: &ExecutionId,
    ) -> Result<Option<Versioned<Execution>>, StoreError> {
        self.inner.find_execution(id).await
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<Execution>, StoreError> {
        self.inner.list_executions(query).await
    }

    async fn count_executions(
        &self,
        scope: &Scope,
        statuses: &[Status],
        at_most: u32,
    ) -> Result<u32, StoreError> {
        self.inner.count_executions(scope, statuses, at_most).await
    }

    async fn list_open(
        &self,
        after: Option<&ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.inner.list_open(after, limit).await
    }

    async fn find_idempotency(
        &self,
        user: &UserEmail,
        key: &IdempotencyKey,
    ) -> Result<Option<Idempotency>, StoreError> {
        self.inner.find_idempotency(user, key).await
    }
}

#[async_trait]
impl LockReads for FaultyStore {
    async fn find_lock(&self, name: &LockName) -> Result<Option<Versioned<Lock>>, StoreError> {
        self.inner.find_lock(name).await
    }

    async fn list_locks(&self) -> Result<Vec<Lock>, StoreError> {
        self.inner.list_locks().await
    }

    async fn list_waiters(
        &self,
        name: &LockName,
        limit: u32,
    ) -> Result<Vec<Versioned<Waiter>>, StoreError> {
        self.inner.list_waiters(name, limit).await
    }
}

#[async_trait]
impl UserReads for FaultyStore {
    async fn find_user(&self, email: &UserEmail) -> Result<Option<Versioned<User>>, StoreError> {
        self.inner.find_user(email).await
    }

    async fn list_users(&self) -> Result<Vec<Versioned<User>>, StoreError> {
        self.inner.list_users().await
    }

    async fn find_key(
        &self,
        hash: &ApiKeyHash,
    ) -> Result<Option<Versioned<KeyRecord>>, StoreError> {
        self.inner.find_key(hash).await
    }

    async fn find_key_use(&self, hash: &ApiKeyHash) -> Result<Option<Timestamp>, StoreError> {
        self.inner.find_key_use(hash).await
    }

    async fn find_claim(&self, token: &ApiKeyHash) -> Result<Option<Versioned<Claim>>, StoreError> {
        self.inner.find_claim(token).await
    }
}

#[async_trait]
impl LogReads for FaultyStore {
    async fn find_head(&self, id: &ExecutionId) -> Result<Option<LogHead>, StoreError> {
        self.inner.find_head(id).await
    }

    async fn read_entries(
        &self,
        id: &ExecutionId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.read_entries(id, after, max_bytes).await
    }
}

#[async_trait]
impl AuditReads for FaultyStore {
    async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.list_audit(query).await
    }
}
