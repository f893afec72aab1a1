//! Waits for every child: the command, and what its descendants leave behind, which comes to this process as their sub-reaper.

use std::io;
use std::sync::mpsc;

use runvoy_core::outcome::ProcessEnd;
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, wait};
use tokio::sync::watch;

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reaped {
    /// The command's own process, once it was started.
    pub(crate) started: Option<Pid>,
    /// How the command's own process ended.
    pub(crate) main: Option<ProcessEnd>,
    /// There is no child. Where this process is the sub-reaper, nothing of the command is left then.
    pub(crate) is_empty: bool,
}

/// The thread that waits.
#[derive(Debug)]
pub(crate) struct Reaper {
    pids: mpsc::Sender<Pid>,
    state: watch::Sender<Reaped>,
}

impl Reaper {
    /// Starts the thread, before there is anything to wait for.
    pub(crate) fn start() -> io::Result<Self> {
        let (pids, started) = mpsc::channel();
        let state = watch::Sender::new(Reaped {
            started: None,
            main: None,
            is_empty: true,
        });
        let told = state.clone();
        let builder = std::thread::Builder::new().name("reaper".to_owned());
        builder.spawn(move || {
            if let Ok(main) = started.recv() {
                reap(main, &told);
            }
        })?;
        Ok(Self { pids, state })
    }

    /// There is a child now, the command. No other may be started by this process afterwards.
    pub(crate) fn begin(&self, main: Pid) {
        self.state.send_modify(|state| {
            state.started = Some(main);
            state.is_empty = false;
        });
        // The thread waits for exactly this.
        let _unheard = self.pids.send(main);
    }

    /// What was waited for, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Reaped> {
        self.state.subscribe()
    }
}

fn reap(main: Pid, told: &watch::Sender<Reaped>) {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == main => {
                told.send_modify(|state| state.main = Some(end(status)));
            }
            Ok(_) | Err(Errno::INTR) => {}
            // No child is left, and there will be none: only children have children.
            Err(_) => {
                told.send_modify(|state| state.is_empty = true);
                return;
            }
        }
    }
}

fn end(status: WaitStatus) -> ProcessEnd {
    match status.terminating_signal() {
        Some(signal) => ProcessEnd::Signaled(signal),
        None => ProcessEnd::Exited(status.exit_status().unwrap_or(0)),
    }
}
