//! Chunks of log entries as they are stored: `[[µs, "o", text, 0 or 1], …]`, numbered from the chunk's first.

use jiff::Timestamp;
use runvoy_core::log::{Entry, Seq, Stream};
use runvoy_ports::StoreError;
use serde::{Serialize, Serializer};

use super::row::{RowError, unreadable};

/// What an entry costs a reader besides its text, so that a million empty lines do not count as nothing.
pub(super) const ENTRY_COST: usize = 32;

/// Bytes of JSON from which on a chunk takes no more. One more entry fits under the 400 KB of an item, whatever it holds.
const FULL_CHUNK_BYTES: usize = 128 * 1024;

/// The number of a chunk's first entry; its last entry's number is the item's sort key.
pub(super) const FIRST_SEQ: &str = "first_seq";
pub(super) const ENTRIES: &str = "entries";

/// An entry as it is read: time, stream, text, whether a line feed follows.
type Stored = (i64, char, String, u8);

struct Written<'a>(&'a Entry);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(entry) = self;
        let end = u8::from(entry.has_end);
        let at = entry.at.as_microsecond();
        (at, entry.stream.letter(), entry.text.as_str(), end).serialize(serializer)
    }
}

/// Entries that share an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) first: Seq,
    pub(super) last: Seq,
    pub(super) entries: String,
}

/// Cuts entries, which must be numbered consecutively, into chunks: only the first's number of each is kept.
pub(super) fn encode(entries: &[Entry]) -> Result<Vec<Chunk>, StoreError> {
    let is_consecutive = entries
        .windows(2)
        .all(|pair| pair[0].seq.plus(1) == pair[1].seq);
    if !is_consecutive {
        return Err(RowError::Numbering.into());
    }
    let mut chunks: Vec<Chunk> = Vec::new();
    for entry in entries {
        let json = serde_json::to_string(&Written(entry)).map_err(unreadable)?;
        match chunks.last_mut() {
            Some(chunk) if chunk.entries.len() < FULL_CHUNK_BYTES => {
                chunk.last = entry.seq;
                chunk.entries.push(',');
                chunk.entries.push_str(&json);
            }
            Some(_) | None => chunks.push(Chunk {
                first: entry.seq,
                last: entry.seq,
                entries: format!("[{json}"),
            }),
        }
    }
    for chunk in &mut chunks {
        chunk.entries.push(']');
    }
    Ok(chunks)
}

/// Reads entries of a chunk whose first is numbered `first`.
pub(super) fn decode(first: Seq, entries: &str) -> Result<Vec<Entry>, StoreError> {
    let stored: Vec<Stored> = serde_json::from_str(entries).map_err(unreadable)?;
    (0..)
        .zip(stored)
        .map(|(place, (at, letter, text, end))| {
            let stream = Stream::from_letter(letter).ok_or(RowError::Stream(letter))?;
            Ok(Entry {
                seq: first.plus(place),
                at: Timestamp::from_microsecond(at).map_err(unreadable)?,
                stream,
                text,
                has_end: end != 0,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use runvoy_core::log::MAX_ENTRY_BYTES;
    use runvoy_testkit::sample;

    use super::*;

    /// DynamoDB's limit of an item, less what the other attributes take.
    const ITEM_BYTES: usize = 400 * 1024 - 1024;

    #[test]
    fn a_chunk_reads_back() {
        let mut entries = sample::entries(7, 3);
        entries[0].text = "quotes \" and \\ and \u{0} and ünï".to_owned();
        entries[2].has_end = false;
        let chunks = encode(&entries).unwrap();
        assert_eq!(chunks.len(), 1);
        assert_eq!(
            (chunks[0].first, chunks[0].last),
            (Seq::new(7), Seq::new(9))
        );
        assert_eq!(decode(Seq::new(7), &chunks[0].entries).unwrap(), entries);
    }

    #[test]
    fn any_entries_fit_into_items() {
        let worst = "\u{1}".repeat(MAX_ENTRY_BYTES);
        let entries: Vec<Entry> = (1..=9).map(|seq| sample::entry(seq, &worst)).collect();
        let chunks = encode(&entries).unwrap();
        let mut read = Vec::new();
        for chunk in chunks {
            assert!(chunk.entries.len() < ITEM_BYTES, "{}", chunk.entries.len());
            let entries = decode(chunk.first, &chunk.entries).unwrap();
            assert_eq!(entries.last().unwrap().seq, chunk.last);
            read.extend(entries);
        }
        assert_eq!(read, entries);
    }

    #[test]
    fn entries_with_a_gap_are_not_written() {
        let gap = [sample::entry(7, "a"), sample::entry(9, "b")];
        assert!(encode(&gap).is_err());
    }

    #[test]
    fn a_damaged_chunk_is_an_error() {
        for chunk in [
            "",
            "[[1,\"x\",\"a\",1]]",
            "[[1,\"o\",\"a\"]]",
            "[[1,\"o\",\"a\",1]",
        ] {
            let result = decode(Seq::FIRST, chunk);
            assert!(matches!(result, Err(StoreError::Corrupt(_))), "{chunk}");
        }
    }
}
