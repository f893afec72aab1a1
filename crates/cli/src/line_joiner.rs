//! Joins the entries of a log to whole lines, each under the number of its first entry.

use std::collections::{HashMap, VecDeque};

use runvoy_wire::log::LogEventView;

/// The most bytes that are held back for an unfinished line; then it is shown as it is.
const MOST_HELD: usize = 8 * 1024 * 1024;

/// A line, or what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The number of its first entry.
    pub(crate) number: u64,
    /// When its first entry was written, in milliseconds since 1970.
    pub(crate) at: i64,
    /// `stdout`, `stderr` or `system`.
    pub(crate) stream: String,
    /// The text.
    pub(crate) text: String,
    is_whole: bool,
}

/// Takes entries in, gives lines out in the order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct LineJoiner {
    lines: VecDeque<Line>,
    /// How many lines were taken out before `lines`.
    taken: usize,
    /// The unfinished line of each stream, counted from the first line ever.
    open: HashMap<String, usize>,
    held: usize,
}

impl LineJoiner {
    /// Takes an entry in.
    pub(crate) fn push(&mut self, event: &LogEventView) {
        let is_whole = !event.end.is_empty();
        self.held += event.message.len();
        let open = self.open.get(&event.stream);
        let place = open.and_then(|place| place.checked_sub(self.taken));
        if is_whole {
            self.open.remove(&event.stream);
        }
        if let Some(line) = place.and_then(|place| self.lines.get_mut(place)) {
            line.text.push_str(&event.message);
            line.is_whole = is_whole;
            return;
        }
        if !is_whole {
            let place = self.taken + self.lines.len();
            self.open.insert(event.stream.clone(), place);
        }
        self.lines.push_back(Line {
            number: event.line,
            at: event.timestamp,
            stream: event.stream.clone(),
            text: event.message.clone(),
            is_whole,
        });
    }

    /// Takes out the next line that is whole; one that has grown too long counts as whole.
    pub(crate) fn pop(&mut self) -> Option<Line> {
        let first = self.lines.front()?;
        if first.is_whole || self.held > MOST_HELD {
            return self.take();
        }
        None
    }

    /// Takes out the next line, whole or not.
    pub(crate) fn take(&mut self) -> Option<Line> {
        let line = self.lines.pop_front()?;
        self.held -= line.text.len();
        self.taken += 1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: u64, stream: &str, message: &str, end: &str) -> LogEventView {
        LogEventView {
            event_id: line.to_string(),
            line,
            timestamp: 0,
            message: message.to_owned(),
            stream: stream.to_owned(),
            end: end.to_owned(),
        }
    }

    fn shown(joiner: &mut LineJoiner) -> Vec<String> {
        std::iter::from_fn(|| joiner.pop())
            .map(|line| format!("{} {}", line.number, line.text))
            .collect()
    }

    #[test]
    fn parts_of_a_line_stand_under_its_first_number() {
        let mut joiner = LineJoiner::default();
        joiner.push(&entry(1, "stdout", "a", ""));
        joiner.push(&entry(2, "stderr", "e", "\n"));
        assert_eq!(shown(&mut joiner), Vec::<String>::new());
        joiner.push(&entry(3, "stdout", "b", "\n"));
        joiner.push(&entry(4, "stdout", "c", ""));
        assert_eq!(shown(&mut joiner), ["1 ab", "2 e"]);
        assert_eq!(joiner.take().map(|line| line.text).as_deref(), Some("c"));
    }

    #[test]
    fn an_endless_line_does_not_grow_memory() {
        let mut joiner = LineJoiner::default();
        let part = "x".repeat(32 * 1024);
        let mut most = 0;
        for line in 1..2000 {
            joiner.push(&entry(line, "stdout", &part, ""));
            while joiner.pop().is_some() {}
            most = most.max(joiner.held);
        }
        assert!(most <= MOST_HELD + part.len());
    }
}
