//! The order of things: start, watch, clean up, report.

use std::io::{self, PipeWriter};
use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::log::Seq;
use runvoy_core::outcome::{EndedBy, Outcome, ProcessEnd, Report};
use runvoy_wire::agent::FinishRequest;
use rustix::process::Pid;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::control_plane::CallError;
use crate::copy::CopyThread;
use crate::intake::Intake;
use crate::limit::Limiter;
use crate::oom::OomCounter;
use crate::process::{self, NotStarted};
use crate::run::{FAILED, KILL_PATIENCE, Run};
use crate::supervise::Supervisor;
use crate::sweep::kill_all;

/// After the command's end, how long others may hold its pipes.
const PIPE_PATIENCE: Duration = Duration::from_secs(2);
/// After the command's end, how long the control plane is tried.
pub(crate) const REPORT_PATIENCE: Duration = Duration::from_mins(10);
/// After everything else, how long the second copy is waited for.
const COPY_PATIENCE: Duration = Duration::from_secs(10);

/// A command that runs.
struct Command {
    main: Pid,
    started_at: Timestamp,
    /// All its output is in the spool.
    is_read: CancellationToken,
    /// Dropped when no more output is to be waited for.
    hurry: PipeWriter,
    oom_before: OomCounter,
}

/// A command that has ended, or could not be started.
struct Ended {
    report: Report,
    started_at: Option<Timestamp>,
    at: Timestamp,
    message: Option<String>,
    /// How long the control plane is tried.
    deadline: Instant,
}

impl Run {
    /// Runs the command to its reported end; answers the agent's exit code.
    pub(crate) async fn conduct(&self, copy: CopyThread) -> i32 {
        self.journal.open(&self.spec);
        let ended = match self.launch() {
            Ok(command) => self.attend(command).await,
            Err(not_started) => self.explain(not_started),
        };
        self.spool.close();
        self.deliver(ended, copy).await
    }

    fn launch(&self) -> Result<Command, NotStarted> {
        let place = |error: io::Error| NotStarted::Place(error.to_string());
        let (stdout, command_stdout) = io::pipe().map_err(place)?;
        let (stderr, command_stderr) = io::pipe().map_err(place)?;
        let (is_hurried, hurry) = io::pipe().map_err(place)?;
        let intake = Intake {
            stdout,
            stderr,
            hurry: is_hurried,
            secrets: self.secrets.clone(),
            limiter: Limiter::new(self.started.answer.log_limit),
            spool: self.spool.clone(),
        };
        let is_read = intake.start().map_err(place)?;
        let oom_before = OomCounter::read();
        let started_at = clock::now();
        let config = &self.config;
        let main = process::start(
            &self.spec,
            &config.attempt,
            &config.inherited,
            command_stdout,
            command_stderr,
        )?;
        self.reaper.begin(main);
        Ok(Command {
            main,
            started_at,
            is_read,
            hurry,
            oom_before,
        })
    }

    /// Watches the command to its end, then kills and reaps all that it left, then takes the rest of its output.
    async fn attend(&self, command: Command) -> Ended {
        let answer = &self.started.answer;
        let time_limit = Duration::from_millis(answer.timeout_left_ms);
        let supervisor = Supervisor {
            main: command.main,
            reaped: self.reaper.watch(),
            orders: &self.orders,
            journal: &self.journal,
            time_limit,
            time_up: self.started.at.checked_add(time_limit),
            grace: Duration::from_millis(answer.grace_ms),
        };
        let mut report = supervisor.run().await;
        if command.oom_before.explains(report) {
            report.ended_by = EndedBy::OutOfMemory;
            self.journal.note("Killed by the system: out of memory");
        }
        let ended_at = clock::now();
        let deadline = Instant::now() + REPORT_PATIENCE;
        tokio::select! {
            biased;
            () = self.orders.fence_reached.cancelled() => {}
            _ = timeout(PIPE_PATIENCE, command.is_read.cancelled()) => {}
        }
        if !kill_all(self.reaper.watch(), KILL_PATIENCE).await {
            self.journal
                .note("Some processes that the command left behind could not be killed");
        }
        drop(command.hurry);
        if timeout_at(deadline, command.is_read.cancelled())
            .await
            .is_err()
        {
            self.spool.discard();
        }
        Ended {
            report,
            started_at: Some(command.started_at),
            at: ended_at,
            message: None,
            deadline,
        }
    }

    fn explain(&self, not_started: NotStarted) -> Ended {
        let now = clock::now();
        let (end, started_at, message) = match not_started {
            NotStarted::Command(code, note) => {
                self.journal.note(&note);
                (ProcessEnd::Exited(code), Some(now), None)
            }
            NotStarted::Place(why) => {
                self.journal
                    .note(&format!("The command could not be started: {why}"));
                (ProcessEnd::NeverRan, None, Some(self.secrets.mask(&why)))
            }
        };
        Ended {
            report: Report {
                ended_by: EndedBy::Itself,
                end,
            },
            started_at,
            at: now,
            message,
            deadline: Instant::now() + REPORT_PATIENCE,
        }
    }

    /// Reports the end once all entries are accepted. The second copy ends by itself meanwhile.
    async fn deliver(&self, ended: Ended, copy: CopyThread) -> i32 {
        let is_copied = copy.finish(ended.report);
        let last_seq = Seq::new(self.spool.standing().next).previous();
        let request = finish_request(ended.report, last_seq, &ended);
        let delivering = async {
            self.is_pushed.cancelled().await;
            self.started.session.finish(&request).await
        };
        let delivered = tokio::select! {
            biased;
            delivered = timeout_at(ended.deadline, delivering) => delivered.unwrap_or_else(|_| Err(gave_up())),
            () = self.orders.owner_gone.cancelled() => Err(gave_up()),
        };
        drop(timeout(COPY_PATIENCE, is_copied.cancelled()).await);
        match delivered {
            Ok(()) => Outcome::reported(ended.report, None).cli_exit_code(),
            Err(CallError::Final(why)) => {
                self.orders.leave(why);
                FAILED
            }
            Err(CallError::Failed(_) | CallError::Unreached(_)) => FAILED,
        }
    }
}

fn gave_up() -> CallError {
    CallError::Failed("given up".to_owned())
}

fn finish_request(report: Report, last_seq: Seq, ended: &Ended) -> FinishRequest {
    let (exit_code, signal) = match report.end {
        ProcessEnd::Exited(code) => (Some(code), None),
        ProcessEnd::Signaled(signal) => (None, Some(signal)),
        ProcessEnd::NeverRan => (None, None),
    };
    FinishRequest {
        exit_code,
        signal,
        ended_by: report.ended_by.as_str().to_owned(),
        started_at: ended.started_at,
        ended_at: ended.at,
        last_seq,
        message: ended.message.clone(),
    }
}
