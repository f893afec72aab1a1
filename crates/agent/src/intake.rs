//! Reads the command's output on a thread of its own: masks it, cuts it into entries, keeps the limit, fills the spool.

use std::io::{self, PipeReader, Read as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use runvoy_core::log::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::frame::Batch;
use crate::limit::Limiter;
use crate::line::Splitter;
use crate::mask::{Masker, Secrets};
use crate::spool::Spool;

/// How much is read at a time.
const READ_BYTES: usize = 64 * 1024;
/// After this long an unfinished line goes out as it is.
const PARTIAL_AFTER: Duration = Duration::from_millis(250);
/// Most reads once the command is gone: more than any pipe holds.
const LAST_READS: u32 = 64;

/// What the intake needs.
#[derive(Debug)]
pub(crate) struct Intake {
    /// The command's standard output.
    pub(crate) stdout: PipeReader,
    /// The command's standard error.
    pub(crate) stderr: PipeReader,
    /// Reads as closed once no more output is to be waited for; what is there already is still read.
    pub(crate) hurry: PipeReader,
    /// What to mask.
    pub(crate) secrets: Secrets,
    /// How much output the log keeps.
    pub(crate) limiter: Limiter,
    /// Where entries go.
    pub(crate) spool: Arc<Spool>,
}

impl Intake {
    /// Starts the thread; the token is cancelled when the last entry is in the spool.
    pub(crate) fn start(self) -> io::Result<CancellationToken> {
        let is_done = CancellationToken::new();
        let done = is_done.clone().drop_guard();
        let builder = std::thread::Builder::new().name("intake".to_owned());
        builder.spawn(move || {
            self.run();
            drop(done);
        })?;
        Ok(is_done)
    }

    fn run(self) {
        let mut sources = [
            Source::new(self.stdout, Stream::Stdout, &self.secrets),
            Source::new(self.stderr, Stream::Stderr, &self.secrets),
        ];
        let mut log = Log {
            limiter: self.limiter,
            batch: Batch::default(),
        };
        let mut buffer = vec![0; READ_BYTES];
        let mut reads_left = None;
        while sources.iter().any(Source::is_open) && reads_left != Some(0) {
            let ready = wait(&sources, &self.hurry, reads_left.is_some());
            if ready.hurry && reads_left.is_none() {
                reads_left = Some(LAST_READS);
            } else if let Some(left) = &mut reads_left {
                *left = if ready.sources == [false, false] {
                    0
                } else {
                    *left - 1
                };
            }
            let at = clock::now();
            for (source, is_ready) in sources.iter_mut().zip(ready.sources) {
                source.serve(is_ready, at, &mut buffer, &mut log);
                self.spool.append(&mut log.batch);
            }
        }
        let at = clock::now();
        for source in &mut sources {
            source.finish(at, &mut log);
        }
        log.limiter.finish(at, &mut log.batch);
        self.spool.append(&mut log.batch);
    }
}

/// Where entries of all streams come together.
struct Log {
    limiter: Limiter,
    batch: Batch,
}

struct Source {
    pipe: Option<PipeReader>,
    stream: Stream,
    masker: Masker,
    splitter: Splitter,
    /// Since when an unfinished line waits.
    partial_since: Option<Instant>,
}

impl Source {
    fn new(pipe: PipeReader, stream: Stream, secrets: &Secrets) -> Self {
        Self {
            pipe: Some(pipe),
            stream,
            masker: Masker::new(secrets),
            splitter: Splitter::default(),
            partial_since: None,
        }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    fn partial_due(&self) -> Option<Instant> {
        self.partial_since.map(|since| since + PARTIAL_AFTER)
    }

    fn serve(&mut self, is_ready: bool, at: Timestamp, buffer: &mut [u8], log: &mut Log) {
        if is_ready {
            self.read(at, buffer, log);
            if !self.is_open() {
                self.finish(at, log);
            }
        }
        if self.partial_due().is_some_and(|due| due <= Instant::now()) {
            let stream = self.stream;
            self.splitter.flush_partial(&mut |text, has_end| {
                log.limiter.admit(at, stream, text, has_end, &mut log.batch);
            });
            self.partial_since = None;
        }
    }

    fn read(&mut self, at: Timestamp, buffer: &mut [u8], log: &mut Log) {
        let Some(pipe) = &mut self.pipe else {
            return;
        };
        let length = match pipe.read(buffer) {
            Ok(0) => {
                self.pipe = None;
                return;
            }
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(_) => {
                self.pipe = None;
                return;
            }
        };
        let Self {
            masker,
            splitter,
            stream,
            ..
        } = self;
        let mut went_out = false;
        masker.feed(&buffer[..length], &mut |masked| {
            splitter.feed(masked, &mut |text, has_end| {
                went_out = true;
                log.limiter
                    .admit(at, *stream, text, has_end, &mut log.batch);
            });
        });
        if !self.splitter.has_partial() {
            self.partial_since = None;
        } else if went_out || self.partial_since.is_none() {
            self.partial_since = Some(Instant::now());
        }
    }

    fn finish(&mut self, at: Timestamp, log: &mut Log) {
        let Self {
            masker,
            splitter,
            stream,
            ..
        } = self;
        let mut admit = |text: &str, has_end| {
            log.limiter
                .admit(at, *stream, text, has_end, &mut log.batch);
        };
        masker.finish(&mut |masked| splitter.feed(masked, &mut admit));
        splitter.finish(&mut admit);
    }
}

struct Ready {
    sources: [bool; 2],
    hurry: bool,
}

/// Waits until there is something to read or a partial line is due; not at all when `is_last`.
fn wait(sources: &[Source; 2], hurry: &PipeReader, is_last: bool) -> Ready {
    let due = sources.iter().filter_map(Source::partial_due).min();
    let left = due.map(|due| due.saturating_duration_since(Instant::now()));
    let timeout = if is_last { Some(Duration::ZERO) } else { left };
    let mut fds = Vec::with_capacity(3);
    for source in sources {
        if let Some(pipe) = &source.pipe {
            fds.push(PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN));
        }
    }
    fds.push(PollFd::from_borrowed_fd(hurry.as_fd(), PollFlags::IN));
    let timeout = timeout.map(|left| Timespec {
        tv_sec: left.as_secs().try_into().unwrap_or(0),
        // Rounded up to a millisecond, so that the time is up when the wait is.
        tv_nsec: (left.subsec_nanos() + 999_999).min(999_999_999).into(),
    });
    let is_told = poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0);
    let mut answers = fds.iter().map(|fd| is_told && !fd.revents().is_empty());
    let sources = sources
        .each_ref()
        .map(|source| source.is_open() && answers.next() == Some(true));
    Ready {
        sources,
        hurry: answers.next() == Some(true),
    }
}
