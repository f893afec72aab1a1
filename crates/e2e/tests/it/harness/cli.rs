//! The command line, as a person or a script uses it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runvoy_testkit::eventually;
use runvoy_wire::execution::ExecutionView;
use rustix::process::Signal;
use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};

use super::{DEADLINE, processes, programs, until};

/// Programs that commands find.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Somebody's command line: a home, perhaps a server and a key.
#[derive(Debug, Clone)]
pub(crate) struct Cli {
    home: PathBuf,
    before: Vec<String>,
    variables: Vec<(String, String)>,
    is_patient: bool,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    pub(crate) fn at_home(home: PathBuf) -> Self {
        Self {
            home,
            before: Vec::new(),
            variables: Vec::new(),
            is_patient: false,
        }
    }

    /// Puts an argument before all others.
    pub(crate) fn before(mut self, argument: &str) -> Self {
        self.before.push(argument.to_owned());
        self
    }

    /// Sets a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Types a command again for as long as the server is not there.
    pub(crate) fn patient(mut self) -> Self {
        self.is_patient = true;
        self
    }

    /// Asks another address.
    pub(crate) fn to(self, endpoint: &str) -> Self {
        self.with("RUNVOY_ENDPOINT", endpoint)
    }

    /// Starts a command line.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let stdout = self.home.join(format!("stdout-{number}"));
        let stderr = self.home.join(format!("stderr-{number}"));
        let child = Command::new(programs::runvoy())
            .args(&self.before)
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", &self.home)
            .envs(self.variables.clone())
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Running {
            line: arguments.join(" "),
            child,
            stdout,
            stderr,
        }
    }

    /// Runs a command line to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        eventually(DEADLINE, async || {
            let output = self.spawn(arguments).end().await;
            let is_away = output.code == 125 && output.stderr.contains("cannot be reached");
            (!(self.is_patient && is_away)).then_some(output)
        })
        .await
    }

    /// Runs a command line that succeeds; answers its stdout.
    pub(crate) async fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
        output.stdout
    }

    /// Asks for data.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> T {
        let arguments = [arguments, &["-o", "json"]].concat();
        serde_json::from_str(&self.succeed(&arguments).await).unwrap()
    }

    /// Submits a run and leaves it; answers its id.
    pub(crate) async fn submit(&self, arguments: &[&str]) -> String {
        let arguments = [&["run", "-d"], arguments].concat();
        self.succeed(&arguments).await.trim_end().to_owned()
    }

    pub(crate) async fn record(&self, id: &str) -> ExecutionView {
        self.ask(&["status", id]).await
    }

    /// The record, once it is closed: over, nothing of it runs, and its cost is final.
    pub(crate) async fn closed(&self, id: &str) -> ExecutionView {
        eventually(DEADLINE, async || {
            Some(self.record(id).await).filter(is_closed)
        })
        .await
    }

    /// The record of the newest run, once it is closed.
    pub(crate) async fn last_closed(&self) -> ExecutionView {
        let last = self.record("last").await;
        self.closed(&last.execution_id).await
    }

    /// What the command wrote to its stdout, by the log.
    pub(crate) async fn log(&self, id: &str) -> String {
        self.succeed(&["logs", "--raw", "--stream", "stdout", id])
            .await
    }
}

/// Whether the record says that all is settled.
pub(crate) fn is_closed(view: &ExecutionView) -> bool {
    view.completed_at.is_some() && view.cost_usd.is_some()
}

/// A command line under way.
#[derive(Debug)]
pub(crate) struct Running {
    line: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        processes::send(self.pid(), signal);
    }

    /// What it has written so far.
    pub(crate) fn stdout(&self) -> String {
        read(&self.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// The file that holds its stdout.
    pub(crate) fn stdout_path(&self) -> &PathBuf {
        &self.stdout
    }

    /// Waits until it has written this to stdout.
    pub(crate) async fn says(&self, text: &str) {
        self.shows(text, Self::stdout).await;
    }

    /// Waits until it has written this to stderr.
    pub(crate) async fn remarks(&self, text: &str) {
        self.shows(text, Self::stderr).await;
    }

    async fn shows(&self, text: &str, shown: fn(&Self) -> String) {
        until(|| {
            // In this order: what it said last was said while it lived.
            let is_over = !processes::is_alive(self.pid());
            let is_shown = shown(self).contains(text);
            assert!(
                is_shown || !is_over,
                "`{}` ended without {text:?}: {}",
                self.line,
                self.stderr()
            );
            is_shown
        })
        .await;
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> Output {
        self.end_within(DEADLINE).await
    }

    pub(crate) async fn end_within(mut self, deadline: Duration) -> Output {
        let ended = tokio::time::timeout(deadline, self.child.wait()).await;
        let Ok(status) = ended else {
            panic!("`{}` did not end: {}", self.line, self.stderr());
        };
        let Some(code) = status.unwrap().code() else {
            panic!("`{}` was killed: {}", self.line, self.stderr());
        };
        Output {
            code,
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }

    /// Kills it unless it ends by itself before that.
    pub(crate) async fn kill_after(mut self, moment: Duration) {
        if tokio::time::timeout(moment, self.child.wait())
            .await
            .is_err()
        {
            self.kill().await;
        }
    }

    /// Kills it as `kill -9` does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn read(path: &PathBuf) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}
