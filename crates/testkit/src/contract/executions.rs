//! Promises of `ExecutionReads`.

use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::ExecutionId;
use runvoy_ports::{ExecutionQuery, Scope, Write};

use super::{Subject, refused, write};
use crate::sample;

fn all() -> ExecutionQuery {
    ExecutionQuery {
        scope: Scope::All,
        statuses: Vec::new(),
        before: None,
        limit: 100,
    }
}

async fn insert(store: &Subject, executions: impl IntoIterator<Item = Execution>) {
    for execution in executions {
        write(store, vec![Write::InsertExecution(execution)]).await;
    }
}

async fn list(store: &Subject, query: &ExecutionQuery) -> Vec<ExecutionId> {
    let page = store.list_executions(query).await.unwrap();
    page.into_iter()
        .map(|execution| execution.id().clone())
        .collect()
}

fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<ExecutionId> {
    numbers.into_iter().map(sample::execution_id).collect()
}

/// Every state that an execution can be in, numbered from 1.
fn every_status() -> Vec<Execution> {
    let of = sample::execution;
    vec![
        sample::execution_of(1, "alice", Some("prod")),
        of(2),
        sample::running(&of(3)),
        sample::exited(&of(4), 0),
        sample::exited(&of(5), 1),
        sample::cancelled(&of(6)),
        sample::closed(&sample::exited(&of(7), 0)),
    ]
}

/// Whatever state it is in.
pub async fn an_execution_reads_back_as_written(store: &Subject) {
    insert(store, every_status()).await;
    for execution in every_status() {
        let found = store.find_execution(execution.id()).await.unwrap().unwrap();
        assert_eq!(found.value, execution);
    }
    let listed = store.list_executions(&all()).await.unwrap();
    let newest_first: Vec<Execution> = every_status().into_iter().rev().collect();
    assert_eq!(listed, newest_first);
}

/// Absence is no error.
pub async fn what_is_not_there_is_none(store: &Subject) {
    let id = sample::execution_id(1);
    assert_eq!(store.find_execution(&id).await.unwrap(), None);
    assert_eq!(list(store, &all()).await, []);
    assert_eq!(store.list_open(None, 9).await.unwrap(), []);
    let nobody = sample::email("nobody");
    let key = "key".parse().unwrap();
    assert_eq!(store.find_idempotency(&nobody, &key).await.unwrap(), None);
}

/// Newest first is by id, whatever the order of writing, and never more than asked for.
pub async fn lists_are_newest_first(store: &Subject) {
    insert(store, [2, 5, 1, 4, 3].map(sample::execution)).await;
    assert_eq!(list(store, &all()).await, ids([5, 4, 3, 2, 1]));
    let query = ExecutionQuery { limit: 2, ..all() };
    assert_eq!(list(store, &query).await, ids([5, 4]));
}

/// The next page begins after the last of the one before.
pub async fn pages_go_on_where_the_last_one_ended(store: &Subject) {
    insert(store, (1..=7).map(sample::execution)).await;
    let mut query = ExecutionQuery { limit: 3, ..all() };
    let mut pages = Vec::new();
    loop {
        let page = list(store, &query).await;
        let Some(last) = page.last() else { break };
        query.before = Some(last.clone());
        pages.push(page);
    }
    assert_eq!(pages, [ids([7, 6, 5]), ids([4, 3, 2]), ids([1])]);
}

