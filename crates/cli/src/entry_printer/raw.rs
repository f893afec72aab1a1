//! The remote's own bytes.

use runvoy_core::log::MAX_ENTRY_BYTES;
use runvoy_wire::log::LogEventView;

use crate::printer::Printer;

/// stdout to stdout, stderr to stderr, runvoy's own remarks to stderr with a prefix.
pub(super) struct Raw {
    /// The last entry of the log's opening: who asked, and the command again. 0 once the command has written.
    opening_ends: u64,
    out: String,
    err: String,
    is_err_line_open: bool,
}

impl Raw {
    pub(super) fn new(command: &str) -> Self {
        Self {
            opening_ends: 1 + entries_of(command),
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
                    if event.line > self.opening_ends {
                        self.remark(printer, &event.message);
                    }
                }
                "stderr" => {
                    self.opening_ends = 0;
                    printer.data(&std::mem::take(&mut self.out));
                    self.err.push_str(&event.message);
                    self.err.push_str(&event.end);
                    self.is_err_line_open = event.end.is_empty();
                }
                _ => {
                    self.opening_ends = 0;
                    printer.error_data(&std::mem::take(&mut self.err));
                    self.out.push_str(&event.message);
                    self.out.push_str(&event.end);
                }
            }
        }
        printer.data(&std::mem::take(&mut self.out));
        printer.error_data(&std::mem::take(&mut self.err));
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

/// How many entries a text makes: one a line, more where a line is too long for one.
fn entries_of(text: &str) -> u64 {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let entries = text
        .split('\n')
        .map(|line| line.len().div_ceil(MAX_ENTRY_BYTES).max(1));
    entries.sum::<usize>() as u64
}
