//! Promises of `LockReads`.

use std::sync::Arc;

use runvoy_core::id::ExecutionId;
use runvoy_core::lock::LockName;
use runvoy_ports::{StoreError, Version, Write};
use tokio::task::JoinSet;

use super::{Subject, refused, write};
use crate::sample;

async fn line(store: &Subject, name: &str, limit: u32) -> Vec<ExecutionId> {
    let line = store
        .list_waiters(&sample::lock_name(name), limit)
        .await
        .unwrap();
    line.into_iter()
        .map(|waiter| waiter.value.execution)
        .collect()
}

fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<ExecutionId> {
    numbers.into_iter().map(sample::execution_id).collect()
}

/// Free, and held.
pub async fn a_lock_reads_back_as_written(store: &Subject) {
    let name = sample::lock_name("team/prod");
    assert_eq!(store.find_lock(&name).await.unwrap(), None);
    let free = sample::lock("team/prod");
    write(store, vec![Write::InsertLock(free.clone())]).await;
    let read = store.find_lock(&name).await.unwrap().unwrap();
    assert_eq!(read.value, free);
    let held = sample::taken(&free, 1);
    write(store, vec![Write::ReplaceLock(held.clone(), read.version)]).await;
    assert_eq!(store.find_lock(&name).await.unwrap().unwrap().value, held);
}

/// All of them, in the order of their bytes.
pub async fn locks_are_listed_by_name(store: &Subject) {
    assert_eq!(store.list_locks().await.unwrap(), []);
    for name in ["b", "a/2", "C", "a"] {
        write(store, vec![Write::InsertLock(sample::lock(name))]).await;
    }
    let locks = store.list_locks().await.unwrap();
    let names: Vec<&str> = locks.iter().map(|lock| lock.name().as_str()).collect();
    assert_eq!(names, ["C", "a", "a/2", "b"]);
}

/// First in line is the oldest execution, whoever was written first, and never more than asked for.
pub async fn a_line_is_in_order_of_execution(store: &Subject) {
    for number in [3, 1, 0x10, 2] {
        write(
            store,
            vec![Write::InsertWaiter(sample::waiter("prod", number))],
        )
        .await;
    }
    assert_eq!(line(store, "prod", 99).await, ids([1, 2, 3, 0x10]));
    assert_eq!(line(store, "prod", 1).await, ids([1]));
}

/// Lines of different locks never meet.
pub async fn a_line_is_its_locks_own(store: &Subject) {
    write(store, vec![Write::InsertWaiter(sample::waiter("prod", 1))]).await;
    write(store, vec![Write::InsertWaiter(sample::waiter("test", 2))]).await;
    assert_eq!(line(store, "prod", 99).await, ids([1]));
    assert_eq!(line(store, "test", 99).await, ids([2]));
    assert_eq!(line(store, "pro", 99).await, []);
}

/// A second insert conflicts.
pub async fn nobody_stands_in_a_line_twice(store: &Subject) {
    write(store, vec![Write::InsertWaiter(sample::waiter("prod", 1))]).await;
    refused(store, vec![Write::InsertWaiter(sample::waiter("prod", 1))]).await;
    assert_eq!(line(store, "prod", 99).await, ids([1]));
}

/// And whoever has left cannot leave again.
pub async fn leaving_a_line_needs_the_version_that_was_read(store: &Subject) {
    let name: LockName = sample::lock_name("prod");
    write(store, vec![Write::InsertWaiter(sample::waiter("prod", 1))]).await;
    let first = store.list_waiters(&name, 1).await.unwrap().remove(0);
    let Version(number) = first.version;
    let wrong = Version(number + 1);
    refused(store, vec![Write::DeleteWaiter(first.value.clone(), wrong)]).await;
    assert_eq!(line(store, "prod", 99).await, ids([1]));
    write(
        store,
        vec![Write::DeleteWaiter(first.value.clone(), first.version)],
    )
    .await;
    assert_eq!(line(store, "prod", 99).await, []);
    refused(store, vec![Write::DeleteWaiter(first.value, first.version)]).await;
}

/// Of many that find no lock and make it theirs, one does.
pub async fn a_lock_is_taken_once(store: &Subject) {
    let mut rivals = JoinSet::new();
    for number in 0..24 {
        let store = Arc::clone(store);
        rivals.spawn(async move {
            let taken = sample::taken(&sample::lock("prod"), number);
            let batch = sample::batch(vec![Write::InsertLock(taken)]);
            match store.commit(&batch).await {
                Ok(()) => Some(sample::execution_id(number)),
                Err(StoreError::Conflict) => None,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let winners: Vec<ExecutionId> = rivals.join_all().await.into_iter().flatten().collect();
    let lock = store.list_locks().await.unwrap().remove(0);
    assert_eq!(winners, [lock.holder().unwrap().execution.clone()]);
}
