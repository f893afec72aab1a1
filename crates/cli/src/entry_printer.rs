//! Shows the entries of a log in the shape that was asked for.

mod lines;
mod raw;
mod table;

use runvoy_wire::log::LogEventView;
use serde::Serialize;

use crate::printer::Printer;
use crate::time::Clock;

use lines::Lines;
use raw::Raw;
use table::LogTable;

/// How a log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The remote's stdout on stdout, its stderr on stderr, byte by byte.
    Raw,
    /// `[n] time  message`, as it comes.
    Lines,
    /// Line, Timestamp, Message.
    Table,
    /// A JSON object a line.
    Json,
    /// Items of a YAML sequence.
    Yaml,
}

/// Shows entries as they come; `finish` shows what was held back.
pub(crate) struct EntryPrinter<'a> {
    printer: &'a Printer,
    stream: Option<String>,
    shown: Shown,
}

enum Shown {
    Raw(Raw),
    Lines(Lines),
    Table(LogTable),
    Json,
    Yaml,
}

impl<'a> EntryPrinter<'a> {
    /// Shows entries on `printer`. `command` is the command as records show it: its echo at the log's beginning is left
    /// out where the output is raw.
    pub(crate) fn new(printer: &'a Printer, shape: Shape, clock: Clock, command: &str) -> Self {
        let shown = match shape {
            Shape::Raw => Shown::Raw(Raw::new(command)),
            Shape::Lines => Shown::Lines(Lines::new(clock)),
            Shape::Table => Shown::Table(LogTable::new(clock)),
            Shape::Json => Shown::Json,
            Shape::Yaml => Shown::Yaml,
        };
        Self {
            printer,
            stream: None,
            shown,
        }
    }

    /// Shows one stream only.
    #[must_use]
    pub(crate) fn only(mut self, stream: Option<String>) -> Self {
        self.stream = stream;
        self
    }

    /// Shows the next entries.
    pub(crate) fn page(&mut self, events: &[LogEventView]) {
        let stream = self.stream.as_deref();
        let wanted = events
            .iter()
            .filter(|event| stream.is_none_or(|stream| event.stream == stream));
        match &mut self.shown {
            Shown::Raw(raw) => raw.page(self.printer, wanted),
            Shown::Lines(lines) => lines.page(self.printer, wanted),
            Shown::Table(table) => table.page(self.printer, wanted),
            Shown::Json => self
                .printer
                .data(&wanted.map(json_line).collect::<String>()),
            Shown::Yaml => self
                .printer
                .data(&wanted.map(yaml_item).collect::<String>()),
        }
    }

    /// Shows what was held back.
    pub(crate) fn finish(&mut self) {
        match &mut self.shown {
            Shown::Raw(_) | Shown::Json | Shown::Yaml => {}
            Shown::Lines(lines) => lines.finish(self.printer),
            Shown::Table(table) => table.finish(self.printer),
        }
    }

    /// Shows a closing object where the output is for programs.
    pub(crate) fn result(&self, result: &impl Serialize) {
        match self.shown {
            Shown::Json => self.printer.data(&json_line(result)),
            Shown::Yaml => self.printer.data(&yaml_item(result)),
            Shown::Raw(_) | Shown::Lines(_) | Shown::Table(_) => {}
        }
    }
}

fn json_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).map_or_else(|_| String::new(), |text| text + "\n")
}

fn yaml_item(value: &impl Serialize) -> String {
    serde_yaml_ng::to_string(&[value]).unwrap_or_default()
}

#[cfg(test)]
mod tests;
