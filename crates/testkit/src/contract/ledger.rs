//! Promises of `Ledger`.

use std::sync::Arc;

use runvoy_core::execution::Status;
use runvoy_core::lock::Waiter;
use runvoy_core::log::LogHead;
use runvoy_ports::{HeadWrite, StoreError, Version, Write};
use tokio::task::JoinSet;

use super::{Subject, refused, write};
use crate::sample;

/// Tasks that race for one row.
const RIVALS: u64 = 24;

/// A second insert of the same key conflicts, and the first stays.
pub async fn insert_is_exclusive(store: &Subject) {
    let first = sample::execution_of(1, "alice", None);
    write(store, vec![Write::InsertExecution(first.clone())]).await;
    let second = sample::execution_of(1, "bob", None);
    refused(store, vec![Write::InsertExecution(second)]).await;
    write(store, vec![Write::InsertLock(sample::lock("prod"))]).await;
    refused(
        store,
        vec![Write::InsertLock(sample::taken(&sample::lock("prod"), 1))],
    )
    .await;
    write(store, vec![Write::InsertUser(sample::user("alice"))]).await;
    refused(store, vec![Write::InsertUser(sample::user("alice"))]).await;
    write(store, vec![Write::InsertKey(sample::key(1, "alice"))]).await;
    refused(store, vec![Write::InsertKey(sample::key(1, "bob"))]).await;
    write(store, vec![Write::InsertClaim(sample::claim(1, "alice"))]).await;
    refused(store, vec![Write::InsertClaim(sample::claim(1, "bob"))]).await;
    let found = store.find_execution(first.id()).await.unwrap().unwrap();
    assert_eq!(found.value, first);
}

/// A replace that names an older or a later version conflicts; each success makes a new version.
pub async fn replace_needs_the_version_that_was_read(store: &Subject) {
    let first = sample::execution(1);
    write(store, vec![Write::InsertExecution(first.clone())]).await;
    let read = store.find_execution(first.id()).await.unwrap().unwrap();
    let second = sample::running(&first);
    write(
        store,
        vec![Write::ReplaceExecution(second.clone(), read.version)],
    )
    .await;
    let newer = store.find_execution(first.id()).await.unwrap().unwrap();
    assert_eq!(newer.value, second);
    assert_ne!(newer.version, read.version);
    refused(
        store,
        vec![Write::ReplaceExecution(first.clone(), read.version)],
    )
    .await;
    let Version(number) = newer.version;
    refused(
        store,
        vec![Write::ReplaceExecution(first.clone(), Version(number + 1))],
    )
    .await;
    let unchanged = store.find_execution(first.id()).await.unwrap().unwrap();
    assert_eq!(unchanged, newer);
}

/// A replace of what is not there conflicts and makes nothing.
pub async fn replace_needs_a_row(store: &Subject) {
    for version in [0, 1] {
        let version = Version(version);
        refused(
            store,
            vec![Write::ReplaceExecution(sample::execution(1), version)],
        )
        .await;
        refused(
            store,
            vec![Write::ReplaceLock(sample::lock("prod"), version)],
        )
        .await;
        refused(
            store,
            vec![Write::ReplaceUser(sample::user("alice"), version)],
        )
        .await;
        refused(
            store,
            vec![Write::ReplaceKey(sample::key(1, "alice"), version)],
        )
        .await;
        refused(
            store,
            vec![Write::ReplaceClaim(sample::claim(1, "alice"), version)],
        )
        .await;
    }
    assert_eq!(
        store.find_user(&sample::email("alice")).await.unwrap(),
        None
    );
}

/// One condition that fails, wherever it stands, undoes every other write.
pub async fn a_batch_is_written_whole_or_not_at_all(store: &Subject) {
    write(store, vec![Write::InsertUser(sample::user("alice"))]).await;
    let good = |number: u64| Write::InsertExecution(sample::execution(number));
    let bad = || Write::InsertUser(sample::user("alice"));
    for place in 0..5_usize {
        let mut writes: Vec<Write> = (0..4).map(good).collect();
        writes.insert(place, bad());
        refused(store, writes).await;
    }
    for number in 0..4 {
        let id = sample::execution_id(number);
        assert_eq!(store.find_execution(&id).await.unwrap(), None);
    }
}

