//! Signs of life, and what the control plane answers to them.

use std::sync::Arc;
use std::time::Duration;

use runvoy_core::log::Seq;
use runvoy_wire::agent::HeartbeatRequest;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clock;
use crate::control_plane::{Backoff, CallError, Session};
use crate::fence::Fence;
use crate::orders::Orders;
use crate::spool::Spool;

/// The shortest time between two heartbeats, whatever the control plane asks for.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);

/// Sends heartbeats.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    /// Where they go.
    pub(crate) session: Session,
    /// How often.
    pub(crate) interval: Duration,
    /// Whose standing they carry.
    pub(crate) spool: Arc<Spool>,
    /// What an accepted one renews.
    pub(crate) fence: Arc<Fence>,
    /// Whom to tell what the control plane says.
    pub(crate) orders: Orders,
    /// How long the pusher gathers entries.
    pub(crate) flush: watch::Sender<Duration>,
}

impl Heartbeat {
    /// Sends them until the control plane says to leave.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut pause = self.interval;
        loop {
            sleep(pause.max(SHORTEST_INTERVAL)).await;
            let next_seq = Seq::new(self.spool.standing().next);
            let sent_at = clock::since_boot();
            match self.session.heartbeat(&HeartbeatRequest { next_seq }).await {
                Ok(answer) => {
                    self.fence.renew(sent_at);
                    if answer.cancel {
                        self.orders.cancel.cancel();
                    }
                    self.flush
                        .send_replace(Duration::from_millis(answer.flush_ms));
                    self.interval = Duration::from_millis(answer.heartbeat_ms);
                    pause = self.interval;
                    backoff = Backoff::default();
                }
                Err(CallError::Final(reason)) => return self.orders.leave(reason),
                Err(CallError::Failed(_) | CallError::Unreached(_)) => {
                    pause = backoff.next_pause().min(self.interval);
                }
            }
        }
    }
}
