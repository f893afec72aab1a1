//! `runvoy logs`: what an execution wrote.

use std::collections::VecDeque;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use runvoy_client::api::Api;
use runvoy_wire::log::{LogEventView, LogsView};

use super::bounded;
use super::status::missing;
use crate::arguments::Format;
use crate::entry_printer::{EntryPrinter, Shape};
use crate::execution_ids::resolve;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::follow::{Follow, Step, Waiting};
use crate::settings::{App, DEFAULT_WAIT};
use crate::signals::{HangUps, Signals};
use crate::time;

const EXAMPLES: &str = "\
Examples:
  runvoy logs last
  runvoy logs -f 72f57686926e4becb89116b0ac72caec
  runvoy logs --raw --stream stdout last > out.txt
  runvoy logs --tail 20 --since 1h 72caec";

/// Which log, and which part of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LogsArguments {
    /// An id, its last 6 characters, or `last`
    #[arg(value_name = "ID")]
    id: String,
    /// Go on until the execution has ended
    #[arg(short, long)]
    follow: bool,
    /// The output byte by byte, without numbers and times
    #[arg(long)]
    raw: bool,
    /// Only the last lines
    #[arg(long, value_name = "N")]
    tail: Option<usize>,
    /// Only what was written since: `2h` (ago) or a moment such as 2025-10-30T13:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = time::parse_since)]
    since: Option<Timestamp>,
    /// Only one stream
    #[arg(long, value_name = "STREAM")]
    stream: Option<StreamChoice>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StreamChoice {
    Stdout,
    Stderr,
    System,
}

impl StreamChoice {
    fn name(self) -> String {
        let name = match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::System => "system",
        };
        name.to_owned()
    }
}

/// Shows it.
pub(crate) async fn run(
    arguments: LogsArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let limit = match app.settings.timeout {
        None if !arguments.follow => Some(DEFAULT_WAIT),
        given => given,
    };
    bounded(limit, watched(&arguments, app, api)).await
}

async fn watched(
    arguments: &LogsArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let id = resolve(api, &arguments.id).await?;
    let command = if arguments.raw {
        let found = api.execution(&id).await;
        found.map_err(|error| missing(error, &id))?.command
    } else {
        String::new()
    };
    app.printer.banner();
    app.printer
        .person(&format!("→ Getting logs for execution: {id}"));
    let shape = shape(arguments, app.settings.output);
    let shown = EntryPrinter::new(&app.printer, shape, app.settings.clock, &command)
        .only(arguments.stream.map(StreamChoice::name));
    let view = View {
        app,
        shown,
        since: arguments.since.map(Timestamp::as_millisecond),
        tail: arguments.tail.map(Tail::new),
    };
    let mut signals = Signals::listen(HangUps::End)?;
    let ended = tokio::select! {
        ended = view.show(Follow::new(api, &id), arguments.follow) => ended,
        _ = signals.next() => {
            app.printer.stop_spinner();
            app.printer.note(&format!("stopped watching; {id} goes on. To return:  runvoy logs -f {id}"));
            return Ok(ExitStatus::CANCELLED);
        }
    };
    ended.map_err(|error| missing(error, &id))
}

fn shape(arguments: &LogsArguments, output: Format) -> Shape {
    match output {
        Format::Json => Shape::Json,
        Format::Yaml => Shape::Yaml,
        Format::Table | Format::Wide if arguments.raw => Shape::Raw,
        Format::Table | Format::Wide if arguments.follow => Shape::Lines,
        Format::Table | Format::Wide => Shape::Table,
    }
}

/// One look at a log.
struct View<'a> {
    app: &'a App<'a>,
    shown: EntryPrinter<'a>,
    since: Option<i64>,
    tail: Option<Tail>,
}