/// Rows of every kind go together.
pub async fn every_kind_of_row_is_written_in_one_batch(store: &Subject) {
    let execution = sample::execution_of(1, "alice", Some("prod"));
    let id = execution.id().clone();
    let head = HeadWrite::Insert(LogHead::new(id.clone()));
    let row = sample::idempotency("key", 1, sample::at(60));
    write(
        store,
        vec![
            Write::InsertExecution(execution.clone()),
            Write::InsertLock(sample::lock("prod")),
            Write::InsertWaiter(sample::waiter("prod", 1)),
            Write::Head(id.clone(), head),
            Write::InsertUser(sample::user("alice")),
            Write::InsertKey(sample::key(1, "alice")),
            Write::InsertClaim(sample::claim(2, "bob")),
            Write::InsertIdempotency(row.clone()),
        ],
    )
    .await;
    let found = store.find_execution(&id).await.unwrap().unwrap();
    assert_eq!(
        (found.value.status(), found.value),
        (Status::Queued, execution)
    );
    let line = store
        .list_waiters(&sample::lock_name("prod"), 9)
        .await
        .unwrap();
    let line: Vec<Waiter> = line.into_iter().map(|waiter| waiter.value).collect();
    assert_eq!(line, [sample::waiter("prod", 1)]);
    assert_eq!(store.find_head(&id).await.unwrap(), Some(LogHead::new(id)));
    assert!(store.find_key(&sample::hash(1)).await.unwrap().is_some());
    let remembered = store.find_idempotency(&row.user, &row.key).await.unwrap();
    assert_eq!(remembered, Some(row));
}

/// A batch whose answer was lost is answered again, although its conditions hold no more.
pub async fn a_batch_that_was_committed_is_not_done_again(store: &Subject) {
    let first = sample::execution(1);
    let insert = sample::batch(vec![Write::InsertExecution(first.clone())]);
    store.commit(&insert).await.unwrap();
    store.commit(&insert).await.unwrap();
    let read = store.find_execution(first.id()).await.unwrap().unwrap();
    let replace = Write::ReplaceExecution(sample::running(&first), read.version);
    let replace = sample::batch(vec![replace]);
    store.commit(&replace).await.unwrap();
    let done = store.find_execution(first.id()).await.unwrap();
    store.commit(&replace).await.unwrap();
    store.commit(&insert).await.unwrap();
    assert_eq!(store.find_execution(first.id()).await.unwrap(), done);
}

/// A refused batch leaves no trace, not even of its id.
pub async fn a_batch_that_conflicted_can_be_tried_again(store: &Subject) {
    write(store, vec![Write::InsertLock(sample::lock("prod"))]).await;
    let read = store
        .find_lock(&sample::lock_name("prod"))
        .await
        .unwrap()
        .unwrap();
    let Version(number) = read.version;
    let taken = sample::taken(&read.value, 1);
    let early = Write::ReplaceLock(taken.clone(), Version(number + 1));
    let early = sample::batch(vec![early]);
    assert!(matches!(
        store.commit(&early).await,
        Err(StoreError::Conflict)
    ));
    write(store, vec![Write::ReplaceLock(read.value, read.version)]).await;
    store.commit(&early).await.unwrap();
    let found = store
        .find_lock(&sample::lock_name("prod"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.value, taken);
}

/// Of many that read the same version and write at once, exactly one succeeds, and what it wrote stands.
pub async fn of_many_writers_of_one_version_one_wins(store: &Subject) {
    write(store, vec![Write::InsertLock(sample::lock("prod"))]).await;
    let read = store
        .find_lock(&sample::lock_name("prod"))
        .await
        .unwrap()
        .unwrap();
    let mut rivals = JoinSet::new();
    for number in 0..RIVALS {
        let (store, free) = (Arc::clone(store), read.clone());
        rivals.spawn(async move {
            let taken = sample::taken(&free.value, number);
            let take = Write::ReplaceLock(taken, free.version);
            let entry = Write::InsertExecution(sample::execution(number));
            match store.commit(&sample::batch(vec![entry, take])).await {
                Ok(()) => Some(number),
                Err(StoreError::Conflict) => None,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let winners: Vec<u64> = rivals.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let lock = store
        .find_lock(&sample::lock_name("prod"))
        .await
        .unwrap()
        .unwrap()
        .value;
    let holder = lock.holder().unwrap().execution.clone();
    assert_eq!(holder, sample::execution_id(winners[0]));
    let open = store.list_open(None, 100).await.unwrap();
    assert_eq!(open, [holder], "a loser left something behind");
}

/// The same batch from many tasks at once is done once, and all are told that it is done.
pub async fn of_many_repeats_of_one_batch_one_is_done(store: &Subject) {
    let batch = Arc::new(sample::batch(vec![Write::InsertUser(sample::user(
        "alice",
    ))]));
    let mut rivals = JoinSet::new();
    for _ in 0..RIVALS {
        let (store, batch) = (Arc::clone(store), Arc::clone(&batch));
        rivals.spawn(async move { store.commit(&batch).await });
    }
    for result in rivals.join_all().await {
        result.unwrap();
    }
    assert_eq!(store.list_users().await.unwrap().len(), 1);
}

/// Whoever reads after an acknowledgement sees what was acknowledged, in whichever task.
pub async fn an_acknowledged_commit_is_seen_by_every_read_after_it(store: &Subject) {
    let mut tasks = JoinSet::new();
    for number in 0..RIVALS {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let execution = sample::execution(number);
            write(&store, vec![Write::InsertExecution(execution.clone())]).await;
            let found = store.find_execution(execution.id()).await.unwrap();
            found.is_some_and(|found| found.value == execution)
        });
    }
    assert!(tasks.join_all().await.into_iter().all(|seen| seen));
}
