//! Streams a run to its end, whatever the terminal says meanwhile.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use runvoy_client::api_error::ApiError;
use runvoy_core::duration;
use runvoy_core::execution::DEFAULT_TIMEOUT;
use runvoy_wire::execution::{ExecutionView, KillResponse, RunResponse};
use runvoy_wire::log::LogsView;
use tokio::time::{Instant, sleep_until};

use super::RunArguments;
use crate::arguments::Format;
use crate::commands::logs::waiting_text;
use crate::commands::result::RunResult;
use crate::commands::wait::recorded;
use crate::connection::Connection;
use crate::entry_printer::{EntryPrinter, Shape};
use crate::escape;
use crate::failure::Failure;
use crate::follow::{Follow, Step, Waiting};
use crate::settings::App;
use crate::signals::{Signal, Signals};

type Kill<'a> = Pin<Box<dyn Future<Output = Result<Option<KillResponse>, ApiError>> + 'a>>;

/// How long leaving waits for a stop to be sent.
const LAST_CALL: Duration = Duration::from_secs(5);

/// Shorter time limits are not warned of.
const SHORTEST_WARNED: Duration = Duration::from_secs(10);

/// A run that is being watched.
pub(super) struct Watch<'a> {
    app: &'a App<'a>,
    connection: &'a Connection,
    id: &'a str,
    is_quiet: bool,
    shown: EntryPrinter<'a>,
    signals: Signals,
    kill: Option<Kill<'a>>,
    stops_asked: u32,
    limit: Duration,
    warn_at: Option<Instant>,
    is_warned: bool,
    was_lost: bool,
    phase: String,
}

