//! Line, Timestamp, Message. The widths are those of the first page, so that a log of any length takes the same memory.

use runvoy_wire::log::LogEventView;

use crate::escape;
use crate::line_joiner::{Line, LineJoiner};
use crate::printer::Printer;
use crate::table::Table;
use crate::time::Clock;

/// Rows of a log; the heads are shown with the first page.
pub(super) struct LogTable {
    clock: Clock,
    joiner: LineJoiner,
    has_heads: bool,
    number_width: usize,
}

impl LogTable {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            joiner: LineJoiner::default(),
            has_heads: false,
            number_width: 4,
        }
    }

    pub(super) fn page<'e>(
        &mut self,
        printer: &Printer,
        events: impl Iterator<Item = &'e LogEventView>,
    ) {
        for event in events {
            self.joiner.push(event);
        }
        let lines: Vec<Line> = std::iter::from_fn(|| self.joiner.pop()).collect();
        if !lines.is_empty() {
            self.rows(printer, &lines);
        }
    }

    pub(super) fn finish(&mut self, printer: &Printer) {
        let lines: Vec<Line> = std::iter::from_fn(|| self.joiner.take()).collect();
        if !(lines.is_empty() && self.has_heads) {
            self.rows(printer, &lines);
        }
    }

    fn rows(&mut self, printer: &Printer, lines: &[Line]) {
        let text = if self.has_heads {
            lines.iter().map(|line| self.row(printer, line)).collect()
        } else {
            self.has_heads = true;
            self.first_rows(printer, lines)
        };
        printer.data(&text);
    }

    fn first_rows(&mut self, printer: &Printer, lines: &[Line]) -> String {
        let last = lines.last().map_or(0, |line| line.number);
        self.number_width = last.to_string().len().max(4);
        let time = self.clock.head("Timestamp");
        let mut table = Table::new(["Line", &time, "Message"]);
        for line in lines {
            table.verbatim_row(vec![
                line.number.to_string(),
                self.clock.show_millis(line.at),
                message(printer, line),
            ]);
        }
        table.render(printer.style().out_draws)
    }

    fn row(&self, printer: &Printer, line: &Line) -> String {
        let at = self.clock.show_millis(line.at);
        let width = self.number_width;
        let row = format!("{:<width$}  {at}  {}", line.number, message(printer, line));
        format!("{}\n", row.trim_end())
    }
}

/// A terminal gets no control characters; elsewhere the message is what it is.
fn message(printer: &Printer, line: &Line) -> String {
    if printer.style().out_is_terminal {
        escape::line(&line.text).replace('\t', "    ")
    } else {
        line.text.clone()
    }
}