/// A person's list and a lock's list hold exactly theirs.
pub async fn lists_keep_to_their_scope(store: &Subject) {
    insert(
        store,
        [
            sample::execution_of(1, "alice", None),
            sample::execution_of(2, "bob", Some("prod")),
            sample::execution_of(3, "alice", Some("prod")),
            sample::execution_of(4, "alice", Some("prod-2")),
        ],
    )
    .await;
    let scoped = |scope| ExecutionQuery { scope, ..all() };
    let by_user = |name| scoped(Scope::User(sample::email(name)));
    let by_lock = |name| scoped(Scope::Lock(sample::lock_name(name)));
    assert_eq!(list(store, &by_user("alice")).await, ids([4, 3, 1]));
    assert_eq!(list(store, &by_user("bob")).await, ids([2]));
    assert_eq!(list(store, &by_user("carol")).await, []);
    assert_eq!(list(store, &by_lock("prod")).await, ids([3, 2]));
    assert_eq!(list(store, &by_lock("test")).await, []);
    let second = ExecutionQuery {
        before: Some(sample::execution_id(3)),
        ..by_user("alice")
    };
    assert_eq!(list(store, &second).await, ids([1]));
}

/// Each status alone lists exactly the executions that have it.
pub async fn lists_keep_to_their_statuses(store: &Subject) {
    insert(store, every_status()).await;
    for status in Status::ALL {
        let query = ExecutionQuery {
            statuses: vec![status],
            ..all()
        };
        let expected: Vec<ExecutionId> = every_status()
            .iter()
            .rev()
            .filter(|execution| execution.status() == status)
            .map(|execution| execution.id().clone())
            .collect();
        assert_eq!(list(store, &query).await, expected, "{status}");
    }
}

/// Several statuses make one list, newest first across them, in every scope.
pub async fn filtered_lists_are_one_list(store: &Subject) {
    insert(store, every_status()).await;
    insert(store, [sample::execution_of(8, "bob", Some("prod"))]).await;
    let query = |scope, statuses: &[Status]| ExecutionQuery {
        scope,
        statuses: statuses.to_vec(),
        ..all()
    };
    let ended = [Status::Stopped, Status::Succeeded, Status::Failed];
    assert_eq!(
        list(store, &query(Scope::All, &ended)).await,
        ids([7, 6, 5, 4])
    );
    assert_eq!(
        list(store, &query(Scope::All, &Status::ALL)).await,
        ids((1..=8).rev())
    );
    let alice = Scope::User(sample::email("alice"));
    let waiting = [Status::Queued, Status::Running];
    assert_eq!(list(store, &query(alice, &waiting)).await, ids([3, 1]));
    let prod = Scope::Lock(sample::lock_name("prod"));
    assert_eq!(list(store, &query(prod, &waiting)).await, ids([8, 1]));
}

/// A page of a filtered list is as long as asked for while there are more.
pub async fn filtered_lists_have_pages_too(store: &Subject) {
    let cancelled = |number| sample::cancelled(&sample::execution(number));
    let exited = |number| sample::exited(&sample::execution(number), 0);
    insert(store, (1..=4).map(exited)).await;
    insert(store, (5..=8).map(sample::execution)).await;
    insert(store, (9..=10).map(cancelled)).await;
    let mut query = ExecutionQuery {
        statuses: vec![Status::Succeeded, Status::Stopped],
        limit: 4,
        ..all()
    };
    assert_eq!(list(store, &query).await, ids([10, 9, 4, 3]));
    query.before = Some(sample::execution_id(3));
    assert_eq!(list(store, &query).await, ids([2, 1]));
}

/// A count is that of the scope's executions with one of the statuses, and stops where it is told to.
pub async fn counts_keep_to_their_scope_and_statuses(store: &Subject) {
    insert(store, every_status()).await;
    insert(store, [sample::execution_of(8, "bob", Some("prod"))]).await;
    let alice = Scope::User(sample::email("alice"));
    let carol = Scope::User(sample::email("carol"));
    let prod = Scope::Lock(sample::lock_name("prod"));
    let going_on = [Status::Queued, Status::Starting, Status::Running];
    let cases: [(&Scope, &[Status], u32, u32); 7] = [
        (&Scope::All, &going_on, 100, 4),
        (&Scope::All, &going_on, 3, 3),
        (&Scope::All, &[Status::Running], 100, 1),
        (&Scope::All, &[], 100, 0),
        (&alice, &going_on, 100, 3),
        (&carol, &going_on, 100, 0),
        (&prod, &going_on, 100, 2),
    ];
    for (scope, statuses, at_most, expected) in cases {
        let count = store.count_executions(scope, statuses, at_most).await;
        assert_eq!(count.unwrap(), expected, "{scope:?} {statuses:?} {at_most}");
    }
}