impl View<'_> {
    async fn show(
        mut self,
        mut follow: Follow<'_>,
        follows: bool,
    ) -> Result<ExitStatus, runvoy_client::api_error::ApiError> {
        let mut waiting = Waiting::No;
        let mut was_lost = false;
        loop {
            let page = match follow.next(waiting).await? {
                Step::Page(page) => page,
                Step::Lost if was_lost => continue,
                Step::Lost => {
                    was_lost = true;
                    self.app
                        .printer
                        .note("the connection is lost; trying again");
                    continue;
                }
            };
            let has_more = self.take(&page);
            let waits_for_start = !has_more && is_ahead(&page);
            if waits_for_start {
                self.app.printer.spin(&waiting_text(&page));
            }
            let is_end = page.complete || (!follows && !has_more && !waits_for_start);
            if is_end || self.app.printer.is_out_closed() {
                break;
            }
            waiting = if follows || waits_for_start {
                Waiting::ForMore
            } else {
                Waiting::No
            };
        }
        self.release_tail();
        self.shown.finish();
        self.app.printer.stop_spinner();
        if !self.app.printer.is_out_closed() {
            self.app.printer.done("Logs retrieved successfully");
        }
        Ok(ExitStatus::SUCCESS)
    }

    /// Shows the page's entries; answers whether there were any.
    fn take(&mut self, page: &LogsView) -> bool {
        let Some(events) = page.events.as_deref().filter(|events| !events.is_empty()) else {
            // Everything that was there at the beginning has been read: from here on the end is now.
            self.release_tail();
            return false;
        };
        self.app.printer.stop_spinner();
        let since = self.since.unwrap_or(i64::MIN);
        let from = events.iter().filter(|event| event.timestamp >= since);
        match &mut self.tail {
            Some(tail) => from.for_each(|event| tail.push(event)),
            None if self.since.is_some() => {
                let events: Vec<LogEventView> = from.cloned().collect();
                self.shown.page(&events);
            }
            None => self.shown.page(events),
        }
        true
    }

    fn release_tail(&mut self) {
        if let Some(tail) = self.tail.take() {
            self.shown.page(&Vec::from(tail.events));
        }
    }
}

fn is_ahead(page: &LogsView) -> bool {
    matches!(page.status.as_str(), "QUEUED" | "STARTING")
}

/// What the spinner says while nothing has started.
pub(crate) fn waiting_text(page: &LogsView) -> String {
    let phase = page.phase.as_ref().map(|phase| format!(" ({phase})"));
    format!(
        "Waiting for execution to start...{}",
        phase.unwrap_or_default()
    )
}

/// The last lines of what has been read.
struct Tail {
    lines: usize,
    ends: usize,
    events: VecDeque<LogEventView>,
}

impl Tail {
    fn new(lines: usize) -> Self {
        Self {
            lines,
            ends: 0,
            events: VecDeque::new(),
        }
    }

    fn push(&mut self, event: &LogEventView) {
        self.events.push_back(event.clone());
        self.ends += usize::from(!event.end.is_empty());
        while self.ends > self.lines || (self.lines == 0 && !self.events.is_empty()) {
            let Some(first) = self.events.pop_front() else {
                break;
            };
            self.ends -= usize::from(!first.end.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: u64, end: &str) -> LogEventView {
        LogEventView {
            event_id: line.to_string(),
            line,
            timestamp: 0,
            message: String::new(),
            stream: "stdout".to_owned(),
            end: end.to_owned(),
        }
    }

    #[test]
    fn a_tail_is_the_last_whole_lines() {
        let tail_of = |lines: usize, ends: &[&str]| {
            let mut tail = Tail::new(lines);
            for (number, end) in (1..).zip(ends) {
                tail.push(&entry(number, end));
            }
            tail.events
                .iter()
                .map(|event| event.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(tail_of(2, &["\n", "\n", "\n"]), [2, 3]);
        assert_eq!(tail_of(1, &["\n", "", "", "\n"]), [2, 3, 4]);
        assert_eq!(tail_of(5, &["\n"]), [1]);
        assert_eq!(tail_of(0, &["\n", ""]), Vec::<u64>::new());
    }
}
