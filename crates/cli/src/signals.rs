//! Ctrl-C and hang-ups, as events.

/// What the terminal or another process asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The terminal is gone, or the process is told to end; only heard under `--local`.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no hang-ups there"))]
    HangUp,
}

/// Whether the end of the terminal is heard, or ends this process as it always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HangUps {
    /// Heard: what runs here has to be stopped.
    Heard,
    /// They end this process; what runs elsewhere goes on.
    End,
}

#[cfg(unix)]
pub(crate) use unix::Signals;
#[cfg(not(unix))]
pub(crate) use windows::Signals;

#[cfg(unix)]
mod unix {
    use std::future::pending;

    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    use super::{HangUps, Signal};
    use crate::failure::{self, Failure};

    /// The signals of this process from now on.
    #[derive(Debug)]
    pub(crate) struct Signals {
        interrupt: Option<Stream>,
        hang_up: Option<Stream>,
        terminate: Option<Stream>,
    }

    impl Signals {
        /// Listens. A signal that the caller had this process ignore (`nohup`, background jobs) stays ignored.
        pub(crate) fn listen(hang_ups: HangUps) -> Result<Self, Failure> {
            let listen = |kind: SignalKind| {
                if is_ignored(kind) {
                    return Ok(None);
                }
                let stream = signal(kind);
                stream
                    .map(Some)
                    .map_err(|error| failure::file("heard", "Ctrl-C", &error))
            };
            let if_heard = |kind| match hang_ups {
                HangUps::Heard => listen(kind),
                HangUps::End => Ok(None),
            };
            Ok(Self {
                interrupt: listen(SignalKind::interrupt())?,
                hang_up: if_heard(SignalKind::hangup())?,
                terminate: if_heard(SignalKind::terminate())?,
            })
        }

        /// The next signal.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                () = of(&mut self.interrupt) => Signal::Interrupt,
                () = of(&mut self.hang_up) => Signal::HangUp,
                () = of(&mut self.terminate) => Signal::HangUp,
            }
        }
    }

    async fn of(stream: &mut Option<Stream>) {
        let heard = match stream {
            Some(stream) => stream.recv().await,
            None => None,
        };
        if heard.is_none() {
            pending::<()>().await;
        }
    }

    /// Whether the process ignored the signal when it was started; known on Linux only.
    fn is_ignored(kind: SignalKind) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
    }
}

#[cfg(not(unix))]
mod windows {
    use super::{HangUps, Signal};
    use crate::failure::Failure;

    /// The signals of this process from now on.
    #[derive(Debug)]
    pub(crate) struct Signals;

    impl Signals {
        /// Listens.
        #[expect(clippy::unnecessary_wraps, reason = "listening can fail elsewhere")]
        pub(crate) fn listen(_: HangUps) -> Result<Self, Failure> {
            Ok(Self)
        }

        /// The next signal.
        pub(crate) async fn next(&mut self) -> Signal {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Signal::Interrupt
        }
    }
}
