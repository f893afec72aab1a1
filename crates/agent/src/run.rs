//! One command from its start to the report of its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use runvoy_wire::agent::{Spec, StartResponse};
use runvoy_wire::secret::Secret;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::control_plane::Session;
use crate::copy::CopyThread;
use crate::fence::Fence;
use crate::heartbeat::Heartbeat;
use crate::journal::Journal;
use crate::mask::Secrets;
use crate::orders::Orders;
use crate::push::Pusher;
use crate::reaper::Reaper;
use crate::spool::{Consumer, Reader, Spool};
use crate::sweep::kill_all;

/// The exit code where the agent could not do its part.
pub(crate) const FAILED: i32 = 125;
/// How long the processes of a command may take to die of KILL.
pub(crate) const KILL_PATIENCE: Duration = Duration::from_secs(30);

/// A start that was answered.
#[derive(Debug)]
pub(crate) struct Started {
    /// The control plane from now on.
    pub(crate) session: Session,
    /// What it said.
    pub(crate) answer: StartResponse,
    /// When.
    pub(crate) at: Instant,
    /// When, since the machine's boot, the call was sent.
    pub(crate) sent_at: Duration,
}

/// A run and its parts.
#[derive(Debug)]
pub(crate) struct Run {
    /// The agent's settings.
    pub(crate) config: Config,
    /// What to run.
    pub(crate) spec: Spec,
    /// What the control plane said.
    pub(crate) started: Started,
    /// What others want.
    pub(crate) orders: Orders,
    /// What to mask.
    pub(crate) secrets: Secrets,
    /// The log, as far as it is still needed.
    pub(crate) spool: Arc<Spool>,
    /// The agent's remarks.
    pub(crate) journal: Journal,
    /// What waits for processes.
    pub(crate) reaper: Reaper,
    /// All entries are accepted.
    pub(crate) is_pushed: CancellationToken,
}

impl Run {
    /// Prepares everything that can fail.
    pub(crate) fn new(
        config: Config,
        spec: Spec,
        started: Started,
        orders: Orders,
    ) -> io::Result<Self> {
        let values = spec.secrets.values().chain(&spec.mask);
        let secrets = Secrets::new(values.map(Secret::expose)).map_err(io::Error::other)?;
        let spool = Spool::new(config.spool_dir.clone(), started.answer.log_limit);
        Ok(Self {
            journal: Journal {
                spool: spool.clone(),
                secrets: secrets.clone(),
            },
            reaper: Reaper::start()?,
            is_pushed: CancellationToken::new(),
            config,
            spec,
            started,
            orders,
            secrets,
            spool,
        })
    }

    /// Runs the command; answers the agent's exit code.
    pub(crate) async fn run(&self) -> io::Result<i32> {
        let copy = CopyThread::start(&self.spool)?;
        let left = tokio::select! {
            biased;
            why = self.orders.left() => why,
            code = self.conduct(copy) => return Ok(code),
            why = self.assist() => why,
        };
        self.spool.discard();
        kill_all(self.reaper.watch(), KILL_PATIENCE).await;
        Err(io::Error::other(format!("told to leave: {left}")))
    }

    /// What goes on beside the command: entries out, heartbeats, the fence. Independent of each other; never ends.
    async fn assist(&self) -> String {
        let answer = &self.started.answer;
        let flush = watch::Sender::new(Duration::from_millis(answer.flush_ms));
        let fence = Arc::new(Fence::new(
            answer.fence_ms.map(Duration::from_millis),
            self.started.sent_at,
        ));
        let heartbeat = Heartbeat {
            session: self.started.session.clone(),
            interval: Duration::from_millis(answer.heartbeat_ms),
            spool: self.spool.clone(),
            fence: fence.clone(),
            orders: self.orders.clone(),
            flush: flush.clone(),
        };
        tokio::join!(self.push(flush), heartbeat.run(), fence.watch(&self.orders));
        std::future::pending().await
    }

    async fn push(&self, flush: watch::Sender<Duration>) {
        let pusher = Pusher {
            session: self.started.session.clone(),
            spool: self.spool.clone(),
            orders: self.orders.clone(),
            flush,
        };
        let reader = Reader::new(&self.spool, Consumer::Pusher);
        tokio::select! {
            biased;
            () = self.orders.owner_gone.cancelled() => {}
            () = pusher.run(reader) => self.is_pushed.cancel(),
        }
        // Nobody takes entries any more.
        self.spool.release(Consumer::Pusher, u64::MAX);
    }
}
