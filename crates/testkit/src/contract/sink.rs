//! Promises of `LogSink`, and of the writes of a log's head.

use std::sync::Arc;

use runvoy_core::log::{LogHead, Seq};
use runvoy_ports::{Appended, HeadWrite, Write};
use tokio::task::JoinSet;

use super::logs::{ALL, append, bound, filled, head, head_write, id, inserted, read};
use super::{Subject, refused, write};
use crate::sample;

/// A second insert conflicts; an unknown log has no head.
pub async fn a_head_is_inserted_once(store: &Subject) {
    assert_eq!(store.find_head(&id()).await.unwrap(), None);
    inserted(store).await;
    assert_eq!(head(store).await, LogHead::new(id()));
    refused(store, head_write(HeadWrite::Insert(LogHead::new(id())))).await;
}

/// Neither another session nor the same can be bound again; without a head none can.
pub async fn a_session_is_bound_once(store: &Subject) {
    refused(store, head_write(HeadWrite::Bind(sample::session(1)))).await;
    bound(store).await;
    assert_eq!(head(store).await.session, Some(sample::session(1)));
    refused(store, head_write(HeadWrite::Bind(sample::session(2)))).await;
    refused(store, head_write(HeadWrite::Bind(sample::session(1)))).await;
    assert_eq!(head(store).await.session, Some(sample::session(1)));
}

/// A run that ended before it began takes no agent.
pub async fn a_closed_head_binds_nobody(store: &Subject) {
    inserted(store).await;
    write(store, head_write(HeadWrite::Close(Seq::FIRST))).await;
    refused(store, head_write(HeadWrite::Bind(sample::session(1)))).await;
    assert_eq!(head(store).await.session, None);
}

/// A closer that missed an entry conflicts, and so does a second one.
pub async fn a_head_is_closed_once_at_its_next_number(store: &Subject) {
    refused(store, head_write(HeadWrite::Close(Seq::FIRST))).await;
    bound(store).await;
    filled(store, 1, 3).await;
    refused(store, head_write(HeadWrite::Close(Seq::new(3)))).await;
    refused(store, head_write(HeadWrite::Close(Seq::new(5)))).await;
    assert!(!head(store).await.is_closed);
    write(store, head_write(HeadWrite::Close(Seq::new(4)))).await;
    assert!(head(store).await.is_closed);
    refused(store, head_write(HeadWrite::Close(Seq::new(4)))).await;
}

/// And notes when the agent was heard.
pub async fn an_append_moves_the_head_on(store: &Subject) {
    bound(store).await;
    assert_eq!(head(store).await.last_seen, None);
    filled(store, 1, 3).await;
    filled(store, 4, 1).await;
    let head = head(store).await;
    assert_eq!(
        (head.next_seq, head.last_seen),
        (Seq::new(5), Some(sample::at(1)))
    );
}

/// The answer says where to go on.
pub async fn a_gap_is_not_written(store: &Subject) {
    bound(store).await;
    filled(store, 1, 2).await;
    let ahead = append(store, &sample::session(1), &sample::entries(4, 2)).await;
    assert_eq!(ahead, Appended::Next(Seq::new(3)));
    assert_eq!(read(store, 0, ALL).await, sample::entries(1, 2));
    assert_eq!(head(store).await.next_seq, Seq::new(3));
}

/// The answer says that it is there already.
pub async fn a_repeat_is_not_written(store: &Subject) {
    bound(store).await;
    filled(store, 1, 3).await;
    let again = append(store, &sample::session(1), &sample::entries(1, 3)).await;
    assert_eq!(again, Appended::Next(Seq::new(4)));
    assert_eq!(read(store, 0, ALL).await, sample::entries(1, 3));
}

/// The writer cuts its entries anew from the answer on.
pub async fn an_overlap_is_not_written(store: &Subject) {
    bound(store).await;
    filled(store, 1, 3).await;
    let overlap = append(store, &sample::session(1), &sample::entries(2, 5)).await;
    assert_eq!(overlap, Appended::Next(Seq::new(4)));
    assert_eq!(read(store, 0, ALL).await, sample::entries(1, 3));
    filled(store, 4, 3).await;
    assert_eq!(read(store, 0, ALL).await, sample::entries(1, 6));
}

