//! Settles an execution whose place is gone without a `finish`: the second copy of its log speaks first.

use std::io;

use runvoy_core::execution::{Event, Evidence, Execution, ProviderWord};
use runvoy_core::id::SessionId;
use runvoy_core::log::{Entry, Seq, Stream};
use runvoy_core::outcome::Report;
use runvoy_ports::{Appended, CopyPage, Placement};

use crate::app::App;
use crate::change::Cause;
use crate::error::{AppError, ErrorKind};

/// Text read from the second copy at once. Every page looks for its beginning anew, so a few large ones are cheaper.
const COPY_PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Entries of it that are stored together at most, and their bytes: stores take only so much at once.
const STORED_TOGETHER: usize = 500;
const STORED_BYTES: usize = 1024 * 1024;
/// A copy whose numbers jump further than this is none: no agent loses so much.
const LARGEST_GAP: u64 = 100_000;

impl App {
    /// Fills the log from the second copy, then ends the execution as the evidence says.
    pub(crate) async fn settle(
        &self,
        execution: &Execution,
        placement: &Placement,
        mut evidence: Evidence,
    ) -> Result<(), AppError> {
        let started = execution.started().filter(|_| execution.ended().is_none());
        if let Some(started) = started {
            evidence.report = self
                .fill(execution, placement, &started.session)
                .await?
                .or(evidence.report);
            if evidence.report.is_none() && !self.is_owned_by_the_living(execution) {
                evidence.word = evidence.word.or(Some(ProviderWord::Interrupted));
            }
        }
        let attempt = placement.attempt.number();
        let at = self.now();
        // An agent that has started since then may have left a copy: the next look reads it.
        let is_started = execution.started().is_some();
        self.apply(execution.id(), &Cause::system(), |now| {
            (now.started().is_some() == is_started).then(|| Event::Gone {
                at,
                attempt,
                evidence: evidence.clone(),
            })
        })
        .await?;
        Ok(())
    }

    /// Appends what the second copy has and the log has not, by number; a remark stands where lines are lost.
    /// Answers the result, if the copy is complete.
    async fn fill(
        &self,
        execution: &Execution,
        placement: &Placement,
        session: &SessionId,
    ) -> Result<Option<Report>, AppError> {
        let id = execution.id();
        let Some(head) = self.store().find_head(id).await? else {
            return Ok(None);
        };
        let mut next = head.next_seq;
        loop {
            let page = self
                .parts
                .launcher
                .read_copy(placement, next.previous(), COPY_PAGE_BYTES)
                .await;
            let page = page.map_err(|error| {
                if error.kind() == io::ErrorKind::WouldBlock {
                    tracing::info!(execution.id = %id, "the second copy of a log is not whole yet");
                } else {
                    tracing::warn!(execution.id = %id, %error, "the second copy of a log cannot be read");
                }
                AppError::new(ErrorKind::Unavailable, "the second copy of the log cannot be read now")
            })?;
            let page = credible(page, next);
            let is_last = page.entries.is_empty();
            next = self
                .append_with_gaps(execution, session, next, page.entries)
                .await?;
            match page.end {
                Some((last, report)) if last.plus(1) == next => return Ok(Some(report)),
                Some((_, report)) if is_last => {
                    self.append_gap(execution, session, next).await?;
                    return Ok(Some(report));
                }
                None if is_last => {
                    self.append_gap(execution, session, next).await?;
                    return Ok(None);
                }
                // There may be more, or the agent's own last lines came first: the copy is read again from there.
                Some(_) | None => {}
            }
        }
    }

    async fn append_with_gaps(
        &self,
        execution: &Execution,
        session: &SessionId,
        mut next: Seq,
        entries: Vec<Entry>,
    ) -> Result<Seq, AppError> {
        let mut together = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            while next < entry.seq {
                together.push(self.gap(next));
                next = next.plus(1);
            }
            if next == entry.seq {
                next = next.plus(1);
                bytes += entry.text.len();
                together.push(entry);
            }
            if together.len() >= STORED_TOGETHER || bytes >= STORED_BYTES {
                next = self
                    .append_all(execution, session, &together)
                    .await?
                    .unwrap_or(next);
                together.clear();
                bytes = 0;
            }
        }
        let last = self.append_all(execution, session, &together).await?;
        Ok(last.unwrap_or(next))
    }

    /// Stores entries in pieces of a bearable size; answers the next number, if there were any.
    async fn append_all(
        &self,
        execution: &Execution,
        session: &SessionId,
        entries: &[Entry],
    ) -> Result<Option<Seq>, AppError> {
        let mut next = None;
        for chunk in entries.chunks(STORED_TOGETHER) {
            next = Some(self.append_own(execution, session, chunk).await?);
        }
        Ok(next)
    }

    async fn append_gap(
        &self,
        execution: &Execution,
        session: &SessionId,
        at: Seq,
    ) -> Result<(), AppError> {
        let gap = self.gap(at);
        let last = self
            .store()
            .read_entries(execution.id(), at.previous().previous(), 1)
            .await?;
        let is_there = last.first().is_some_and(|last| {
            last.seq == at.previous() && last.stream == gap.stream && last.text == gap.text
        });
        if !is_there {
            self.append_own(execution, session, &[gap]).await?;
        }
        Ok(())
    }

    async fn append_own(
        &self,
        execution: &Execution,
        session: &SessionId,
        entries: &[Entry],
    ) -> Result<Seq, AppError> {
        let appended = self
            .store()
            .append(execution.id(), session, entries, self.now())
            .await?;
        self.wakeups.wake(execution.id());
        match appended {
            Appended::Next(next) => Ok(next),
            Appended::Refused => Err(AppError::new(
                ErrorKind::Conflict,
                "the log was closed meanwhile",
            )),
        }
    }

    fn gap(&self, seq: Seq) -> Entry {
        let text = "Output may be missing here: the agent was lost".to_owned();
        Entry {
            seq,
            at: self.now(),
            stream: Stream::System,
            text,
            has_end: true,
        }
    }
}

/// The page up to the first number that cannot be: whoever may write where the copy lies may write anything.
fn credible(mut page: CopyPage, mut next: Seq) -> CopyPage {
    let odd = page.entries.iter().position(|entry| {
        let is_odd = entry.seq > next.plus(LARGEST_GAP);
        next = next.max(entry.seq);
        is_odd
    });
    if let Some(odd) = odd {
        page.entries.truncate(odd);
        page.end = None;
    }
    page
}
