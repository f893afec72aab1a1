//! Promises of `LogReads` and `LogSink`.

use std::sync::Arc;

use runvoy_core::id::{ExecutionId, SessionId};
use runvoy_core::log::{Entry, LogHead, Seq, Stream};
use runvoy_ports::{Appended, HeadWrite, Write};
use tokio::task::JoinSet;

use super::{Subject, refused, write};
use crate::sample;

/// More than any sample log.
const ALL: usize = 1 << 20;

fn id() -> ExecutionId {
    sample::execution_id(1)
}

fn head_write(write: HeadWrite) -> Vec<Write> {
    vec![Write::Head(id(), write)]
}

async fn inserted(store: &Subject) {
    write(store, head_write(HeadWrite::Insert(LogHead::new(id())))).await;
}

/// A log that the session numbered 1 may write to.
async fn bound(store: &Subject) {
    inserted(store).await;
    write(store, head_write(HeadWrite::Bind(sample::session(1)))).await;
}

async fn head(store: &Subject) -> LogHead {
    store.find_head(&id()).await.unwrap().unwrap()
}

async fn append(store: &Subject, session: &SessionId, entries: &[Entry]) -> Appended {
    store
        .append(&id(), session, entries, sample::at(1))
        .await
        .unwrap()
}

/// Appends lines as the session that may, which must go well.
async fn filled(store: &Subject, first: u64, count: u64) {
    let appended = append(store, &sample::session(1), &sample::entries(first, count)).await;
    assert_eq!(appended, Appended::Next(Seq::new(first + count)));
}

async fn read(store: &Subject, after: u64, max_bytes: usize) -> Vec<Entry> {
    store
        .read_entries(&id(), Seq::new(after), max_bytes)
        .await
        .unwrap()
}

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

/// Numbers, times, streams, texts and ends.
pub async fn entries_read_back_as_written(store: &Subject) {
    bound(store).await;
    let mut entries = sample::entries(1, 4);
    entries[1].stream = Stream::Stderr;
    entries[1].has_end = false;
    entries[2].stream = Stream::System;
    append(store, &sample::session(1), &entries[..2]).await;
    append(store, &sample::session(1), &entries[2..]).await;
    assert_eq!(read(store, 0, ALL).await, entries);
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

/// However the entries were cut when they were written.
pub async fn reads_begin_inside_chunks(store: &Subject) {
    bound(store).await;
    filled(store, 1, 10).await;
    filled(store, 11, 1).await;
    filled(store, 12, 9).await;
    for after in 0..20 {
        assert_eq!(
            read(store, after, ALL).await,
            sample::entries(after + 1, 20 - after)
        );
    }
}

/// Not much more than asked for, and not much less while there is more.
pub async fn reads_end_near_their_bytes(store: &Subject) {
    bound(store).await;
    let line = "x".repeat(1000);
    for first in [1, 51] {
        let lines: Vec<Entry> = (first..first + 50)
            .map(|number| sample::entry(number, &line))
            .collect();
        append(store, &sample::session(1), &lines).await;
    }
    for after in [0, 17, 49, 50] {
        let bytes: usize = read(store, after, 20_000)
            .await
            .iter()
            .map(|entry| entry.text.len())
            .sum();
        assert!((15_000..=25_000).contains(&bytes), "{bytes} after {after}");
    }
}

/// A long line is no dead end.
pub async fn reads_give_one_entry_at_least(store: &Subject) {
    bound(store).await;
    filled(store, 1, 3).await;
    for after in 0..3 {
        assert_eq!(read(store, after, 1).await, sample::entries(after + 1, 1));
        assert_eq!(read(store, after, 0).await, sample::entries(after + 1, 1));
    }
}

/// Each page begins where the last one ended, whatever its size.
pub async fn reads_page_through_without_gap_or_repeat(store: &Subject) {
    bound(store).await;
    for (first, count) in [(1, 7), (8, 1), (9, 30), (39, 2)] {
        filled(store, first, count).await;
    }
    for max_bytes in [1, 50, 100, 333, 1000] {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq.number());
            let page = read(store, after, max_bytes).await;
            if page.is_empty() {
                break;
            }
            entries.extend(page);
        }
        assert_eq!(entries, sample::entries(1, 40), "{max_bytes}");
    }
}

/// They are no error.
pub async fn reads_past_the_end_are_empty(store: &Subject) {
    bound(store).await;
    filled(store, 1, 3).await;
    assert_eq!(read(store, 3, ALL).await, []);
    assert_eq!(read(store, 1000, ALL).await, []);
}

/// What one execution writes, only its readers see.
pub async fn logs_do_not_mix(store: &Subject) {
    bound(store).await;
    let other = sample::execution_id(2);
    let writes = [
        HeadWrite::Insert(LogHead::new(other.clone())),
        HeadWrite::Bind(sample::session(2)),
    ];
    for head in writes {
        write(store, vec![Write::Head(other.clone(), head)]).await;
    }
    filled(store, 1, 2).await;
    let lines = [sample::entry(1, "another's")];
    store
        .append(&other, &sample::session(2), &lines, sample::at(1))
        .await
        .unwrap();
    assert_eq!(read(store, 0, ALL).await, sample::entries(1, 2));
    assert_eq!(
        store.read_entries(&other, Seq::START, ALL).await.unwrap(),
        lines
    );
}

/// Quotes, control characters, emptiness, anything that is text.
pub async fn any_text_survives(store: &Subject) {
    bound(store).await;
    let long = "é".repeat(16 * 1024);
    let texts = [
        "",
        "\"\\/",
        "\u{0}\u{1b}[31m\r\t\u{7f}",
        "\u{fffd}\u{2028}😀",
        "[[1,\"o\"]]",
        &long,
    ];
    let entries: Vec<Entry> = (1..)
        .zip(texts)
        .map(|(number, text)| sample::entry(number, text))
        .collect();
    append(store, &sample::session(1), &entries).await;
    assert_eq!(read(store, 0, ALL).await, entries);
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
