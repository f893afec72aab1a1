//! Reads logs, waiting for what is still to come.

use std::time::Duration;

use runvoy_core::execution::Execution;
use runvoy_core::id::ExecutionId;
use runvoy_core::log::{Entry, Seq};

use crate::app::App;
use crate::context::OpContext;
use crate::error::AppError;

/// The longest that one request may wait for news.
const MAX_WAIT: Duration = Duration::from_secs(30);

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
        let deadline = tokio::time::Instant::now() + wait.min(MAX_WAIT);
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
        let execution = self.readable(ctx, id).await?;
        let entries = self.store().read_entries(id, after, max_bytes).await?;
        let next = entries.last().map_or(after, |last| last.seq);
        // The head is read after the entries: what it says of the end is then never too early.
        let head = self.store().find_head(id).await?;
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
}
