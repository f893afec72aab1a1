//! A person at a terminal: a home directory, commands under way, and what they printed.

use std::fs::{self, File};
use std::future::ready;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runvoy_testkit::eventually;
use serde_json::Value;
use tempfile::TempDir;

use crate::programs;
use crate::world::RUNTIME;

/// Whatever happens at all happens within this time.
pub(crate) const DEADLINE: Duration = Duration::from_mins(5);

/// Somebody with a home directory of their own, and maybe credentials of AWS.
#[derive(Debug)]
pub(crate) struct Person {
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command under way. It dies with this.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// Looks until there is something to be seen.
#[track_caller]
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    RUNTIME.block_on(eventually(DEADLINE, move || ready(look())))
}

impl Person {
    /// Somebody without credentials.
    pub(crate) fn new() -> Self {
        Self {
            home: TempDir::new().unwrap(),
            variables: Vec::new(),
        }
    }

    /// Somebody with credentials of the local AWS.
    pub(crate) fn with_aws(endpoint: &str) -> Self {
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIALOCALADMIN"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let person = variables.into_iter();
        person.fold(Self::new(), |person, (name, value)| {
            person.with(name, value)
        })
    }

    /// The same with a variable more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Their home directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in their home directory, to be written into a command.
    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// A command of theirs, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs::runvoy());
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(self.variables.iter().cloned())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs a command that must succeed, and answers what it printed.
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "runvoy {}: {said:#?}", arguments.join(" "));
        said.out
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = |name: &str| self.home.path().join(format!("{name}-{number}"));
        let (out, err) = (path("out"), path("err"));
        let child = self
            .command(arguments)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn();
        Running {
            child: child.unwrap(),
            out,
            err,
        }
    }

    /// Asks for data.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["-o", "json"]].concat();
        serde_json::from_str(&self.must(&arguments)).unwrap()
    }

    /// Submits a run and leaves it; answers its id.
    pub(crate) fn submit(&self, arguments: &[&str]) -> String {
        let arguments = [&["run", "-d"], arguments].concat();
        self.must(&arguments).trim_end().to_owned()
    }

    /// The record of a run.
    pub(crate) fn record(&self, id: &str) -> Value {
        self.ask(&["status", id])
    }

    /// The record, once it has this status.
    #[track_caller]
    pub(crate) fn recorded(&self, id: &str, status: &str) -> Value {
        until(|| Some(self.record(id)).filter(|record| record["status"] == status))
    }

    /// The record, once all is settled: the run is over, and its cost is final.
    #[track_caller]
    pub(crate) fn closed(&self, id: &str) -> Value {
        until(|| Some(self.record(id)).filter(is_closed))
    }

    /// The newest run of theirs.
    pub(crate) fn last(&self) -> String {
        let record = self.record("last");
        record["execution_id"].as_str().unwrap().to_owned()
    }

    /// What a command wrote to its stdout, by the log.
    pub(crate) fn log(&self, id: &str) -> String {
        self.must(&["logs", "--raw", "--stream", "stdout", id])
    }
}

/// Whether a record says that all is settled.
pub(crate) fn is_closed(record: &Value) -> bool {
    !record["completed_at"].is_null()
        && !record["cost_usd"].is_null()
        && record["cost_is_estimate"].is_null()
}

/// Status and reason of a record.
pub(crate) fn ended(record: &Value) -> (&str, &str) {
    let text = |field: &str| record[field].as_str().unwrap_or_default();
    (text("status"), text("reason"))
}

impl Running {
    /// What it has written to stdout so far.
    pub(crate) fn out(&self) -> String {
        read(&self.out)
    }

    /// Waits until it has written this to stdout.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        until(|| {
            // In this order: what it said last was said while it lived.
            let status = self.child.try_wait().unwrap();
            let is_said = self.out().contains(text);
            assert!(is_said || status.is_none(), "{:#?}", self.said(status));
            is_said.then_some(())
        });
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Said {
        let status = until(|| self.child.try_wait().unwrap());
        self.said(Some(status))
    }

    fn said(&self, status: Option<ExitStatus>) -> Said {
        Said {
            code: status.and_then(|status| status.code()).unwrap_or(-1),
            out: self.out(),
            err: read(&self.err),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}
