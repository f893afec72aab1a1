//! Reads the second copy of a log from the engine.
//!
//! The engine tells a log from its beginning only, so what is being read stays open between pages.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use runvoy_core::error::chain;
use runvoy_core::id::AttemptId;
use runvoy_core::log::{Entry, Seq};
use runvoy_ports::{CopyEnd, CopyPage};
use runvoy_wire::copy::{CopyLine, parse_line};

use crate::attempt;
use crate::call::{CallError, in_time};
use crate::launcher::Inner;

/// Logs that are being read, by attempt.
#[derive(Debug, Default)]
pub(crate) struct Copies(Mutex<HashMap<AttemptId, Reader>>);

impl Copies {
    /// Nobody reads it any more.
    pub(crate) fn forget(&self, attempt: &AttemptId) {
        drop(self.take(attempt));
    }

    fn take(&self, attempt: &AttemptId) -> Option<Reader> {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.remove(attempt)
    }

    fn keep(&self, attempt: &AttemptId, reader: Reader) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.insert(attempt.clone(), reader);
    }
}

impl Inner {
    pub(crate) async fn read_copy(
        &self,
        attempt: &AttemptId,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        let open = self.copies.take(attempt);
        let mut reader = match open.filter(|reader| reader.position == after) {
            Some(reader) => reader,
            None => Reader::new(self.copy_stream(attempt), after),
        };
        let page = match reader.page(max_bytes).await {
            Ok(page) => page,
            Err(error) if error.is_absent() => return Ok(CopyPage::default()),
            Err(error) => return Err(failed(&error)),
        };
        if !page.entries.is_empty() {
            self.copies.keep(attempt, reader);
        }
        Ok(page)
    }

    fn copy_stream(&self, attempt: &AttemptId) -> BoxStream<'static, Result<LogOutput, Error>> {
        let options = LogsOptions {
            stdout: true,
            timestamps: true,
            tail: "all".to_owned(),
            ..LogsOptions::default()
        };
        let name = attempt::container(attempt);
        self.engine.docker().logs(&name, Some(options)).boxed()
    }
}

pub(crate) fn failed(error: &CallError) -> io::Error {
    io::Error::other(chain(error))
}

/// A copy that is being read.
struct Reader {
    frames: BoxStream<'static, Result<LogOutput, Error>>,
    /// The number of the last entry that was given.
    position: Seq,
    /// The beginning of a line whose rest the engine has kept apart, and when it was written.
    line: Vec<u8>,
    at: Timestamp,
    end: Option<CopyEnd>,
    is_over: bool,
}

impl Reader {
    fn new(frames: BoxStream<'static, Result<LogOutput, Error>>, after: Seq) -> Self {
        Self {
            frames,
            position: after,
            line: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
            end: None,
            is_over: false,
        }
    }

    async fn page(&mut self, max_bytes: usize) -> Result<CopyPage, CallError> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes && !self.is_over {
            match in_time(self.frames.next()).await? {
                Some(frame) => {
                    let entry = self.take(&frame?.into_bytes());
                    bytes += entry.as_ref().map_or(0, |entry| entry.text.len() + 1);
                    entries.extend(entry);
                }
                None => self.is_over = true,
            }
        }
        Ok(CopyPage {
            entries,
            end: self.end,
        })
    }

    /// A frame is a line, or a part of a long one; each begins with its time.
    fn take(&mut self, frame: &[u8]) -> Option<Entry> {
        let (at, text) = timed(frame);
        if self.line.is_empty() {
            self.at = at.unwrap_or(self.at);
        }
        self.line.extend_from_slice(text);
        // A last line without its line feed was cut off and does not count.
        let line = self.line.strip_suffix(b"\n")?;
        let entry = match parse_line(&String::from_utf8_lossy(line)) {
            Some(CopyLine::Entry {
                seq,
                stream,
                text,
                has_end,
            }) if seq > self.position => Some(Entry {
                seq,
                at: self.at,
                stream,
                text: text.to_owned(),
                has_end,
            }),
            Some(CopyLine::End { last, report }) => {
                self.end = Some((last, report));
                None
            }
            Some(CopyLine::Entry { .. }) | None => None,
        };
        self.line.clear();
        if let Some(entry) = &entry {
            self.position = entry.seq;
        }
        entry
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

fn timed(frame: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let blank = frame.iter().position(|byte| *byte == b' ');
    let timed = blank.and_then(|blank| {
        let at = std::str::from_utf8(&frame[..blank]).ok()?.parse().ok()?;
        Some((Some(at), &frame[blank + 1..]))
    });
    timed.unwrap_or((None, frame))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn reader(frames: &[&str], after: u64) -> Reader {
        let frames: Vec<_> = frames
            .iter()
            .map(|text| {
                let text = format!("2026-03-01T10:00:00.123456789Z {text}");
                Ok(LogOutput::StdOut {
                    message: text.into(),
                })
            })
            .collect();
        Reader::new(stream::iter(frames).boxed(), Seq::new(after))
    }

    #[tokio::test]
    async fn lines_that_the_engine_keeps_in_parts_are_put_together() {
        let mut reader = reader(
            &["#1 o aa", "bb", "cc\n", "#2 E x\n", "noise\n", "#3 o cut"],
            0,
        );
        let page = reader.page(1000).await.unwrap();
        let seen: Vec<_> = page
            .entries
            .iter()
            .map(|entry| (entry.seq.number(), entry.text.as_str(), entry.has_end))
            .collect();
        assert_eq!(seen, [(1, "aabbcc", true), (2, "x", false)]);
        assert_eq!(
            page.entries[0].at.to_string(),
            "2026-03-01T10:00:00.123456789Z"
        );
        assert_eq!(page.end, None);
    }

    #[tokio::test]
    async fn pages_go_on_where_the_last_ended_and_the_end_is_told() {
        let frames = ["#1 o a\n", "#2 o b\n", "#3 o c\n", "#end 3 none exit 0\n"];
        let mut reader = reader(&frames, 1);
        let first = reader.page(1).await.unwrap();
        assert_eq!((first.entries.len(), first.end), (1, None));
        assert_eq!(reader.position, Seq::new(2));
        let last = reader.page(1000).await.unwrap();
        assert_eq!(last.entries.len(), 1);
        assert_eq!(last.end.map(|(last, _)| last), Some(Seq::new(3)));
        assert!(reader.page(1000).await.unwrap().entries.is_empty());
    }
}