/// Why watching ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It is over, and this is its record.
    Over(Box<ExecutionView>),
    /// The person left; it goes on, or its stop does.
    Detached,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        arguments: &RunArguments,
        app: &'a App<'a>,
        connection: &'a Connection,
        response: &'a RunResponse,
        signals: Signals,
    ) -> Self {
        let shape = match app.settings.output {
            Format::Json => Shape::Json,
            Format::Yaml => Shape::Yaml,
            Format::Table | Format::Wide if arguments.timestamps => Shape::Lines,
            Format::Table | Format::Wide => Shape::Raw,
        };
        let clock = app.settings.clock;
        Self {
            app,
            connection,
            id: &response.execution_id,
            is_quiet: arguments.quiet,
            shown: EntryPrinter::new(&app.printer, shape, clock, &response.command),
            signals,
            kill: None,
            stops_asked: 0,
            limit: app.settings.timeout.unwrap_or(DEFAULT_TIMEOUT),
            warn_at: None,
            is_warned: false,
            was_lost: false,
            phase: String::new(),
        }
    }

    /// Streams until the log is complete, then reads the record.
    pub(super) async fn until_the_end(mut self, is_stop_asked: bool) -> Result<Ended, Failure> {
        if is_stop_asked {
            self.ask_to_stop();
        }
        let streamed = self.stream().await;
        self.app.printer.stop_spinner();
        self.shown.finish();
        if streamed? == Streamed::Left {
            self.say_how_to_return();
            return Ok(Ended::Detached);
        }
        let view = recorded(&self.connection.api, self.id).await?;
        self.shown.result(&RunResult::of_view(&view));
        Ok(Ended::Over(Box::new(view)))
    }

    async fn stream(&mut self) -> Result<Streamed, Failure> {
        let mut follow = Follow::new(&self.connection.api, self.id).of_known();
        loop {
            let event = tokio::select! {
                biased;
                signal = self.signals.next() => Event::Signal(signal),
                answer = of(&mut self.kill) => Event::Killed(answer),
                () = at(self.warn_at) => Event::NearLimit,
                step = follow.next(Waiting::ForMore) => Event::Step(step),
            };
            match event {
                Event::Signal(signal) => {
                    if self.signalled(signal).await == Streamed::Left {
                        return Ok(Streamed::Left);
                    }
                }
                Event::Killed(answer) => self.killed(answer),
                Event::NearLimit => self.warn(),
                Event::Step(step) => match step.map_err(|error| self.lost_for_good(error))? {
                    Step::Lost => self.lost(),
                    Step::Page(page) => {
                        self.page(&page);
                        if page.complete {
                            return Ok(Streamed::ToTheEnd);
                        }
                    }
                },
            }
        }
    }

    fn page(&mut self, page: &LogsView) {
        self.was_lost = false;
        self.mention_phase(page);
        let has_begun = !matches!(page.status.as_str(), "QUEUED" | "STARTING");
        if has_begun
            || page
                .events
                .as_ref()
                .is_some_and(|events| !events.is_empty())
        {
            self.app.printer.stop_spinner();
        } else if !self.is_quiet {
            self.app.printer.spin(&waiting_text(page));
        }
        if has_begun && self.warn_at.is_none() && !self.is_warned {
            self.warn_at = warning_after(self.limit).map(|after| Instant::now() + after);
        }
        self.shown.page(page.events.as_deref().unwrap_or_default());
    }

    /// Under `--verbose`, says what it is doing whenever that changes.
    fn mention_phase(&mut self, page: &LogsView) {
        let phase = page.phase.as_deref().unwrap_or_default();
        let phase = if phase.eq_ignore_ascii_case(&page.status) {
            page.status.clone()
        } else {
            format!("{} {phase}", page.status)
        };
        if self.app.settings.is_verbose && self.phase != phase {
            let shown = escape::field(phase.trim_end()).into_owned();
            self.app.printer.note(&shown);
        }
        self.phase = phase;
    }

    fn warn(&mut self) {
        self.warn_at = None;
        self.is_warned = true;
        if !self.is_quiet && self.stops_asked == 0 {
            let left = duration::show(self.limit / 5);
            let limit = duration::show(self.limit);
            self.app
                .printer
                .note(&format!("{left} left of the time limit of {limit}"));
        }
    }

    /// Answers whether to go on streaming.
    async fn signalled(&mut self, signal: Signal) -> Streamed {
        match (&self.connection.local, signal, self.stops_asked) {
            (_, _, 0) => self.ask_to_stop(),
            (Some(_), Signal::HangUp, _) => {}
            (Some(local), Signal::Interrupt, 1) => {
                self.stops_asked += 1;
                self.app.printer.note("killing the command");
                local.kill_now(self.id).await;
            }
            (Some(_) | None, Signal::Interrupt | Signal::HangUp, _) => {
                self.send_stop().await;
                return Streamed::Left;
            }
        }
        Streamed::ToTheEnd
    }

    /// Before leaving: a stop that is under way must reach the server.
    async fn send_stop(&mut self) {
        if self.kill.is_some() {
            let answer = tokio::time::timeout(LAST_CALL, of(&mut self.kill)).await;
            if !matches!(answer, Ok(Ok(_))) {
                let id = self.id;
                self.app.printer.warning(&format!(
                    "the stop may not have reached the server; type:  runvoy kill {id}"
                ));
            }
        }
    }

    fn ask_to_stop(&mut self) {
        self.stops_asked = 1;
        let then = if self.connection.local.is_some() {
            "kill it"
        } else {
            "leave while it stops"
        };
        self.app
            .printer
            .note(&format!("stopping the command; Ctrl-C again to {then}"));
        let connection = self.connection;
        let id = self.id;
        self.kill = Some(Box::pin(async move { connection.api.kill(id).await }));
    }

    fn killed(&mut self, answer: Result<Option<KillResponse>, ApiError>) {
        self.kill = None;
        if let Err(error) = answer {
            let is_local = self.connection.local.is_some();
            let (stops_asked, note) = after_failed_stop(is_local);
            self.stops_asked = stops_asked;
            let failure = Failure::from(error);
            self.app.printer.failure(&if is_local {
                failure.without_server()
            } else {
                failure
            });
            self.app.printer.note(note);
        }
    }

    fn lost(&mut self) {
        if !self.was_lost {
            self.was_lost = true;
            self.app
                .printer
                .note("the connection is lost, the command goes on; trying again");
        }
    }

    fn lost_for_good(&self, error: ApiError) -> Failure {
        let mut failure = Failure::from(error);
        failure.hints.clear();
        failure
            .because_of("the command may still run")
            .hint(format!("runvoy logs -f {}", self.id))
            .hint(format!("runvoy kill {}", self.id))
    }

    fn say_how_to_return(&self) {
        let id = self.id;
        let note = if self.connection.local.is_some() {
            "left; the command is being killed".to_owned()
        } else {
            format!("left; the command is being stopped. To return:  runvoy logs -f {id}")
        };
        self.app.printer.note(&note);
    }
}

enum Event {
    Signal(Signal),
    Killed(Result<Option<KillResponse>, ApiError>),
    NearLimit,
    Step(Result<Step, ApiError>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Streamed {
    ToTheEnd,
    Left,
}

/// How many stops count as asked where one could not be sent, and what to say. On this machine the next one kills:
/// a control plane that cannot write must not keep the command alive.
const fn after_failed_stop(is_local: bool) -> (u32, &'static str) {
    if is_local {
        (1, "it was not asked to stop; Ctrl-C kills it")
    } else {
        (0, "it was not asked to stop; Ctrl-C tries again")
    }
}

/// When to warn of the time limit. A short one passes before the warning is read.
fn warning_after(limit: Duration) -> Option<Duration> {
    (limit >= SHORTEST_WARNED).then(|| limit / 5 * 4)
}

async fn of(kill: &mut Option<Kill<'_>>) -> Result<Option<KillResponse>, ApiError> {
    match kill {
        Some(kill) => kill.await,
        None => pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_stop_that_failed_the_next_kills_only_on_this_machine() {
        assert_eq!(
            after_failed_stop(true),
            (1, "it was not asked to stop; Ctrl-C kills it")
        );
        assert_eq!(after_failed_stop(false).0, 0);
    }

    #[test]
    fn short_time_limits_are_not_warned_of() {
        assert_eq!(warning_after(Duration::from_millis(1500)), None);
        assert_eq!(
            warning_after(Duration::from_secs(10)),
            Some(Duration::from_secs(8))
        );
    }
}
