//! A store that remembers what it was asked.

use std::sync::Mutex;

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
    LockReads, LogReads, LogSink, Scope, StoreError, UserReads, Versioned,
};
use runvoy_sql::SqliteStore;

type Answer<T> = Result<T, StoreError>;

/// A store like the one in it. Each call is a round trip elsewhere, so which were made, and in which order, matters.
#[derive(Debug)]
pub(crate) struct WatchedStore {
    inner: SqliteStore,
    calls: Mutex<Vec<&'static str>>,
}

impl WatchedStore {
    pub(crate) fn new(inner: SqliteStore) -> Self {
        Self {
            inner,
            calls: Mutex::default(),
        }
    }

    /// The names of the calls since the last look.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn note(&self, call: &'static str) -> &SqliteStore {
        self.calls.lock().unwrap().push(call);
        &self.inner
    }
}

#[async_trait]
impl Ledger for WatchedStore {
    async fn commit(&self, batch: &Batch) -> Answer<()> {
        self.note("commit").commit(batch).await
    }
}

#[async_trait]
impl LogSink for WatchedStore {
    async fn append(
        &self,
        id: &ExecutionId,
        session: &SessionId,
        entries: &[Entry],
        at: Timestamp,
    ) -> Answer<Appended> {
        let inner = self.note("append");
        inner.append(id, session, entries, at).await
    }
}

#[async_trait]
impl KeyUse for WatchedStore {
    async fn touch_key(&self, hash: &ApiKeyHash, at: Timestamp) -> Answer<()> {
        self.note("touch_key").touch_key(hash, at).await
    }
}

#[async_trait]
impl ExecutionReads for WatchedStore {
    async fn find_execution(&self, id: &ExecutionId) -> Answer<Option<Versioned<Execution>>> {
        self.note("find_execution").find_execution(id).await
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Answer<Vec<Execution>> {
        self.note("list_executions").list_executions(query).await
    }

    async fn count_executions(
        &self,
        scope: &Scope,
        statuses: &[Status],
        at_most: u32,
    ) -> Answer<u32> {
        let inner = self.note("count_executions");
        inner.count_executions(scope, statuses, at_most).await
    }

    async fn list_open(&self, after: Option<&ExecutionId>, limit: u32) -> Answer<Vec<ExecutionId>> {
        self.note("list_open").list_open(after, limit).await
    }

    async fn find_idempotency(
        &self,
        user: &UserEmail,
        key: &IdempotencyKey,
    ) -> Answer<Option<Idempotency>> {
        let inner = self.note("find_idempotency");
        inner.find_idempotency(user, key).await
    }
}

#[async_trait]
impl LockReads for WatchedStore {
    async fn find_lock(&self, name: &LockName) -> Answer<Option<Versioned<Lock>>> {
        self.note("find_lock").find_lock(name).await
    }

    async fn list_locks(&self) -> Answer<Vec<Lock>> {
        self.note("list_locks").list_locks().await
    }

    async fn list_waiters(&self, name: &LockName, limit: u32) -> Answer<Vec<Versioned<Waiter>>> {
        self.note("list_waiters").list_waiters(name, limit).await
    }
}

#[async_trait]
impl UserReads for WatchedStore {
    async fn find_user(&self, email: &UserEmail) -> Answer<Option<Versioned<User>>> {
        self.note("find_user").find_user(email).await
    }

    async fn list_users(&self) -> Answer<Vec<Versioned<User>>> {
        self.note("list_users").list_users().await
    }

    async fn find_key(&self, hash: &ApiKeyHash) -> Answer<Option<Versioned<KeyRecord>>> {
        self.note("find_key").find_key(hash).await
    }

    async fn find_key_use(&self, hash: &ApiKeyHash) -> Answer<Option<Timestamp>> {
        self.note("find_key_use").find_key_use(hash).await
    }

    async fn find_claim(&self, token: &ApiKeyHash) -> Answer<Option<Versioned<Claim>>> {
        self.note("find_claim").find_claim(token).await
    }
}

#[async_trait]
impl LogReads for WatchedStore {
    async fn find_head(&self, id: &ExecutionId) -> Answer<Option<LogHead>> {
        self.note("find_head").find_head(id).await
    }

    async fn read_entries(
        &self,
        id: &ExecutionId,
        after: Seq,
        max_bytes: usize,
    ) -> Answer<Vec<Entry>> {
        let inner = self.note("read_entries");
        inner.read_entries(id, after, max_bytes).await
    }
}

#[async_trait]
impl AuditReads for WatchedStore {
    async fn list_audit(&self, query: &AuditQuery) -> Answer<Vec<AuditEntry>> {
        self.note("list_audit").list_audit(query).await
    }
}
