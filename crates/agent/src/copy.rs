//! The second copy: every entry also goes to the agent's own standard output.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use runvoy_core::log::Seq;
use runvoy_core::outcome::Report;
use runvoy_wire::copy;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::spool::{Consumer, Reader, Spool};

/// So many bytes are written at a time.
const WRITE_BYTES: usize = 64 * 1024;

/// The thread that writes the copy.
#[derive(Debug)]
pub(crate) struct CopyThread {
    report: oneshot::Sender<Report>,
    is_done: CancellationToken,
}

impl CopyThread {
    /// Starts to copy what is in the spool.
    pub(crate) fn start(spool: &Arc<Spool>) -> io::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (report, reported) = oneshot::channel();
        let is_done = CancellationToken::new();
        let done = is_done.clone().drop_guard();
        let mut reader = Reader::new(spool, Consumer::Copy);
        let spool = spool.clone();
        let builder = std::thread::Builder::new().name("copy".to_owned());
        builder.spawn(move || {
            // Nobody may read the copy; then the log goes on without it.
            drop(write_all(&out, &spool, &mut reader, reported));
            reader.retire();
            drop(done);
        })?;
        Ok(Self { report, is_done })
    }

    /// Lets the copy end with the report once the spool is closed and all of it is written. The token tells when it is.
    pub(crate) fn finish(self, report: Report) -> CancellationToken {
        let _unheard = self.report.send(report);
        self.is_done
    }
}

fn write_all(
    mut out: &File,
    spool: &Spool,
    reader: &mut Reader,
    report: oneshot::Receiver<Report>,
) -> io::Result<()> {
    let mut lines = Vec::new();
    loop {
        let next = reader.next_seq();
        let standing = spool.wait_for(next.number());
        if standing.next <= next.number() {
            break;
        }
        while lines.len() < WRITE_BYTES {
            let seq = reader.next_seq();
            let Some(frame) = reader.peek()? else {
                break;
            };
            copy::write_entry(&mut lines, seq, frame.stream, frame.text, frame.has_end);
            reader.advance();
        }
        out.write_all(&lines)?;
        lines.clear();
        reader.release(reader.next_seq());
    }
    let last = Seq::new(spool.standing().next).previous();
    if let Ok(report) = report.blocking_recv() {
        out.write_all(copy::end_line(last, report).as_bytes())?;
    }
    Ok(())
}
