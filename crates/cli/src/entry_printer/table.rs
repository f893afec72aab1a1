//! Line, Timestamp, Message. The widths are those of the first rows, so that a log of any length takes the same memory.

use runvoy_wire::log::LogEventView;

use crate::escape;
use crate::line_joiner::{Line, LineJoiner};
use crate::printer::Printer;
use crate::table::Table;
use crate::time::Clock;

/// How many rows the widths are taken from.
const ROWS_UNDER_HEADS: usize = 500;

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
        let mut lines = lines;
        let mut text = String::new();
        if !self.has_heads {
            self.has_heads = true;
            let first;
            (first, lines) = lines.split_at(lines.len().min(ROWS_UNDER_HEADS));
            let last = lines.last().or(first.last());
            let widest = last.map_or(0, |line| line.number.to_string().len());
            self.number_width = widest.max("Line".len());
            text = self.first_rows(printer, first);
        }
        text.extend(lines.iter().map(|line| self.row(printer, line)));
        printer.data(&text);
    }

    fn first_rows(&mut self, printer: &Printer, lines: &[Line]) -> String {
        let time = self.clock.head("Timestamp");
        let width = self.number_width;
        let mut table = Table::new(["Line", &time, "Message"]);
        for line in lines {
            table.verbatim_row(vec![
                format!("{:<width$}", line.number),
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
