use jiff::Timestamp;
use proptest::prelude::*;
use runvoy_core::log::{Seq, Stream};

use super::*;

fn append(spool: &Spool, texts: &[String]) {
    let mut batch = Batch::default();
    for text in texts {
        batch.push(Timestamp::UNIX_EPOCH, Stream::Stdout, text, true);
    }
    spool.append(&mut batch);
}

fn numbered(range: std::ops::Range<u64>, size: usize) -> Vec<String> {
    range.map(|number| format!("{number:0size$}")).collect()
}

fn read_all(reader: &mut Reader) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(frame) = reader.peek().unwrap() {
        texts.push(String::from_utf8(frame.text.to_vec()).unwrap());
        reader.advance();
    }
    texts
}

#[test]
fn what_does_not_fit_in_memory_is_read_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::with_memory(dir.path().to_owned(), u64::MAX, 1000);
    for start in (1..2001).step_by(10) {
        append(&spool, &numbered(start..start + 10, 20));
    }
    let mut reader = Reader::new(&spool, Consumer::Pusher);
    assert_eq!(read_all(&mut reader), numbered(1..2001, 20));
    assert_eq!(reader.next_seq(), Seq::new(2001));
}

#[test]
fn the_file_has_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::with_memory(dir.path().to_owned(), u64::MAX, 0);
    append(&spool, &numbered(1..10, 20));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_entry_is_read_again_until_it_is_released() {
    let dir = tempfile::tempdir().unwrap();
    for memory in [0, 300, usize::MAX / 2] {
        let spool = Spool::with_memory(dir.path().to_owned(), u64::MAX, memory);
        append(&spool, &numbered(1..50, 20));
        let mut reader = Reader::new(&spool, Consumer::Pusher);
        assert_eq!(read_all(&mut reader).len(), 49);
        reader.release(Seq::new(30));
        reader.seek(Seq::new(30));
        assert_eq!(read_all(&mut reader), numbered(30..50, 20));
        append(&spool, &numbered(50..60, 20));
        assert_eq!(read_all(&mut reader), numbered(50..60, 20));
    }
}

#[test]
fn readers_do_not_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::with_memory(dir.path().to_owned(), u64::MAX, 100);
    append(&spool, &numbered(1..50, 20));
    let mut pusher = Reader::new(&spool, Consumer::Pusher);
    let mut copy = Reader::new(&spool, Consumer::Copy);
    assert_eq!(read_all(&mut pusher).len(), 49);
    pusher.release(pusher.next_seq());
    assert_eq!(read_all(&mut copy).len(), 49);
}

#[test]
fn what_all_have_released_takes_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::with_memory(dir.path().to_owned(), 2000, 100);
    Reader::new(&spool, Consumer::Copy).retire();
    for round in 0..20 {
        // Each round alone fills most of the file; together they would not fit.
        append(&spool, &numbered(round * 50..round * 50 + 50, 20));
        spool.release(Consumer::Pusher, spool.standing().next);
    }
    let state = spool.lock();
    assert_eq!(
        (state.blocks.len(), state.memory, state.file_end),
        (0, 0, 0)
    );
}

#[test]
fn whoever_appends_waits_while_the_file_cannot_grow() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::with_memory(dir.path().to_owned(), 500, 100);
    append(&spool, &numbered(1..10, 20));
    let (done, is_done) = std::sync::mpsc::channel();
    let writer = std::thread::spawn({
        let spool = spool.clone();
        move || {
            append(&spool, &numbered(10..20, 20));
            done.send(()).unwrap();
        }
    });
    assert!(is_done.recv_timeout(Duration::from_millis(100)).is_err());
    spool.release(Consumer::Pusher, 10);
    spool.release(Consumer::Copy, 10);
    writer.join().unwrap();
    assert_eq!(spool.standing().next, 20);
}

#[test]
fn nobody_waits_for_a_spool_that_discards() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::with_memory(dir.path().to_owned(), 0, 0);
    spool.discard();
    append(&spool, &numbered(1..10, 20));
    assert_eq!(spool.standing().next, 1);
}

proptest! {
    #[test]
    fn every_entry_is_read_once_in_order(
        batches in proptest::collection::vec((1_u64..40, 1_usize..60, any::<bool>()), 1..30),
        memory in 0_usize..3000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::with_memory(dir.path().to_owned(), u64::MAX, memory);
        let mut reader = Reader::new(&spool, Consumer::Pusher);
        let mut copy = Reader::new(&spool, Consumer::Copy);
        let (mut expected, mut got, mut copied) = (Vec::new(), Vec::new(), Vec::new());
        for (count, size, read_now) in batches {
            let next = expected.len() as u64;
            let texts = numbered(next..next + count, size);
            append(&spool, &texts);
            expected.extend(texts);
            if read_now {
                got.extend(read_all(&mut reader));
                reader.release(reader.next_seq());
            } else {
                copied.extend(read_all(&mut copy));
                copy.release(copy.next_seq());
            }
        }
        got.extend(read_all(&mut reader));
        copied.extend(read_all(&mut copy));
        prop_assert_eq!(&got, &expected);
        prop_assert_eq!(&copied, &expected);
    }
}
