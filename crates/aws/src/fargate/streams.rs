//! Log streams in CloudWatch, read page by page.
//!
//! A line of the copy is one event: the driver cuts lines only far beyond the longest that an agent writes, and drops
//! only empty ones, of which the copy has none.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_cloudwatchlogs::operation::get_log_events::builders::GetLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use jiff::Timestamp;
use runvoy_core::log::{Entry, Seq};
use runvoy_ports::CopyPage;
use runvoy_wire::copy::{CopyLine, parse_line};

/// Streams whose reading goes on where it stopped; beyond, they are sought anew.
const MOST_MARKS: usize = 16;
/// The longest line that is shown of an agent that never called.
const LONGEST_LINE: usize = 4096;

/// The streams of one log group.
#[derive(Debug)]
pub(super) struct Streams {
    client: Client,
    group: String,
    marks: Mutex<HashMap<String, Mark>>,
}

/// Where reading a stream stopped.
#[derive(Debug)]
struct Mark {
    after: Seq,
    token: String,
}

/// A part of a stream: its events in order, and the ways on and back.
#[derive(Debug, Default)]
struct Part {
    events: Vec<OutputLogEvent>,
    forward: Option<String>,
    backward: Option<String>,
}

impl Streams {
    /// The streams of `group`.
    pub(super) fn new(client: Client, group: &str) -> Self {
        Self {
            client,
            group: group.to_owned(),
            marks: Mutex::default(),
        }
    }

    /// Entries above `after`, about `max_bytes` of text. No stream: an empty copy.
    pub(super) async fn copy(
        &self,
        stream: &str,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        let mut part = match self.take_mark(stream, after) {
            Some(token) => self.forward(stream, &token).await?,
            None => self.seek(stream, after).await?,
        };
        let (mut page, mut bytes) = (CopyPage::default(), 0);
        loop {
            bytes += add(&mut page, &part.events, after);
            let Some(token) = part.forward else {
                return Ok(page);
            };
            if page.end.is_some() {
                return Ok(page);
            }
            if bytes >= max_bytes {
                self.set_mark(stream, &page, token);
                return Ok(page);
            }
            part = self.forward(stream, &token).await?;
            if part.forward.as_deref() == Some(token.as_str()) {
                part.forward = None;
            }
        }
    }

    /// The last lines of a stream, at most `most`; none where there is no stream.
    pub(super) async fn tail(&self, stream: &str, most: usize) -> io::Result<Vec<String>> {
        let limit = i32::try_from(most).unwrap_or(i32::MAX);
        let part = get(self.call(stream).start_from_head(false).limit(limit)).await?;
        let lines = part.events.iter().filter_map(|event| event.message());
        Ok(lines
            .map(|line| line.chars().take(LONGEST_LINE).collect())
            .collect())
    }

    /// The events around `after`: from the end back, since what is missing of a log is mostly its end.
    async fn seek(&self, stream: &str, after: Seq) -> io::Result<Part> {
        let mut earliest = get(self.call(stream).start_from_head(false)).await?;
        let mut token = earliest.backward.clone();
        while let Some(back) = token {
            if first_seq(&earliest.events).is_some_and(|first| first <= after.plus(1)) {
                break;
            }
            let earlier = get(self.call(stream).start_from_head(false).next_token(&back)).await?;
            token = earlier.backward.clone().filter(|further| *further != back);
            if !earlier.events.is_empty() {
                earliest = earlier;
            }
        }
        Ok(earliest)
    }

    async fn forward(&self, stream: &str, token: &str) -> io::Result<Part> {
        get(self.call(stream).start_from_head(true).next_token(token)).await
    }

    fn call(&self, stream: &str) -> GetLogEventsFluentBuilder {
        self.client
            .get_log_events()
            .log_group_name(&self.group)
            .log_stream_name(stream)
    }

    fn take_mark(&self, stream: &str, after: Seq) -> Option<String> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = marks.remove(stream).filter(|mark| mark.after == after);
        mark.map(|mark| mark.token)
    }

    fn set_mark(&self, stream: &str, page: &CopyPage, token: String) {
        let Some(after) = page.entries.last().map(|entry| entry.seq) else {
            return;
        };
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() >= MOST_MARKS {
            marks.clear();
        }
        marks.insert(stream.to_owned(), Mark { after, token });
    }
}

async fn get(call: GetLogEventsFluentBuilder) -> io::Result<Part> {
    match call.send().await {
        Ok(answer) => Ok(Part {
            forward: answer.next_forward_token,
            backward: answer.next_backward_token,
            events: answer.events.unwrap_or_default(),
        }),
        Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => {
            Ok(Part::default())
        }
        Err(error) => {
            let code = error.code().unwrap_or("no answer");
            let words = format!(
                "CloudWatch Logs: {code}: {}",
                error.message().unwrap_or_default()
            );
            tracing::debug!(?error, "log events cannot be read");
            Err(io::Error::other(words))
        }
    }
}

/// Adds what the events say above `after`; answers how many bytes of text.
fn add(page: &mut CopyPage, events: &[OutputLogEvent], after: Seq) -> usize {
    let mut bytes = 0;
    for event in events {
        let at = Timestamp::from_millisecond(event.timestamp().unwrap_or_default())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        match line(event) {
            Some(CopyLine::Entry {
                seq,
                stream,
                text,
                has_end,
            }) if seq > after => {
                bytes += text.len() + 1;
                let text = text.to_owned();
                page.entries.push(Entry {
                    seq,
                    at,
                    stream,
                    text,
                    has_end,
                });
            }
            Some(CopyLine::End { last, report }) => page.end = Some((last, report)),
            Some(CopyLine::Entry { .. }) | None => {}
        }
    }
    bytes
}

fn first_seq(events: &[OutputLogEvent]) -> Option<Seq> {
    events.iter().find_map(|event| match line(event) {
        Some(CopyLine::Entry { seq, .. }) => Some(seq),
        Some(CopyLine::End { .. }) | None => None,
    })
}

fn line(event: &OutputLogEvent) -> Option<CopyLine<'_>> {
    let message = event.message()?;
    parse_line(message.strip_suffix('\n').unwrap_or(message))
}
