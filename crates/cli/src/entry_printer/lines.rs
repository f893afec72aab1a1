//! `[n] time  message`, as it comes: an unfinished line is shown at once and goes on where it stopped.

use std::fmt::Write as _;

use runvoy_wire::log::LogEventView;

use crate::escape;
use crate::printer::Printer;
use crate::time::Clock;

/// Lines with number and time.
pub(super) struct Lines {
    clock: Clock,
    /// The stream of the line that has no end yet.
    open: Option<String>,
}

impl Lines {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, open: None }
    }

    pub(super) fn page<'e>(
        &mut self,
        printer: &Printer,
        events: impl Iterator<Item = &'e LogEventView>,
    ) {
        let mut text = String::new();
        for event in events {
            let goes_on = self.open.as_deref() == Some(event.stream.as_str());
            if !goes_on {
                if self.open.is_some() {
                    text.push('\n');
                }
                let at = self.clock.show_millis(event.timestamp);
                // Writing to a String cannot fail.
                write!(text, "[{}] {at}  ", event.line).ok();
            }
            if printer.style().out_is_terminal {
                text.push_str(&escape::line(&event.message));
            } else {
                text.push_str(&event.message);
            }
            if event.end.is_empty() {
                self.open = Some(event.stream.clone());
            } else {
                text.push('\n');
                self.open = None;
            }
        }
        printer.data(&text);
    }

    pub(super) fn finish(&mut self, printer: &Printer) {
        if self.open.take().is_some() {
            printer.data("\n");
        }
    }
}
