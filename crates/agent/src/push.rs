//! Sends log entries to the control plane, each until it is accepted.

mod chunk;

use std::sync::Arc;
use std::time::Duration;

use runvoy_core::log::Seq;
use runvoy_wire::agent::LogsResponse;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::control_plane::{Backoff, CallError, Session};
use crate::orders::Orders;
use crate::spool::{Reader, Spool, Standing};
use chunk::Chunk;

/// After a silence entries are gathered no longer than this, so that a first line is seen at once.
const FIRST_GATHERING: Duration = Duration::from_millis(3);
/// So many bytes are sent without gathering more.
const ENOUGH_BYTES: u64 = 128 * 1024;

/// Sends what is in the spool.
#[derive(Debug)]
pub(crate) struct Pusher {
    /// Where entries go.
    pub(crate) session: Session,
    /// Where they come from.
    pub(crate) spool: Arc<Spool>,
    /// Whom to tell what the control plane says.
    pub(crate) orders: Orders,
    /// How long to gather entries.
    pub(crate) flush: watch::Sender<Duration>,
}

impl Pusher {
    /// Sends until the spool is closed and all of it accepted, or until the control plane says to leave.
    pub(crate) async fn run(self, mut reader: Reader) {
        let mut last_sent = None;
        let mut seen_bytes = 0;
        let mut backoff = Backoff::default();
        loop {
            let next = reader.next_seq();
            let standing = self.wait_for_entries(next, last_sent, seen_bytes).await;
            if standing.next <= next.number() {
                return;
            }
            let Some((back, built)) = self.build(reader).await else {
                return;
            };
            reader = back;
            let Ok(Some(chunk)) = built else {
                // The spool's file cannot be read now.
                backoff.pause().await;
                continue;
            };
            seen_bytes = if chunk.is_last { standing.bytes } else { 0 };
            last_sent = Some(Instant::now());
            if !self.send(&chunk, &mut reader).await {
                return;
            }
            backoff = Backoff::default();
        }
    }

    /// Waits for entries, and for more of them as long as they may be gathered. No new entry: the spool is closed.
    async fn wait_for_entries(
        &self,
        next: Seq,
        last_sent: Option<Instant>,
        seen_bytes: u64,
    ) -> Standing {
        let mut flush = self.flush.subscribe();
        let mut seen_at = None;
        loop {
            let standing = self.spool.standing();
            let has_entries = standing.next > next.number();
            let is_enough = standing.bytes.saturating_sub(seen_bytes) >= ENOUGH_BYTES;
            if standing.is_closed || has_entries && is_enough {
                return standing;
            }
            if !has_entries {
                self.spool.appended.notified().await;
                continue;
            }
            let gathering = *flush.borrow_and_update();
            let first_due =
                *seen_at.get_or_insert_with(Instant::now) + gathering.min(FIRST_GATHERING);
            let due = last_sent.map_or(first_due, |last| first_due.max(last + gathering));
            tokio::select! {
                () = self.spool.appended.notified() => {}
                Ok(()) = flush.changed() => {}
                () = sleep_until(due) => return standing,
            }
        }
    }

    /// Builds the next chunk away from the runtime's thread: that reads a file and compresses.
    async fn build(&self, mut reader: Reader) -> Option<(Reader, std::io::Result<Option<Chunk>>)> {
        let compresses = self.session.compresses();
        let building = spawn_blocking(move || {
            let chunk = chunk::build(&mut reader, compresses);
            (reader, chunk)
        });
        let built = building.await;
        if let Err(error) = &built {
            self.orders
                .leave(format!("the log could not be read: {error}"));
        }
        built.ok()
    }

    /// Sends the chunk until it, or a beginning of it, is accepted; `false`: leave.
    async fn send(&self, chunk: &Chunk, reader: &mut Reader) -> bool {
        let mut backoff = Backoff::default();
        loop {
            match self.session.logs(chunk.body.clone()).await {
                Ok(answer) => {
                    if self.take_answer(chunk, reader, &answer) {
                        return true;
                    }
                }
                Err(CallError::Final(reason)) => {
                    self.orders.leave(reason);
                    return false;
                }
                Err(CallError::Failed(_) | CallError::Unreached(_)) => {}
            }
            backoff.pause().await;
        }
    }

    /// Whether the answer let the log go on. One that asks for what was accepted before, or for what was never
    /// written, is not of this log and changes nothing.
    fn take_answer(&self, chunk: &Chunk, reader: &mut Reader, answer: &LogsResponse) -> bool {
        if answer.cancel {
            self.orders.cancel.cancel();
        }
        self.flush
            .send_replace(Duration::from_millis(answer.flush_ms));
        let next = answer.next_seq;
        if next <= chunk.first || next > chunk.end {
            return false;
        }
        if next != chunk.end {
            reader.seek(next);
        }
        reader.release(next);
        true
    }
}
