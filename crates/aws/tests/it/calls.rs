//! What a call of the store costs in calls of DynamoDB.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use runvoy_aws::DynamoStore;
use runvoy_core::execution::Status;
use runvoy_core::log::{LogHead, Seq};
use runvoy_ports::{
    AuditQuery, AuditReads as _, ExecutionQuery, ExecutionReads as _, HeadWrite, Ledger as _,
    LockReads as _, LogReads as _, LogSink as _, Scope, UserReads as _, Write,
};
use runvoy_testkit::sample;

use crate::database::{Database, config};

/// Notes the action of each request that is sent.
#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap();
        let action = target.rsplit('.').next().unwrap().to_owned();
        self.0.lock().unwrap().push(action);
        Ok(())
    }
}

impl Calls {
    /// The actions since this was last asked.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

async fn counted() -> (DynamoStore, Calls, Database) {
    let database = Database::new().await;
    let calls = Calls::default();
    let config = config(database.endpoint).interceptor(calls.clone()).build();
    let store = DynamoStore::new(Client::from_conf(config), &database.project);
    (store, calls, database)
}

#[tokio::test]
async fn a_commit_is_one_call_and_a_conflict_two() {
    let (store, calls, _database) = counted().await;
    let id = sample::execution_id(1);
    let writes = vec![
        Write::InsertExecution(sample::execution_of(1, "alice", Some("prod"))),
        Write::InsertLock(sample::lock("prod")),
        Write::InsertWaiter(sample::waiter("prod", 1)),
        Write::Head(id.clone(), HeadWrite::Insert(LogHead::new(id))),
        Write::InsertIdempotency(sample::idempotency("key", 1, sample::at(60))),
    ];
    store.commit(&sample::batch(writes.clone())).await.unwrap();
    assert_eq!(calls.take(), ["TransactWriteItems"]);
    store.commit(&sample::batch(writes)).await.unwrap_err();
    assert_eq!(calls.take(), ["TransactWriteItems", "GetItem"]);
}

#[tokio::test]
async fn a_lookup_is_one_call() {
    let (store, calls, _database) = counted().await;
    let (alice, prod) = (sample::email("alice"), sample::lock_name("prod"));
    store
        .find_execution(&sample::execution_id(1))
        .await
        .unwrap();
    store.find_key(&sample::hash(1)).await.unwrap();
    store.find_key_use(&sample::hash(1)).await.unwrap();
    store.find_user(&alice).await.unwrap();
    store.find_claim(&sample::hash(1)).await.unwrap();
    store.find_lock(&prod).await.unwrap();
    store.find_head(&sample::execution_id(1)).await.unwrap();
    let key = "key".parse().unwrap();
    store.find_idempotency(&alice, &key).await.unwrap();
    assert_eq!(calls.take(), vec!["GetItem"; 8]);
}

fn query(limit: u32) -> ExecutionQuery {
    ExecutionQuery {
        scope: Scope::All,
        statuses: Vec::new(),
        before: None,
        limit,
    }
}

#[tokio::test]
async fn a_page_is_one_call() {
    let (store, calls, _database) = counted().await;
    for number in 1..=5 {
        let insert = Write::InsertExecution(sample::execution_of(number, "alice", Some("prod")));
        store.commit(&sample::batch(vec![insert])).await.unwrap();
    }
    calls.take();
    let scopes = [
        Scope::All,
        Scope::User(sample::email("alice")),
        Scope::Lock(sample::lock_name("prod")),
    ];
    for scope in scopes {
        for limit in [2, 5, 50] {
            let query = ExecutionQuery {
                scope: scope.clone(),
                ..query(limit)
            };
            store.list_executions(&query).await.unwrap();
            assert_eq!(calls.take(), ["Query"], "{query:?}");
        }
    }
    store.list_open(None, 3).await.unwrap();
    store.list_locks().await.unwrap();
    store.list_users().await.unwrap();
    store
        .list_waiters(&sample::lock_name("prod"), 3)
        .await
        .unwrap();
    let trail = AuditQuery {
        limit: 3,
        ..AuditQuery::default()
    };
    store.list_audit(&trail).await.unwrap();
    assert_eq!(calls.take(), vec!["Query"; 5]);
}

#[tokio::test]
async fn a_page_of_a_status_is_two_calls_however_rare_the_status() {
    let (store, calls, _database) = counted().await;
    for number in 1..=120 {
        let execution = sample::execution(number);
        let execution = if number == 1 {
            sample::cancelled(&execution)
        } else {
            execution
        };
        let insert = Write::InsertExecution(execution);
        store.commit(&sample::batch(vec![insert])).await.unwrap();
    }
    calls.take();
    let query = ExecutionQuery {
        statuses: vec![Status::Stopped],
        ..query(50)
    };
    let page = store.list_executions(&query).await.unwrap();
    assert_eq!(page[0].id(), &sample::execution_id(1));
    assert_eq!(calls.take(), ["Query", "BatchGetItem"]);
}

#[tokio::test]
async fn lines_heartbeats_and_reading_them_are_one_call_each() {
    let (store, calls, _database) = counted().await;
    let (id, session) = (sample::execution_id(1), sample::session(1));
    let mut head = LogHead::new(id.clone());
    head.session = Some(session.clone());
    let insert = Write::Head(id.clone(), HeadWrite::Insert(head));
    store.commit(&sample::batch(vec![insert])).await.unwrap();
    calls.take();
    let lines = sample::entries(1, 9);
    store
        .append(&id, &session, &lines, sample::at(1))
        .await
        .unwrap();
    assert_eq!(calls.take(), ["TransactWriteItems"]);
    store
        .append(&id, &session, &[], sample::at(2))
        .await
        .unwrap();
    store
        .append(&id, &session, &[], sample::at(1))
        .await
        .unwrap();
    assert_eq!(calls.take(), ["UpdateItem", "UpdateItem"]);
    store.read_entries(&id, Seq::START, 1 << 20).await.unwrap();
    assert_eq!(calls.take(), ["Query"]);
    store
        .append(&id, &session, &lines, sample::at(3))
        .await
        .unwrap();
    assert_eq!(
        calls.take(),
        ["TransactWriteItems"],
        "the refusal brings the head"
    );
}
