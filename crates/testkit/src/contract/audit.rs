//! Promises of `AuditReads`.

use jiff::Timestamp;
use runvoy_core::audit::{AuditEntry, Principal};
use runvoy_core::id::OperationId;
use runvoy_ports::{AuditQuery, Batch, Write};

use super::{Subject, refused};
use crate::sample;

fn query() -> AuditQuery {
    AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    }
}

async fn note(store: &Subject, entry: &AuditEntry) {
    let batch = Batch::new(entry.clone(), Vec::new()).unwrap();
    store.commit(&batch).await.unwrap();
}

async fn list(store: &Subject, query: &AuditQuery) -> Vec<OperationId> {
    let page = store.list_audit(query).await.unwrap();
    page.into_iter().map(|entry| entry.id).collect()
}

/// By `actor`, about `target`, about the execution numbered so.
fn entry(actor: Option<&str>, target: Option<&str>, execution: Option<u64>) -> AuditEntry {
    AuditEntry {
        principal: actor.map_or(Principal::System, |name| {
            Principal::User(sample::email(name))
        }),
        user: target.map(sample::email),
        execution: execution.map(sample::execution_id),
        ..sample::audit()
    }
}

async fn noted<const N: usize>(store: &Subject, entries: [AuditEntry; N]) -> [OperationId; N] {
    for entry in &entries {
        note(store, entry).await;
    }
    entries.map(|entry| entry.id)
}

/// As it was written.
pub async fn every_commit_is_on_the_trail(store: &Subject) {
    let entry = AuditEntry {
        principal: Principal::Agent(sample::execution_id(1)),
        request: Some("request-7".parse().unwrap()),
        user: Some(sample::email("alice")),
        execution: Some(sample::execution_id(1)),
        details: "why, in \"words\"".to_owned(),
        ..sample::audit()
    };
    let insert = Write::InsertExecution(sample::execution(1));
    let batch = Batch::new(entry.clone(), vec![insert]).unwrap();
    store.commit(&batch).await.unwrap();
    store.commit(&batch).await.unwrap();
    assert_eq!(store.list_audit(&query()).await.unwrap(), [entry]);
}

/// Nothing happened, so nothing is told.
pub async fn a_commit_that_failed_is_not_on_the_trail(store: &Subject) {
    let insert = || Write::InsertUser(sample::user("alice"));
    let [first] = noted(store, [sample::audit()]).await;
    refused(store, vec![insert(), insert()]).await;
    assert_eq!(list(store, &query()).await, [first]);
}

/// The next page begins after the last of the one before.
pub async fn the_trail_is_newest_first_in_pages(store: &Subject) {
    let [a, b, c] = noted(store, [sample::audit(), sample::audit(), sample::audit()]).await;
    assert_eq!(
        list(store, &query()).await,
        [c.clone(), b.clone(), a.clone()]
    );
    let first = AuditQuery {
        limit: 2,
        ..query()
    };
    assert_eq!(list(store, &first).await, [c, b.clone()]);
    let second = AuditQuery {
        before: Some(b),
        ..first
    };
    assert_eq!(list(store, &second).await, [a]);
}

/// Each entry once, though both be the same person.
pub async fn the_trail_of_a_person_is_what_they_did_and_what_was_done_to_them(store: &Subject) {
    let entries = [
        entry(Some("alice"), None, None),
        entry(Some("root"), Some("alice"), None),
        entry(Some("alice"), Some("alice"), None),
        entry(Some("root"), Some("bob"), None),
        entry(None, None, None),
    ];
    let [did, suffered, both, other, _] = noted(store, entries).await;
    let of = |name, limit| AuditQuery {
        user: Some(sample::email(name)),
        limit,
        ..query()
    };
    assert_eq!(
        list(store, &of("alice", 9)).await,
        [both.clone(), suffered.clone(), did]
    );
    assert_eq!(list(store, &of("alice", 2)).await, [both, suffered.clone()]);
    assert_eq!(list(store, &of("root", 9)).await, [other.clone(), suffered]);
    assert_eq!(list(store, &of("bob", 9)).await, [other]);
    assert_eq!(list(store, &of("carol", 9)).await, []);
}

/// And nobody else's.
pub async fn the_trail_of_an_execution_is_its_own(store: &Subject) {
    let entries = [
        entry(Some("alice"), None, Some(1)),
        entry(None, None, Some(2)),
        entry(None, None, Some(1)),
    ];
    let [created, _, ended] = noted(store, entries).await;
    let of = |number| AuditQuery {
        execution: Some(sample::execution_id(number)),
        ..query()
    };
    assert_eq!(list(store, &of(1)).await, [ended, created]);
    assert_eq!(list(store, &of(3)).await, []);
}

/// The moment itself counts; what was written in another order than it happened is not lost.
pub async fn the_trail_since_a_time_begins_there(store: &Subject) {
    let when = |seconds| AuditEntry {
        at: sample::at(seconds),
        ..sample::audit()
    };
    let [_, early, late, later] = noted(store, [when(1), when(12), when(11), when(20)]).await;
    let since = |at: Timestamp| AuditQuery {
        since: Some(at),
        ..query()
    };
    let expected = [later.clone(), late.clone(), early.clone()];
    assert_eq!(list(store, &since(sample::at(10))).await, expected);
    assert_eq!(list(store, &since(sample::at(11))).await, expected);
    assert_eq!(list(store, &since(sample::at(12))).await, [later, early]);
    assert_eq!(list(store, &since(sample::at(21))).await, []);
}

/// All of them at once.
pub async fn filters_hold_together(store: &Subject) {
    let at = |seconds, entry: AuditEntry| AuditEntry {
        at: sample::at(seconds),
        ..entry
    };
    let entries = [
        at(1, entry(Some("alice"), None, Some(1))),
        at(2, entry(Some("alice"), None, Some(1))),
        at(3, entry(Some("alice"), None, Some(2))),
        at(4, entry(Some("bob"), None, Some(1))),
        at(5, entry(Some("root"), Some("alice"), Some(1))),
    ];
    let [_, second, _, _, last] = noted(store, entries).await;
    let all = AuditQuery {
        user: Some(sample::email("alice")),
        execution: Some(sample::execution_id(1)),
        since: Some(sample::at(2)),
        ..query()
    };
    assert_eq!(list(store, &all).await, [last.clone(), second.clone()]);
    let before = AuditQuery {
        before: Some(last),
        ..all
    };
    assert_eq!(list(store, &before).await, [second]);
}
