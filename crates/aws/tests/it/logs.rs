//! Logs that do not fit into one item, race with heartbeats, or are forgotten.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use runvoy_aws::DynamoStore;
use runvoy_core::id::ExecutionId;
use runvoy_core::log::{Entry, LogHead, MAX_ENTRY_BYTES, Seq};
use runvoy_ports::{Appended, HeadWrite, Ledger as _, LogReads as _, LogSink as _, Write};
use runvoy_testkit::sample;
use tokio::task::JoinSet;

use crate::database::Database;

async fn bound(store: &DynamoStore, id: &ExecutionId) {
    let mut head = LogHead::new(id.clone());
    head.session = Some(sample::session(1));
    let insert = Write::Head(id.clone(), HeadWrite::Insert(head));
    store.commit(&sample::batch(vec![insert])).await.unwrap();
}

#[tokio::test]
async fn entries_that_fill_many_items_are_stored_together() {
    let database = Database::new().await;
    let (store, id, session) = (
        database.store(),
        sample::execution_id(1),
        sample::session(1),
    );
    bound(&store, &id).await;
    let long = "x\u{1}".repeat(MAX_ENTRY_BYTES / 2);
    let entries: Vec<Entry> = (1..=20).map(|seq| sample::entry(seq, &long)).collect();
    let refused = store
        .append(&id, &sample::session(2), &entries, sample::at(1))
        .await;
    assert_eq!(refused.unwrap(), Appended::Refused);
    assert_eq!(
        store
            .read_entries(&id, Seq::START, usize::MAX)
            .await
            .unwrap(),
        []
    );
    let stored = store.append(&id, &session, &entries, sample::at(1)).await;
    assert_eq!(stored.unwrap(), Appended::Next(Seq::new(21)));
    let all = store
        .read_entries(&id, Seq::START, usize::MAX)
        .await
        .unwrap();
    assert_eq!(all, entries);
    for entry in &entries {
        let after = entry.seq.previous();
        let page = store.read_entries(&id, after, 1).await.unwrap();
        assert_eq!(page, std::slice::from_ref(entry));
    }
}

/// Heartbeats with times of their own neither stall the lines nor are they lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_and_heartbeats_do_not_stall_each_other() {
    let database = Database::new().await;
    let (store, id, session) = (
        Arc::new(database.store()),
        sample::execution_id(1),
        sample::session(1),
    );
    bound(&store, &id).await;
    let mut beats = JoinSet::new();
    for second in 0..20 {
        let (store, id, session) = (Arc::clone(&store), id.clone(), session.clone());
        beats.spawn(async move { store.append(&id, &session, &[], sample::at(second)).await });
    }
    for seq in 1..=10 {
        let lines = sample::entries(seq, 1);
        let answer = store.append(&id, &session, &lines, sample::at(0)).await;
        assert_eq!(answer.unwrap(), Appended::Next(Seq::new(seq + 1)));
    }
    for answer in beats.join_all().await {
        assert!(matches!(answer.unwrap(), Appended::Next(_)));
    }
    let head = store.find_head(&id).await.unwrap().unwrap();
    assert_eq!(
        (head.next_seq, head.last_seen),
        (Seq::new(11), Some(sample::at(19)))
    );
}

async fn expiries(database: &Database, id: &ExecutionId) -> Vec<Option<i64>> {
    let query = database.client.query().table_name(database.table("logs"));
    let found = query
        .key_condition_expression("execution_id = :id")
        .expression_attribute_values(":id", AttributeValue::S(id.to_string()))
        .send()
        .await
        .unwrap();
    let expiry = |value: &AttributeValue| value.as_n().unwrap().parse().unwrap();
    let items = found.items().iter();
    items
        .map(|item| item.get("expires_at").map(expiry))
        .collect()
}

/// Counted from the submission, which the id tells, with two days for the run itself; a head is kept.
#[tokio::test]
async fn all_lines_of_an_execution_are_forgotten_together() {
    let database = Database::new().await;
    let store = database.store().with_log_retention(10);
    let millis = sample::at(0).as_millisecond();
    let id: ExecutionId = format!("{millis:012x}70008000000000000001")
        .parse()
        .unwrap();
    let session = sample::session(1);
    bound(&store, &id).await;
    for (seq, second) in [(1, 1), (2, 80_000)] {
        let lines = sample::entries(seq, 1);
        store
            .append(&id, &session, &lines, sample::at(second))
            .await
            .unwrap();
    }
    let together = Some(sample::at(12 * 86_400).as_second());
    assert_eq!(expiries(&database, &id).await, [None, together, together]);
    let late = sample::at(30 * 86_400);
    let lines = sample::entries(3, 1);
    store.append(&id, &session, &lines, late).await.unwrap();
    let kept = Some(late.as_second() + 10 * 86_400);
    assert_eq!(
        expiries(&database, &id).await,
        [None, together, together, kept]
    );
}
