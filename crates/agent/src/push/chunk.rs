//! A chunk of entries as the control plane takes it.

use std::io::{self, Write as _};

use bytes::Bytes;
use runvoy_core::log::Seq;
use runvoy_wire::agent::MAX_CHUNK_BYTES;

use crate::control_plane::compress;
use crate::frame::Frame;
use crate::spool::Reader;

/// Consecutive entries, ready to be sent.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The first entry's number.
    pub(super) first: Seq,
    /// The number after the last.
    pub(super) end: Seq,
    /// The body of the call.
    pub(super) body: Bytes,
    /// There was nothing more to take.
    pub(super) is_last: bool,
}

/// Takes as many entries as one call may carry; `None` where there is none.
pub(super) fn build(reader: &mut Reader, compresses: bool) -> io::Result<Option<Chunk>> {
    let first = reader.next_seq();
    let mut body = format!(r#"{{"first":{first},"entries":["#).into_bytes();
    let mut is_last = true;
    while let Some(frame) = reader.peek()? {
        let before = body.len();
        write_entry(&mut body, frame)?;
        if body.len() + 2 > MAX_CHUNK_BYTES && reader.next_seq() > first {
            body.truncate(before);
            is_last = false;
            break;
        }
        reader.advance();
    }
    let end = reader.next_seq();
    if end == first {
        return Ok(None);
    }
    // The comma after the last entry gives way to the end.
    body.pop();
    body.extend_from_slice(b"]}");
    let body = Bytes::from(if compresses { compress(&body) } else { body });
    Ok(Some(Chunk {
        first,
        end,
        body,
        is_last,
    }))
}

/// Writes `[at,"o","text","\n"],`, as [`runvoy_wire::agent::WireEntry`] reads it.
fn write_entry(body: &mut Vec<u8>, frame: Frame<'_>) -> io::Result<()> {
    let text = std::str::from_utf8(frame.text).map_err(io::Error::other)?;
    write!(body, r#"[{},"{}","#, frame.at, frame.stream.letter())?;
    serde_json::to_writer(&mut *body, text)?;
    let end: &[u8] = if frame.has_end {
        br#","\n"],"#
    } else {
        br#",""],"#
    };
    body.extend_from_slice(end);
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use runvoy_core::log::{MAX_ENTRY_BYTES, Stream};
    use runvoy_wire::agent::LogsRequest;

    use super::*;
    use crate::frame::Batch;
    use crate::spool::{Consumer, Spool};

    fn reader(texts: &[String]) -> Reader {
        let spool = Spool::new(".".into(), 0);
        let mut batch = Batch::default();
        for text in texts {
            batch.push(Timestamp::UNIX_EPOCH, Stream::Stderr, text, text.len() != 3);
        }
        spool.append_exempt(&mut batch);
        Reader::new(&spool, Consumer::Pusher)
    }

    #[test]
    fn chunks_are_of_the_protocol() {
        let mut reader = reader(&["a\"\\\u{1}é".to_owned(), "abc".to_owned()]);
        let chunk = build(&mut reader, false).unwrap().unwrap();
        assert!(chunk.is_last && chunk.first == Seq::FIRST && chunk.end == Seq::new(3));
        let request: LogsRequest = serde_json::from_slice(&chunk.body).unwrap();
        assert_eq!(request.first, Seq::FIRST);
        let mut entries = request
            .entries
            .into_iter()
            .map(|entry| entry.into_entry(Seq::FIRST).unwrap());
        let first = entries.next().unwrap();
        assert_eq!(
            (first.text.as_str(), first.has_end, first.stream),
            ("a\"\\\u{1}é", true, Stream::Stderr)
        );
        assert!(!entries.next().unwrap().has_end);
    }

    #[test]
    fn even_the_worst_entries_fit_a_chunk() {
        let worst = "\u{1}".repeat(MAX_ENTRY_BYTES);
        let mut reader = reader(&[worst.clone(), worst, "x".to_owned()]);
        let mut count = 0;
        while let Some(chunk) = build(&mut reader, false).unwrap() {
            assert!(chunk.body.len() <= MAX_CHUNK_BYTES);
            count += chunk.end.number() - chunk.first.number();
        }
        assert_eq!(count, 3);
    }
}
