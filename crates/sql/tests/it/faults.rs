//! A full disk, a caller that goes away, and the faults of the wrapper.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::Poll;

use runvoy_core::log::LogHead;
use runvoy_ports::{
    Appended, ExecutionReads as _, HeadWrite, Ledger as _, LogReads as _, LogSink as _, StoreError,
    Write,
};
use runvoy_sql::{Durability, SqliteStore};
use runvoy_testkit::{FaultPlan, FaultyStore, sample};

use crate::child;

async fn faulty(plan: &str) -> FaultyStore {
    let inner = SqliteStore::in_memory().await.unwrap();
    FaultyStore::new(Arc::new(inner), plan.parse().unwrap())
}

fn insert(number: u64) -> Vec<Write> {
    vec![Write::InsertExecution(sample::execution(number))]
}

/// Polls `future` at most `polls` times, then drops it.
async fn abandoned<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Executions in a batch that may be given up.
const PARTS: u64 = 20;

/// Gives up on commits after more and more polls: each is whole or nothing at once, and stands in the way of nobody,
/// neither of the same store nor of the `other`.
async fn give_up(store: &SqliteStore, other: &SqliteStore) {
    let mut given_up = 0;
    for attempt in 0..200 {
        let first = attempt * PARTS;
        let writes = (first..first + PARTS).flat_map(insert).collect();
        let polls = usize::try_from(attempt % 20).unwrap();
        let answer = abandoned(store.commit(&sample::batch(writes)), polls).await;
        given_up += usize::from(answer.is_none());
        for (next, store) in [(1_000_000, other), (2_000_000, store)] {
            let next = sample::batch(insert(next + attempt));
            store.commit(&next).await.unwrap();
        }
        let mut found = 0;
        for number in first..first + PARTS {
            let id = sample::execution_id(number);
            found += u64::from(store.find_execution(&id).await.unwrap().is_some());
        }
        let is_whole = found == PARTS || (answer.is_none() && found == 0);
        assert!(is_whole, "{found} parts after {polls} polls: {answer:?}");
    }
    assert!(given_up >= 10, "given up only {given_up} times");
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_is_whole_or_nothing_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("runvoy.db");
    let store = SqliteStore::open(&file, Durability::Normal).await.unwrap();
    let other = SqliteStore::open(&file, Durability::Normal).await.unwrap();
    give_up(&store, &other).await;
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_is_whole_or_nothing_in_memory() {
    let store = SqliteStore::in_memory().await.unwrap();
    give_up(&store, &store).await;
}

#[tokio::test]
async fn a_refused_call_does_nothing() {
    let store = faulty("commit:1:refuse,commit:2:full,commit:3:conflict").await;
    let batch = sample::batch(insert(1));
    assert!(matches!(
        store.commit(&batch).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        store.commit(&batch).await,
        Err(StoreError::Full(_))
    ));
    assert!(matches!(
        store.commit(&batch).await,
        Err(StoreError::Conflict)
    ));
    assert_eq!(store.list_open(None, 9).await.unwrap(), []);
    store.commit(&batch).await.unwrap();
}

#[tokio::test]
async fn a_lost_reply_can_be_asked_for_again() {
    let store = faulty("commit:1:drop-reply,append:1:drop-reply,append:3:conflict").await;
    let id = sample::execution_id(1);
    let mut head = LogHead::new(id.clone());
    head.session = Some(sample::session(1));
    let write = Write::Head(id.clone(), HeadWrite::Insert(head));
    let batch = sample::batch(vec![write]);
    assert!(matches!(
        store.commit(&batch).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(store.find_head(&id).await.unwrap().is_some());
    store.commit(&batch).await.unwrap();
    let lines = sample::entries(1, 2);
    let session = sample::session(1);
    let append = || store.append(&id, &session, &lines, sample::at(1));
    assert!(append().await.is_err());
    assert_eq!(
        append().await.unwrap(),
        Appended::Next(runvoy_core::log::Seq::new(3))
    );
    assert!(matches!(append().await, Err(StoreError::Unavailable(_))));
}

/// The child commits thrice and is to die at the second, before or after it is done.
#[cfg(unix)]
#[tokio::test]
async fn the_process_dies_where_the_plan_says_so() {
    use std::os::unix::process::ExitStatusExt as _;
    const TEST: &str = "faults::the_process_dies_where_the_plan_says_so";
    let plans = ["commit:2:kill-before", "commit:2:kill-after"];
    if let Some((file, number)) = child::task() {
        let inner = SqliteStore::open(&file, Durability::Full).await.unwrap();
        let plan = plans[usize::try_from(number).unwrap()];
        let store = FaultyStore::new(Arc::new(inner), plan.parse::<FaultPlan>().unwrap());
        for number in 1..=3 {
            store.commit(&sample::batch(insert(number))).await.unwrap();
        }
        return;
    }
    for (number, committed) in [(0, 1), (1, 2)] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("runvoy.db");
        let mut child = child::command(TEST, &file, number);
        let status = child.stdout(Stdio::null()).status().unwrap();
        assert_eq!(status.signal(), Some(9));
        let store = SqliteStore::open(&file, Durability::Full).await.unwrap();
        assert_eq!(store.list_open(None, 9).await.unwrap().len(), committed);
    }
}
