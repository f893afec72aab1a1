//! Keeps a log within its limit: the beginning up to the limit, and the end.

use std::collections::VecDeque;

use jiff::Timestamp;
use runvoy_core::log::Stream;

use crate::frame::Batch;

/// How much of the end is kept beyond the limit, in bytes.
const LAST_BYTES: u64 = 64 * 1024;

/// Counts output against the limit and holds back the last of what is beyond it. System entries do not pass here.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: u64,
    used: u64,
    is_over: bool,
    last: VecDeque<Held>,
    last_bytes: u64,
    missing_lines: u64,
    missing_bytes: u64,
}

#[derive(Debug)]
struct Held {
    at: Timestamp,
    stream: Stream,
    text: String,
    has_end: bool,
}

impl Held {
    fn size(&self) -> u64 {
        self.text.len() as u64 + u64::from(self.has_end)
    }
}

impl Limiter {
    /// A log of at most `limit` bytes of output.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            used: 0,
            is_over: false,
            last: VecDeque::new(),
            last_bytes: 0,
            missing_lines: 0,
            missing_bytes: 0,
        }
    }

    /// Takes an entry: into `out` within the limit, into the last bytes beyond it.
    pub(crate) fn admit(
        &mut self,
        at: Timestamp,
        stream: Stream,
        text: &str,
        has_end: bool,
        out: &mut Batch,
    ) {
        let size = text.len() as u64 + u64::from(has_end);
        if !self.is_over && self.used.saturating_add(size) <= self.limit {
            self.used += size;
            out.push(at, stream, text, has_end);
            return;
        }
        if !self.is_over {
            self.is_over = true;
            let note = format!(
                "The log limit of {} is reached: of what follows only the last {} are kept",
                show_bytes(self.limit),
                show_bytes(LAST_BYTES)
            );
            out.push(at, Stream::System, &note, true);
        }
        self.last_bytes += size;
        self.last.push_back(Held {
            at,
            stream,
            text: text.to_owned(),
            has_end,
        });
        self.drop_old();
    }

    /// The output has ended: says what is missing and lets the last bytes go.
    pub(crate) fn finish(&mut self, at: Timestamp, out: &mut Batch) {
        if !self.is_over {
            return;
        }
        let note = format!(
            "{} lines ({} bytes) are missing here; the last {} bytes follow",
            self.missing_lines, self.missing_bytes, self.last_bytes
        );
        out.push(at, Stream::System, &note, true);
        for held in self.last.drain(..) {
            out.push(held.at, held.stream, &held.text, held.has_end);
        }
    }

    fn drop_old(&mut self) {
        while self.last_bytes > LAST_BYTES {
            let Some(oldest) = self.last.pop_front() else {
                return;
            };
            self.last_bytes -= oldest.size();
            self.missing_bytes += oldest.size();
            self.missing_lines += u64::from(oldest.has_end);
        }
    }
}

/// `256 MiB`, `64 KiB`, `1000 bytes`.
fn show_bytes(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(1024 * 1024) => format!("{} MiB", bytes / (1024 * 1024)),
        _ if bytes.is_multiple_of(1024) => format!("{} KiB", bytes / 1024),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Frame;

    fn log(limit: u64, lines: &[String]) -> Vec<(Stream, String)> {
        let mut limiter = Limiter::new(limit);
        let mut out = Batch::default();
        for line in lines {
            limiter.admit(Timestamp::UNIX_EPOCH, Stream::Stdout, line, true, &mut out);
        }
        limiter.finish(Timestamp::UNIX_EPOCH, &mut out);
        let mut entries = Vec::new();
        let mut rest = &out.frames[..];
        while let Some((frame, size)) = Frame::decode(rest) {
            entries.push((
                frame.stream,
                String::from_utf8(frame.text.to_vec()).unwrap(),
            ));
            rest = &rest[size..];
        }
        entries
    }

    #[test]
    fn a_log_within_its_limit_is_left_alone() {
        let lines = vec!["abc".to_owned(); 4];
        let entries = log(16, &lines);
        assert!(entries.iter().all(|(stream, _)| *stream == Stream::Stdout));
        assert_eq!(entries.len(), 4);
    }

    #[test]
    fn beyond_the_limit_the_loss_is_told_and_the_last_lines_come() {
        let lines: Vec<String> = (0..20_000)
            .map(|number| format!("line {number:05}"))
            .collect();
        let entries = log(1200, &lines);
        assert_eq!(entries[108].1, "line 00108");
        assert_eq!(entries[109], (Stream::System, "The log limit of 1200 bytes is reached: of what follows only the last 64 KiB are kept".to_owned()));
        let kept = entries
            .iter()
            .filter(|(stream, _)| *stream == Stream::Stdout)
            .count();
        assert!(entries.iter().any(|(_, text)| text.contains(&format!(
            "{} lines ({} bytes) are missing",
            20_000 - kept,
            (20_000 - kept) * 11
        ))));
        assert_eq!(entries.last().unwrap().1, "line 19999");
    }

    proptest! {
        #[test]
        fn what_is_kept_and_what_is_missing_is_everything(limit in 0_u64..300, sizes in proptest::collection::vec(0_usize..20_000, 0..30)) {
            let lines: Vec<String> = sizes.iter().map(|size| "x".repeat(*size)).collect();
            let entries = log(limit, &lines);
            let (system, output): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(stream, _)| *stream == Stream::System);
            let kept: u64 = output.iter().map(|(_, text)| text.len() as u64 + 1).sum();
            let all: u64 = lines.iter().map(|line| line.len() as u64 + 1).sum();
            let missing: u64 = system.get(1).map_or(0, |(_, note)| note.split(['(', ' ']).nth(3).unwrap().parse().unwrap());
            prop_assert_eq!(kept + missing, all);
            prop_assert!(kept <= limit + LAST_BYTES);
        }
    }
}
