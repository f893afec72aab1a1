//! A launcher in a directory of its own, and a script that it takes for the agent.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runvoy_core::execution::Evidence;
use runvoy_core::id::AttemptId;
use runvoy_ports::{LaunchRequest, Launcher as _, Placement, Presence};
use runvoy_process::{Home, Options, ProcessLauncher};
use runvoy_testkit::{eventually, sample};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What the script does before its body: it refuses any other call, and heads a session of its own as the agent does.
const HEAD: &str = r#"#!/bin/sh
if [ "$1" != leader ]; then
    [ "$*" = "agent exec" ] || exit 9
    cp "/proc/$$/environ" environ
    exec setsid "$0" leader
fi
echo $$ >> agents
"#;

/// How long anything may take that takes no time.
const SOON: Duration = Duration::from_mins(1);

/// An agent that does nothing for a long time.
pub(crate) const STAYS: &str = "exec sleep 1000";

/// A launcher and its script. What it has started is killed with it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) dir: TempDir,
    pub(crate) launcher: ProcessLauncher,
    pub(crate) attempt: AttemptId,
    runs: PathBuf,
}

/// Options for runs below `dir` with the script there.
pub(crate) fn options(dir: &TempDir) -> Options {
    Options {
        executable: dir.path().join("agent.sh"),
        runs: dir.path().join("runs"),
        agent_url: "unix:/nowhere".to_owned(),
        environment: vec![("PATH".into(), OsString::from("/usr/bin:/bin"))],
        home: Home::OfTheRun,
        owner_lock: None,
    }
}

/// Writes it from another process: a child that another thread forks meanwhile would hold it open for writing, and what
/// is written cannot be run.
fn write_program(path: &Path, text: &str) {
    let written = Command::new("sh")
        .args(["-c", r#"printf %s "$2" > "$1" && chmod 700 "$1""#, "sh"])
        .arg(path)
        .arg(text)
        .status();
    assert!(written.unwrap().success());
}

impl Stage {
    /// A stage whose agent does what `body` says.
    pub(crate) fn new(body: &str) -> Self {
        Self::with(body, |_| {})
    }

    /// A stage whose agent was caught before it headed a session.
    pub(crate) fn without_session(body: &str) -> Self {
        Self::of(&format!("#!/bin/sh\necho $$ >> agents\n{body}\n"), |_| {})
    }

    /// A stage with changed options.
    pub(crate) fn with(body: &str, change: impl FnOnce(&mut Options)) -> Self {
        Self::of(&format!("{HEAD}{body}\n"), change)
    }

    fn of(text: &str, change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&dir);
        let script = &options.executable;
        write_program(script, text);
        change(&mut options);
        let runs = options.runs.clone();
        let launcher = ProcessLauncher::new(options);
        Self {
            dir,
            launcher,
            attempt: attempt(),
            runs,
        }
    }

    pub(crate) fn request(&self) -> LaunchRequest {
        request(&self.attempt)
    }

    /// The attempt before its agent has named its place.
    pub(crate) fn placement(&self) -> Placement {
        Placement {
            attempt: self.attempt.clone(),
            place: None,
        }
    }

    pub(crate) async fn stop(&self) {
        self.launcher.stop(&self.placement()).await;
    }

    pub(crate) async fn clean_up(&self) {
        self.launcher.clean_up(&self.attempt).await.unwrap();
    }

    pub(crate) async fn launch(&self) {
        self.launcher.launch(&self.request()).await.unwrap();
    }

    pub(crate) async fn probe(&self) -> Presence {
        self.launcher.probe(&self.placement()).await
    }

    /// A file of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.runs.join(self.attempt.to_string()).join(name)
    }

    /// Process numbers that the script has written to a file of its directory, once there are any.
    pub(crate) async fn pids(&self, name: &str) -> Vec<Pid> {
        let path = self.path("work").join(name);
        eventually(SOON, || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let whole = text
                .ends_with('\n')
                .then(|| text.lines().map(pid).collect());
            async { whole }
        })
        .await
    }

    /// The process whose number the script has written to a file, once it has become `program`.
    pub(crate) async fn process(&self, file: &str, program: &str) -> Pid {
        let pid = self.pids(file).await[0];
        let expected = format!("{program}\n");
        eventually(SOON, || {
            let name = fs::read_to_string(format!("/proc/{}/comm", number(pid)));
            let is_it = name.is_ok_and(|name| name == expected);
            async move { is_it.then_some(pid) }
        })
        .await
    }

    /// Asks until the answer is that everything is gone.
    pub(crate) async fn gone(&self) -> Evidence {
        eventually(SOON, || async {
            match self.probe().await {
                Presence::Gone(evidence) => Some(evidence),
                Presence::Running | Presence::Unknown => None,
            }
        })
        .await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let work = self.path("work");
        for name in ["agents", "child", "leaver", "stranger"] {
            let text = fs::read_to_string(work.join(name)).unwrap_or_default();
            for pid in text.lines().map(pid).filter(|pid| is_alive(*pid)) {
                kill(pid);
            }
        }
    }
}

/// An attempt that no other test has: what a run left behind is found by the execution that it is marked with.
fn attempt() -> AttemptId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = u64::from(std::process::id()) << 32 | NEXT.fetch_add(1, Ordering::Relaxed);
    AttemptId::new(sample::execution_id(number), 1)
}

pub(crate) fn request(attempt: &AttemptId) -> LaunchRequest {
    LaunchRequest {
        attempt: attempt.clone(),
        token: "bootstrap".into(),
        container: None,
    }
}

/// Whether the process lives; one that is only not waited for yet does not.
pub(crate) fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", number(pid))).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
    !matches!(state, None | Some("Z" | "X"))
}

/// Waits until the process lives no more.
pub(crate) async fn dies(pid: Pid) {
    eventually(SOON, || async { (!is_alive(pid)).then_some(()) }).await;
}

pub(crate) fn kill(pid: Pid) {
    // It may have ended meanwhile.
    let _gone = kill_process(pid, Signal::KILL);
}

pub(crate) fn number(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.parse().unwrap()).unwrap()
}
