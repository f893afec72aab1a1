//! Entries as bytes, without their numbers: what lies in the spool.

use jiff::Timestamp;
use runvoy_core::log::Stream;

/// Bytes before the text: time (8), stream and end (1), length of the text (2).
const HEADER: usize = 11;
/// Marks an entry with an end.
const HAS_END: u8 = 0x80;

/// One entry, its text borrowed from where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// When it was read, in microseconds since 1970.
    pub(crate) at: i64,
    /// Where it comes from.
    pub(crate) stream: Stream,
    /// Its text; always UTF-8, at most [`runvoy_core::log::MAX_ENTRY_BYTES`] long.
    pub(crate) text: &'a [u8],
    /// Whether a line feed follows.
    pub(crate) has_end: bool,
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of `bytes`, and how many bytes it takes; `None` where it is not whole.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let (at, rest) = bytes.split_first_chunk::<8>()?;
        let (&[flags, low, high], rest) = rest.split_first_chunk::<3>()?;
        let text = rest.get(..usize::from(u16::from_le_bytes([low, high])))?;
        let frame = Self {
            at: i64::from_le_bytes(*at),
            stream: Stream::from_letter(char::from(flags & !HAS_END))?,
            text,
            has_end: flags & HAS_END != 0,
        };
        Some((frame, HEADER + text.len()))
    }

    fn encode(self, out: &mut Vec<u8>) {
        let length = u16::try_from(self.text.len()).unwrap_or(u16::MAX);
        let letter = self.stream.letter() as u8;
        out.extend_from_slice(&self.at.to_le_bytes());
        out.push(letter | if self.has_end { HAS_END } else { 0 });
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.text[..usize::from(length)]);
    }
}

/// Entries on their way into the spool together, which numbers them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Their frames.
    pub(crate) frames: Vec<u8>,
    /// How many.
    pub(crate) count: u64,
}

impl Batch {
    /// Appends an entry.
    pub(crate) fn push(&mut self, at: Timestamp, stream: Stream, text: &str, has_end: bool) {
        let frame = Frame {
            at: at.as_microsecond(),
            stream,
            text: text.as_bytes(),
            has_end,
        };
        frame.encode(&mut self.frames);
        self.count += 1;
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Empties it, keeping its room.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_decode_as_they_are_encoded() {
        let mut batch = Batch::default();
        let at = Timestamp::from_microsecond(1_700_000_000_123_456).unwrap();
        batch.push(at, Stream::Stdout, "héllo", true);
        batch.push(at, Stream::Stderr, "", false);
        let (first, size) = Frame::decode(&batch.frames).unwrap();
        assert_eq!(
            (first.at, first.stream),
            (at.as_microsecond(), Stream::Stdout)
        );
        assert_eq!((first.text, first.has_end), ("héllo".as_bytes(), true));
        let (second, rest) = Frame::decode(&batch.frames[size..]).unwrap();
        assert_eq!(
            (second.stream, second.text, second.has_end),
            (Stream::Stderr, &b""[..], false)
        );
        assert_eq!(size + rest, batch.frames.len());
    }

    #[test]
    fn a_part_of_a_frame_is_none() {
        let mut batch = Batch::default();
        batch.push(Timestamp::UNIX_EPOCH, Stream::System, "text", true);
        for length in 0..batch.frames.len() {
            assert_eq!(Frame::decode(&batch.frames[..length]), None);
        }
    }
}
