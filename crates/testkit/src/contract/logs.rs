//! Promises of `LogReads`, and of `LogSink` where they show in what is read.

use super::{Subject, write};
use crate::sample;
use runvoy_core::id::{ExecutionId, SessionId};
use runvoy_core::log::{Entry, LogHead, Seq, Stream};
use runvoy_ports::{Appended, HeadWrite, Write};

/// More than any sample log.
pub(super) const ALL: usize = 1 << 20;

pub(super) fn id() -> ExecutionId {
    sample::execution_id(1)
}

pub(super) fn head_write(write: HeadWrite) -> Vec<Write> {
    vec![Write::Head(id(), write)]
}

pub(super) async fn inserted(store: &Subject) {
    write(store, head_write(HeadWrite::Insert(LogHead::new(id())))).await;
}

/// A log that the session numbered 1 may write to.
pub(super) async fn bound(store: &Subject) {
    inserted(store).await;
    write(store, head_write(HeadWrite::Bind(sample::session(1)))).await;
}

pub(super) async fn head(store: &Subject) -> LogHead {
    store.find_head(&id()).await.unwrap().unwrap()
}

pub(super) async fn append(store: &Subject, session: &SessionId, entries: &[Entry]) -> Appended {
    store
        .append(&id(), session, entries, sample::at(1))
        .await
        .unwrap()
}

/// Appends lines as the session that may, which must go well.
pub(super) async fn filled(store: &Subject, first: u64, count: u64) {
    let appended = append(store, &sample::session(1), &sample::entries(first, count)).await;
    assert_eq!(appended, Appended::Next(Seq::new(first + count)));
}

pub(super) async fn read(store: &Subject, after: u64, max_bytes: usize) -> Vec<Entry> {
    store
        .read_entries(&id(), Seq::new(after), max_bytes)
        .await
        .unwrap()
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