/// Even with the right number.
pub async fn another_session_is_refused(store: &Subject) {
    bound(store).await;
    filled(store, 1, 1).await;
    let other = append(store, &sample::session(2), &sample::entries(2, 1)).await;
    assert_eq!(other, Appended::Refused);
    assert_eq!(read(store, 0, ALL).await, sample::entries(1, 1));
}

/// Nobody has started yet.
pub async fn an_unbound_log_refuses(store: &Subject) {
    inserted(store).await;
    let early = append(store, &sample::session(1), &sample::entries(1, 1)).await;
    assert_eq!(early, Appended::Refused);
    assert_eq!(
        append(store, &sample::session(1), &[]).await,
        Appended::Refused
    );
    assert_eq!(head(store).await, LogHead::new(id()));
}

/// For ever, whatever the number.
pub async fn a_closed_log_refuses(store: &Subject) {
    bound(store).await;
    filled(store, 1, 2).await;
    write(store, head_write(HeadWrite::Close(Seq::new(3)))).await;
    let closed = head(store).await;
    for (first, count) in [(3, 1), (1, 2), (1, 0)] {
        let late = append(store, &sample::session(1), &sample::entries(first, count)).await;
        assert_eq!(late, Appended::Refused);
    }
    assert_eq!(head(store).await, closed);
    assert_eq!(read(store, 0, ALL).await, sample::entries(1, 2));
}

/// And is not made by it.
pub async fn an_unknown_log_refuses(store: &Subject) {
    let stray = append(store, &sample::session(1), &sample::entries(1, 1)).await;
    assert_eq!(stray, Appended::Refused);
    assert_eq!(
        append(store, &sample::session(1), &[]).await,
        Appended::Refused
    );
    assert_eq!(store.find_head(&id()).await.unwrap(), None);
    assert_eq!(read(store, 0, ALL).await, []);
}

/// A heartbeat is an append of nothing.
pub async fn no_entries_renew_the_last_sight(store: &Subject) {
    bound(store).await;
    filled(store, 1, 2).await;
    let session = sample::session(1);
    let beat = store
        .append(&id(), &session, &[], sample::at(9))
        .await
        .unwrap();
    assert_eq!(beat, Appended::Next(Seq::new(3)));
    let head = head(store).await;
    assert_eq!(
        (head.next_seq, head.last_seen),
        (Seq::new(3), Some(sample::at(9)))
    );
}

/// And renews nothing.
pub async fn a_beat_of_another_session_is_refused(store: &Subject) {
    bound(store).await;
    assert_eq!(
        append(store, &sample::session(2), &[]).await,
        Appended::Refused
    );
    assert_eq!(head(store).await.last_seen, None);
}

/// Calls may arrive in any order.
pub async fn the_last_sight_never_goes_back(store: &Subject) {
    bound(store).await;
    let session = sample::session(1);
    store
        .append(&id(), &session, &[], sample::at(9))
        .await
        .unwrap();
    store
        .append(&id(), &session, &[], sample::at(5))
        .await
        .unwrap();
    let lines = sample::entries(1, 1);
    store
        .append(&id(), &session, &lines, sample::at(6))
        .await
        .unwrap();
    assert_eq!(head(store).await.last_seen, Some(sample::at(9)));
}

/// A retry that overtakes its original does not double the entries.
pub async fn of_many_appends_of_one_number_one_is_written(store: &Subject) {
    bound(store).await;
    let mut rivals = JoinSet::new();
    for count in 1..=16 {
        let store = Arc::clone(store);
        rivals.spawn(async move {
            append(&store, &sample::session(1), &sample::entries(1, count)).await
        });
    }
    let answers = rivals.join_all().await;
    let next = head(store).await.next_seq;
    assert!(
        answers.iter().all(|answer| *answer == Appended::Next(next)),
        "{answers:?}"
    );
    assert_eq!(
        read(store, 0, ALL).await,
        sample::entries(1, next.number() - 1)
    );
}

/// Lines never make a writer of the record conflict.
pub async fn an_append_leaves_the_execution_alone(store: &Subject) {
    write(store, vec![Write::InsertExecution(sample::execution(1))]).await;
    bound(store).await;
    let before = store.find_execution(&id()).await.unwrap();
    filled(store, 1, 2).await;
    append(store, &sample::session(1), &[]).await;
    assert_eq!(store.find_execution(&id()).await.unwrap(), before);
}
