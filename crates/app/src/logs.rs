//! Reads logs, waiting for what is still to come.

use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::execution::{Execution, later};
use runvoy_core::id::ExecutionId;
use runvoy_core::log::{Entry, Seq, Stream};

use crate::app::App;
use crate::context::OpContext;
use crate::error::AppError;

/// Entries of a log, and where to go on.
#[derive(Debug)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The cursor to go on from.
    pub next: Seq,
    /// The log is closed and was read to its end.
    pub is_complete: bool,
    /// The execution as it was when the entries were read.
    pub execution: Execution,
}

impl App {
    /// Entries above `after`, about `max_bytes` of text. Where there are none yet, waits up to `wait` for the first,
    /// for a change of the execution's status, or for the log's end.
    pub async fn logs(
        &self,
        ctx: &OpContext,
        id: &ExecutionId,
        after: Seq,
        max_bytes: usize,
        wait: Duration,
    ) -> Result<LogPage, AppError> {
        let mut follower = self.wakeups.follow(id);
        let deadline = tokio::time::Instant::now() + wait.min(self.parts.tuning.longest_wait);
        let first = self.log_page(ctx, id, after, max_bytes).await?;
        let status = first.execution.status();
        let mut page = first;
        while page.entries.is_empty() && !page.is_complete && page.execution.status() == status {
            let poll = tokio::time::Instant::now() + self.parts.tuning.poll;
            if tokio::time::Instant::now() >= deadline {
                break;
            }
            let _news_or_time = tokio::time::timeout_at(poll.min(deadline), follower.news()).await;
            page = self.log_page(ctx, id, after, max_bytes).await?;
        }
        Ok(page)
    }

    async fn log_page(
        &self,
        ctx: &OpContext,
        id: &ExecutionId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<LogPage, AppError> {
        // At once, because each is a round trip. In which order they are answered does not matter: a closed log
        // never changes, so whoever has read up to the number at which it was closed has read all of it.
        let (execution, entries, head) = tokio::join!(
            self.readable(ctx, id),
            self.store().read_entries(id, after, max_bytes),
            self.store().find_head(id),
        );
        let (execution, mut entries, head) = (execution?, entries?, head?);
        if let Some(deleted_at) = self.log_deleted_at(&execution) {
            return Ok(LogPage {
                entries: deleted(deleted_at, after),
                next: after.max(Seq::FIRST),
                is_complete: true,
                execution,
            });
        }
        let is_silent = head.as_ref().is_none_or(|head| head.next_seq == Seq::FIRST);
        if is_silent && entries.is_empty() {
            entries = self.provider_lines(&execution).await;
            entries.retain(|entry| entry.seq > after);
        }
        let next = entries.last().map_or(after, |last| last.seq);
        let is_complete = head.is_none_or(|head| head.is_closed && head.next_seq <= next.plus(1));
        // The end may have come since the execution was read: a complete log is that of one that is over.
        let execution = match execution.ended() {
            None if is_complete => self.readable(ctx, id).await?,
            None | Some(_) => execution,
        };
        Ok(LogPage {
            entries,
            next,
            is_complete,
            execution,
        })
    }

    /// Since when the execution's log counts as deleted: stores delete its parts at leisure, and half a log is none.
    fn log_deleted_at(&self, execution: &Execution) -> Option<Timestamp> {
        execution.ended()?;
        let kept = self.parts.tuning.log_retention?;
        let until = later(execution.submission().created_at, kept);
        (until <= self.now()).then_some(until)
    }

    /// What the provider itself has of an execution that is over and whose agent never called.
    async fn provider_lines(&self, execution: &Execution) -> Vec<Entry> {
        let (None, Some((_, at)), Some(attempt)) =
            (execution.started(), execution.ended(), execution.attempt())
        else {
            return Vec::new();
        };
        let lines = match self.parts.launcher.provider_lines(&attempt).await {
            Ok(lines) if lines.is_empty() => return Vec::new(),
            Ok(lines) => lines,
            Err(error) => {
                tracing::warn!(execution.id = %execution.id(), %error, "the provider's lines cannot be read");
                return Vec::new();
            }
        };
        let says_so = format!(
            "The agent never connected. These are the last lines that {} has:",
            self.provider_of(execution)
        );
        let texts = std::iter::once(says_so).chain(lines);
        let numbers = (1..).map(Seq::new);
        numbers
            .zip(texts)
            .map(|(seq, text)| Entry {
                seq,
                at,
                stream: Stream::System,
                text,
                has_end: true,
            })
            .collect()
    }
}

/// What is left of a deleted log: one line that says so.
fn deleted(at: Timestamp, after: Seq) -> Vec<Entry> {
    let line = Entry {
        seq: Seq::FIRST,
        at,
        stream: Stream::System,
        text: format!("This log was kept until {at:.0} and is deleted"),
        has_end: true,
    };
    if after < Seq::FIRST {
        vec![line]
    } else {
        Vec::new()
    }
}
