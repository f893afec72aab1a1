//! Joins log entries to lines, for readers that know only lines.

use std::collections::BTreeMap;

use runvoy_core::log::Entry;
use runvoy_wire::log::LogEventView;

use crate::view;

/// Text that may be held back, in bytes; beyond it a line that has no end yet is shown as it is.
const MAX_HELD: usize = 1024 * 1024;

/// Joins the entries of each stream up to their line feeds, under the first number. Lines come out in the order of
/// their numbers: one that began earlier holds later ones back until it ends, or until too much is held.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    open: Vec<LogEventView>,
    whole: BTreeMap<u64, LogEventView>,
    held: usize,
}

impl Lines {
    /// Takes entries in order; answers the lines that are ready.
    pub(crate) fn join(&mut self, entries: Vec<Entry>) -> Vec<LogEventView> {
        let mut ready = Vec::new();
        for entry in entries {
            let has_end = entry.has_end;
            let event = view::log_event(entry);
            self.held += event.message.len();
            let place = self
                .open
                .iter()
                .position(|open| open.stream == event.stream);
            let line = match place {
                Some(place) => {
                    let mut line = self.open.swap_remove(place);
                    line.message.push_str(&event.message);
                    line
                }
                None => event,
            };
            if has_end {
                self.whole.insert(line.line, line);
            } else {
                self.open.push(line);
            }
            if self.held > MAX_HELD {
                self.end_oldest();
            }
            self.release(&mut ready);
        }
        ready
    }

    /// The lines that are left when no entry follows.
    pub(crate) fn rest(&mut self) -> Vec<LogEventView> {
        let mut ready = Vec::new();
        while !self.open.is_empty() {
            self.end_oldest();
        }
        self.release(&mut ready);
        ready
    }

    fn end_oldest(&mut self) {
        let oldest = (0..self.open.len()).min_by_key(|place| self.open[*place].line);
        if let Some(place) = oldest {
            let line = self.open.swap_remove(place);
            self.whole.insert(line.line, line);
        }
    }

    fn release(&mut self, ready: &mut Vec<LogEventView>) {
        let first_open = self
            .open
            .iter()
            .map(|open| open.line)
            .min()
            .unwrap_or(u64::MAX);
        while let Some(first) = self
            .whole
            .first_entry()
            .filter(|first| *first.key() < first_open)
        {
            let line = first.remove();
            self.held = self.held.saturating_sub(line.message.len());
            ready.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use runvoy_core::log::{Seq, Stream};

    use super::*;

    fn entry(seq: u64, stream: Stream, text: &str, has_end: bool) -> Entry {
        let at = Timestamp::UNIX_EPOCH;
        Entry {
            seq: Seq::new(seq),
            at,
            stream,
            text: text.to_owned(),
            has_end,
        }
    }

    fn shown(lines: Vec<LogEventView>) -> Vec<(u64, String)> {
        lines
            .into_iter()
            .map(|line| (line.line, line.message))
            .collect()
    }

    #[test]
    fn an_earlier_line_holds_later_ones_back() {
        let mut lines = Lines::default();
        let first = vec![
            entry(1, Stream::Stdout, "50", false),
            entry(2, Stream::Stderr, "oops", true),
        ];
        assert!(shown(lines.join(first)).is_empty());
        let second = vec![
            entry(3, Stream::Stdout, " %", true),
            entry(4, Stream::Stdout, "x", false),
        ];
        assert_eq!(
            shown(lines.join(second)),
            [(1, "50 %".to_owned()), (2, "oops".to_owned())]
        );
        assert_eq!(shown(lines.rest()), [(4, "x".to_owned())]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut lines = Lines::default();
        let text = "x".repeat(32 * 1024);
        let endless = (1..200)
            .map(|seq| entry(seq, Stream::Stdout, &text, false))
            .collect();
        assert!(!lines.join(endless).is_empty());
        assert!(lines.held <= MAX_HELD);
    }
}
