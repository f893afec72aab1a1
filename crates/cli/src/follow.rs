//! Reading a log as it grows: one page after the other, from where the last one ended, whatever happens between.

use std::time::Duration;

use runvoy_client::api::{Api, LogsQuery};
use runvoy_client::api_error::ApiError;
use runvoy_client::backoff::Backoff;
use runvoy_wire::log::LogsView;
use tokio::time::Instant;

/// The most entries in a page: bounds the memory that a page of very short lines takes.
const PAGE: u32 = 20_000;
/// How long the server may wait for an entry, in seconds. Short enough to show a changed phase.
const WAIT: u64 = 10;
/// How long a server may be away before following gives up.
const PATIENCE: Duration = Duration::from_mins(10);
/// The shortest time between two pages without entries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Whether to wait for entries that are not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Wait.
    ForMore,
    /// Only what is there.
    No,
}

/// What came next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Entries, or none but a word on how it stands. Entries come in order, each once.
    Page(LogsView),
    /// The server is away; going on comes back to it.
    Lost,
}

/// A reader of one execution's log. Every step may be dropped and taken again: nothing is lost or seen twice.
#[derive(Debug)]
pub(crate) struct Follow<'a> {
    api: &'a Api,
    id: &'a str,
    after: u64,
    not_before: Option<Instant>,
    lost: Option<(Instant, Backoff)>,
    has_begun: bool,
}

impl<'a> Follow<'a> {
    /// Reads from the beginning.
    pub(crate) fn new(api: &'a Api, id: &'a str) -> Self {
        Self {
            api,
            id,
            after: 0,
            not_before: None,
            lost: None,
            has_begun: false,
        }
    }

    /// Waits out a server that is away from the very beginning: the execution is known to be there.
    #[must_use]
    pub(crate) fn of_known(mut self) -> Self {
        self.has_begun = true;
        self
    }

    /// The next page. Errors are those that do not pass.
    pub(crate) async fn next(&mut self, waiting: Waiting) -> Result<Step, ApiError> {
        if let Some(moment) = self.not_before {
            tokio::time::sleep_until(moment).await;
            self.not_before = None;
        }
        let query = LogsQuery {
            after: self.after,
            limit: Some(PAGE),
            wait: match waiting {
                Waiting::ForMore => WAIT,
                Waiting::No => 0,
            },
        };
        match self.api.logs(self.id, query).await {
            Ok(page) => Ok(Step::Page(self.taken(page))),
            Err(error) if self.has_begun && error.is_passing() => self.wait_out(error),
            Err(error) => Err(error),
        }
    }

    fn taken(&mut self, mut page: LogsView) -> LogsView {
        self.has_begun = true;
        self.lost = None;
        let events = page.events.get_or_insert_default();
        let mut after = self.after;
        events.retain(|event| {
            let is_new = event.line > after;
            after = after.max(event.line);
            is_new
        });
        if events.is_empty() && !page.complete {
            let pause = Duration::from_millis(page.poll_after_ms).max(SHORTEST_PAUSE);
            self.not_before = Some(Instant::now() + pause);
        }
        self.after = after.max(page.next);
        page
    }

    fn wait_out(&mut self, error: ApiError) -> Result<Step, ApiError> {
        let now = Instant::now();
        let (since, delays) = self.lost.get_or_insert_with(|| (now, Backoff::new()));
        if now.duration_since(*since) > PATIENCE {
            return Err(error);
        }
        self.not_before = delays.next().map(|delay| now + delay);
        Ok(Step::Lost)
    }
}

#[cfg(test)]
mod tests;