/// A list filters by the status of today.
pub async fn status_follows_the_record(store: &Subject) {
    let starting = sample::execution(1);
    insert(store, [starting.clone()]).await;
    let running = sample::running(&starting);
    let read = store.find_execution(starting.id()).await.unwrap().unwrap();
    write(store, vec![Write::ReplaceExecution(running, read.version)]).await;
    let by = |status| ExecutionQuery {
        statuses: vec![status],
        ..all()
    };
    assert_eq!(list(store, &by(Status::Starting)).await, []);
    assert_eq!(list(store, &by(Status::Running)).await, ids([1]));
}

/// Open is all that is not closed, oldest first, in pages; closing takes it off the list.
pub async fn open_ones_are_listed_until_closed(store: &Subject) {
    insert(store, every_status()).await;
    assert_eq!(store.list_open(None, 99).await.unwrap(), ids(1..=6));
    assert_eq!(store.list_open(None, 2).await.unwrap(), ids([1, 2]));
    let after = sample::execution_id(2);
    assert_eq!(store.list_open(Some(&after), 2).await.unwrap(), ids([3, 4]));
    let read = store
        .find_execution(&sample::execution_id(4))
        .await
        .unwrap()
        .unwrap();
    let closed = sample::closed(&read.value);
    write(store, vec![Write::ReplaceExecution(closed, read.version)]).await;
    assert_eq!(
        store.list_open(None, 99).await.unwrap(),
        ids([1, 2, 3, 5, 6])
    );
}

/// With everything that was written.
pub async fn an_idempotency_key_is_remembered(store: &Subject) {
    let row = sample::idempotency("key", 1, sample::at(60));
    write(store, vec![Write::InsertIdempotency(row.clone())]).await;
    let found = store.find_idempotency(&row.user, &row.key).await.unwrap();
    assert_eq!(found, Some(row));
}

/// Two people may use the same key.
pub async fn an_idempotency_key_is_each_persons_own(store: &Subject) {
    let alice = sample::idempotency("key", 1, sample::at(60));
    let mut bob = sample::idempotency("key", 2, sample::at(60));
    bob.user = sample::email("bob");
    write(store, vec![Write::InsertIdempotency(alice.clone())]).await;
    write(store, vec![Write::InsertIdempotency(bob.clone())]).await;
    for row in [alice, bob] {
        let found = store.find_idempotency(&row.user, &row.key).await.unwrap();
        assert_eq!(found, Some(row));
    }
}

/// A second insert conflicts while the first lives.
pub async fn a_live_idempotency_key_is_not_taken_again(store: &Subject) {
    let first = sample::idempotency("key", 1, sample::at(60));
    write(store, vec![Write::InsertIdempotency(first.clone())]).await;
    let second = sample::idempotency("key", 2, sample::at(120));
    refused(store, vec![Write::InsertIdempotency(second)]).await;
    let found = store
        .find_idempotency(&first.user, &first.key)
        .await
        .unwrap();
    assert_eq!(found, Some(first));
}

/// Expired is by the time of the batch's own audit entry.
pub async fn an_expired_idempotency_key_is_taken_again(store: &Subject) {
    let first = sample::idempotency("key", 1, sample::at(-1));
    write(store, vec![Write::InsertIdempotency(first)]).await;
    let second = sample::idempotency("key", 2, sample::at(60));
    write(store, vec![Write::InsertIdempotency(second.clone())]).await;
    let found = store
        .find_idempotency(&second.user, &second.key)
        .await
        .unwrap();
    assert_eq!(found, Some(second));
}
