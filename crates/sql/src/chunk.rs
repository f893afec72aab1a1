//! Chunks of log entries as they are stored: `[[µs, "o", text, 0 or 1], …]`, numbered from the chunk's first.

use runvoy_core::log::{Entry, Seq, Stream};
use runvoy_ports::StoreError;
use serde::{Serialize, Serializer};

use crate::row::{RowError, time, unreadable};

/// What an entry costs a reader besides its text, so that a million empty lines do not count as nothing.
pub(crate) const ENTRY_COST: usize = 32;

/// An entry as it is read: time, stream, text, whether a line feed follows.
type Stored = (i64, char, String, u8);

struct Written<'a>(&'a [Entry]);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|entry| {
            (
                entry.at.as_microsecond(),
                entry.stream.letter(),
                entry.text.as_str(),
                u8::from(entry.has_end),
            )
        }))
    }
}

/// Writes entries, which must be numbered consecutively: only the first's number is kept.
pub(crate) fn encode(entries: &[Entry]) -> Result<Vec<u8>, StoreError> {
    let is_consecutive = entries
        .windows(2)
        .all(|pair| pair[0].seq.plus(1) == pair[1].seq);
    if !is_consecutive {
        return Err(RowError::Numbering.into());
    }
    serde_json::to_vec(&Written(entries)).map_err(unreadable)
}

/// Reads entries of a chunk whose first is numbered `first`.
pub(crate) fn decode(first: Seq, chunk: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let stored: Vec<Stored> = serde_json::from_slice(chunk).map_err(unreadable)?;
    (0..)
        .zip(stored)
        .map(|(place, (at, letter, text, end))| {
            let stream = Stream::from_letter(letter).ok_or(RowError::Stream(letter))?;
            Ok(Entry {
                seq: first.plus(place),
                at: time(at)?,
                stream,
                text,
                has_end: end != 0,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, text: &str, has_end: bool) -> Entry {
        Entry {
            seq: Seq::new(seq),
            at: time(1_700_000_000_000_001).unwrap(),
            stream: Stream::Stderr,
            text: text.to_owned(),
            has_end,
        }
    }

    #[test]
    fn a_chunk_reads_back() {
        let entries = [
            entry(7, "quotes \" and \\ and \u{0} and ünï", true),
            entry(8, "", true),
            entry(9, "unfinished\r", false),
        ];
        let chunk = encode(&entries).unwrap();
        assert_eq!(decode(Seq::new(7), &chunk).unwrap(), entries);
    }

    #[test]
    fn entries_with_a_gap_are_not_written() {
        assert!(encode(&[entry(7, "a", true), entry(9, "b", true)]).is_err());
    }

    #[test]
    fn a_damaged_chunk_is_an_error() {
        for chunk in [
            "",
            "[[1,\"x\",\"a\",1]]",
            "[[1,\"o\",\"a\"]]",
            "[[1,\"o\",\"a\",1]",
        ] {
            let result = decode(Seq::FIRST, chunk.as_bytes());
            assert!(matches!(result, Err(StoreError::Corrupt(_))), "{chunk}");
        }
    }
}
