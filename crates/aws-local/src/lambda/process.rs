//! The process of one execution environment.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// A file just written may still be open in a child that another thread is starting: how often to try again.
const BUSY_ATTEMPTS: u32 = 100;
/// Time between two such attempts.
const BUSY_DELAY: Duration = Duration::from_millis(10);

/// A process in a group of its own. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pid: Pid,
    end: watch::Receiver<Option<String>>,
}

/// The half that is told how the process ended.
#[derive(Debug)]
pub(crate) struct Reaper {
    child: Child,
    end: watch::Sender<Option<String>>,
}

impl Process {
    /// Starts `bootstrap` in `directory` with nothing but these variables. Its output pipes are in the reaper's child.
    pub(crate) async fn start(
        directory: &Path,
        variables: &[(String, String)],
    ) -> io::Result<(Self, Reaper)> {
        let mut command = Command::new(directory.join("bootstrap"));
        command
            .current_dir(directory)
            .env_clear()
            .process_group(0)
            .kill_on_drop(true);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = spawn(&mut command).await?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the process ended at once"))?;
        let (sender, end) = watch::channel(None);
        Ok((Self { pid, end }, Reaper { child, end: sender }))
    }

    /// Whether it runs, or stands frozen.
    pub(crate) fn is_alive(&self) -> bool {
        self.end.borrow().is_none()
    }

    /// Stops the whole group where it stands.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen group go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills the whole group, frozen or not.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Waits for its end and tells it in Lambda's words: `exit status 1`, `signal: killed`.
    pub(crate) async fn ended(&mut self) -> String {
        match self.end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or_default(),
            Err(_) => "signal: killed".to_owned(),
        }
    }

    /// The most memory it had resident, in KiB, where the system tells.
    pub(crate) fn peak_rss_kib(&self) -> Option<u64> {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    fn signal(&self, signal: Signal) {
        if !self.is_alive() {
            return;
        }
        if let Err(error) = rustix::process::kill_process_group(self.pid, signal) {
            tracing::debug!(%error, ?signal, "a process was gone before its signal");
        }
    }
}

impl Reaper {
    /// The process, for its output.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the end of the process and tells all handles.
    pub(crate) async fn reap(mut self) {
        let end = match self.child.wait().await {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        };
        self.end.send_replace(Some(end));
    }
}

async fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 0..BUSY_ATTEMPTS {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(BUSY_DELAY).await;
            }
            result => return result,
        }
    }
    command.spawn()
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(6)) => "signal: aborted".to_owned(),
        (None, signal) => format!("signal: {}", signal.unwrap_or_default()),
    }
}
