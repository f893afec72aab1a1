//! The remote's own bytes.

use std::collections::VecDeque;

use runvoy_wire::log::LogEventView;

use crate::printer::Printer;

/// stdout to stdout, stderr to stderr, runvoy's own remarks to stderr with a prefix.
pub(super) struct Raw {
    /// What the log's opening may still repeat of the command; `None` once it is over.
    opening: Option<VecDeque<String>>,
    out: String,
    err: String,
    is_err_line_open: bool,
}

impl Raw {
    pub(super) fn new(command: &str) -> Self {
        Self {
            opening: Some(command.lines().map(ToOwned::to_owned).collect()),
            out: String::new(),
            err: String::new(),
            is_err_line_open: false,
        }
    }

    pub(super) fn page<'e>(
        &mut self,
        printer: &Printer,
        events: impl Iterator<Item = &'e LogEventView>,
    ) {
        for event in events {
            match event.stream.as_str() {
                "system" => {
                    if !self.is_opening(event) {
                        self.remark(printer, &event.message);
                    }
                }
                "stderr" => {
                    self.opening = None;
                    printer.data(&std::mem::take(&mut self.out));
                    self.err.push_str(&event.message);
                    self.err.push_str(&event.end);
                    self.is_err_line_open = event.end.is_empty();
                }
                _ => {
                    self.opening = None;
                    printer.error_data(&std::mem::take(&mut self.err));
                    self.out.push_str(&event.message);
                    self.out.push_str(&event.end);
                }
            }
        }
        printer.data(&std::mem::take(&mut self.out));
        printer.error_data(&std::mem::take(&mut self.err));
    }

    /// Whether a remark is the log's first, or repeats the command right after it.
    fn is_opening(&mut self, event: &LogEventView) -> bool {
        if event.line == 1 {
            return true;
        }
        let repeats = self.opening.as_mut().is_some_and(|lines| {
            let next = lines.front().map(String::as_str);
            next == Some(event.message.as_str()) && lines.pop_front().is_some()
        });
        if !repeats {
            self.opening = None;
        }
        repeats
    }

    fn remark(&mut self, printer: &Printer, message: &str) {
        printer.data(&std::mem::take(&mut self.out));
        if self.is_err_line_open && printer.style().err_draws {
            self.err.push('\n');
        }
        self.is_err_line_open = false;
        for line in message.lines() {
            self.err.push_str("runvoy: ");
            self.err.push_str(line);
            self.err.push('\n');
        }
    }
}
