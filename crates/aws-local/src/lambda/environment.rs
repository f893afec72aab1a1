//! One execution environment: a process, the runtime API it polls, and at most one invocation at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::InvokeError;
use super::error::RESPONSE_LIMIT;
use super::function::Code;
use super::host::Host;
use super::process::{Process, Reaper};
use super::runtime_api::{Answer, Job, Notice, Runtime};
use super::slot::Slot;
use crate::sync::now;

/// One execution environment. Its process is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Environment {
    id: u64,
    code: Arc<Code>,
    process: Process,
    runtime: Runtime,
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The process answered, and lives.
    Answered(Result<Bytes, InvokeError>),
    /// The process did not, and is no more.
    Died(InvokeError),
}

impl Environment {
    /// Starts a process and waits until it polls for work.
    pub(crate) async fn start(host: &Host, slot: &Arc<Slot>) -> Result<Self, InvokeError> {
        let code = slot.code();
        let broken = |error: std::io::Error| {
            InvokeError::failed("Runtime.InvalidEntrypoint", &error.to_string())
        };
        let runtime = Runtime::serve(&host.tasks).await.map_err(broken)?;
        let settings = host.settings();
        let address = runtime.address().to_string();
        let variables = code.variables(&settings.region, &host.endpoint(), &address);
        let began = Instant::now();
        let (process, reaper) = Process::start(code.directory.path(), &variables)
            .await
            .map_err(broken)?;
        let id = slot.admit(&process);
        watch(host, slot, reaper);
        let mut environment = Self {
            id,
            code,
            process,
            runtime,
        };
        match environment.init(settings.init_timeout).await {
            Ok(()) => {
                slot.record(|stats| stats.inits.push(began.elapsed()));
                Ok(environment)
            }
            Err(error) => {
                slot.log(format!("INIT_REPORT Status: error: {error}"));
                slot.retire(environment);
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn code(&self) -> &Arc<Code> {
        &self.code
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    pub(crate) fn peak_rss_kib(&self) -> Option<u64> {
        self.process.peak_rss_kib()
    }

    async fn init(&mut self, limit: Duration) -> Result<(), InvokeError> {
        let first = async {
            tokio::select! {
                biased;
                notice = self.runtime.notice() => match notice {
                    Some(Notice::Polled) => Ok(()),
                    Some(Notice::InitFailed(document)) => Err(InvokeError::Failed(document)),
                    None => Err(InvokeError::failed("Runtime.Unknown", "the runtime API ended")),
                },
                end = self.process.ended() => Err(exited(&end)),
            }
        };
        let late = || {
            InvokeError::failed(
                "Sandbox.Timedout",
                &format!("Init timed out after {:.2} seconds", limit.as_secs_f64()),
            )
        };
        timeout(limit, first).await.unwrap_or_else(|_| Err(late()))
    }

    /// Thaws the process and has it do one invocation.
    pub(crate) async fn invoke(
        &mut self,
        request_id: &str,
        payload: Bytes,
        arn: String,
        deadline: Instant,
    ) -> Outcome {
        let left = deadline.duration_since(Instant::now());
        let (sender, answer) = oneshot::channel();
        let job = Job {
            request_id: request_id.to_owned(),
            payload,
            deadline_ms: now()
                .as_millisecond()
                .saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX)),
            function_arn: arn,
            answer: sender,
        };
        self.process.thaw();
        self.runtime.deliver(job);
        tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(answer) => Outcome::Answered(result(answer)),
                Err(_) => Outcome::Died(InvokeError::failed("Runtime.Unknown", "the runtime API ended")),
            },
            end = self.process.ended() => Outcome::Died(exited_in(request_id, &end)),
            () = sleep_until(deadline) => {
                self.process.kill();
                Outcome::Died(timed_out(request_id, self.code.timeout))
            }
        }
    }

    /// After an answer: waits until the process polls again, and freezes it; whether it did before the deadline.
    pub(crate) async fn settle(&mut self, deadline: Instant) -> bool {
        tokio::select! {
            biased;
            notice = self.runtime.notice() => {
                let has_polled = matches!(notice, Some(Notice::Polled));
                if has_polled {
                    self.process.freeze();
                }
                has_polled
            }
            _ = self.process.ended() => false,
            () = sleep_until(deadline) => false,
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.process.kill();
    }
}

fn watch(host: &Host, slot: &Arc<Slot>, mut reaper: Reaper) {
    if let Some(stdout) = reaper.child().stdout.take() {
        host.tasks
            .spawn(read_lines(stdout, Arc::clone(slot), host.log_sink()));
    }
    if let Some(stderr) = reaper.child().stderr.take() {
        host.tasks
            .spawn(read_lines(stderr, Arc::clone(slot), host.log_sink()));
    }
    host.tasks.spawn(reaper.reap());
}

async fn read_lines(pipe: impl AsyncRead + Unpin, slot: Arc<Slot>, sink: Option<super::LogSink>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(bytes) if bytes > 0) {
        let text = String::from_utf8_lossy(&line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if let Some(sink) = &sink {
            sink(&slot.name, text);
        }
        slot.log(text.to_owned());
        line.clear();
    }
}

fn result(answer: Answer) -> Result<Bytes, InvokeError> {
    match answer {
        Answer::Response(bytes) => Ok(bytes),
        Answer::Error(document) => Err(InvokeError::Failed(document)),
        Answer::TooLarge(size) => Err(InvokeError::failed(
            "Function.ResponseSizeTooLarge",
            &format!(
                "Response payload size ({size} bytes) exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            ),
        )),
    }
}

fn exited(end: &str) -> InvokeError {
    InvokeError::failed(
        "Runtime.ExitError",
        &format!("Error: Runtime exited with error: {end}"),
    )
}

fn exited_in(request_id: &str, end: &str) -> InvokeError {
    let message = format!("RequestId: {request_id} Error: Runtime exited with error: {end}");
    InvokeError::failed("Runtime.ExitError", &message)
}

fn timed_out(request_id: &str, limit: Duration) -> InvokeError {
    let seconds = limit.as_secs_f64();
    let message =
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
    InvokeError::failed("Sandbox.Timedout", &message)
}
