//! Starts the real agent and waits for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use runvoy_core::log::Stream;
use runvoy_wire::agent::Spec;
use rustix::process::{Pid, Signal, kill_process};

use crate::plane::Handle;

pub(crate) const ATTEMPT: &str = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A spec that runs nothing yet.
pub(crate) fn empty() -> Spec {
    Spec {
        script: None,
        argv: None,
        shown_command: "shown".to_owned(),
        request_id: "req-1".to_owned(),
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        mask: Vec::new(),
        sources: Vec::new(),
        target: None,
        workdir: None,
    }
}

/// A spec that runs a script.
pub(crate) fn script(script: &str) -> Spec {
    Spec {
        script: Some(script.to_owned()),
        shown_command: script.to_owned(),
        ..empty()
    }
}

/// A spec that runs a program.
pub(crate) fn argv(words: &[&str]) -> Spec {
    Spec {
        argv: Some(words.iter().map(|word| (*word).to_owned()).collect()),
        ..empty()
    }
}

/// A plane and what is needed to start an agent for it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) plane: Handle,
    pub(crate) variables: BTreeMap<String, String>,
}

impl Stage {
    /// A stage whose plane does not listen yet.
    pub(crate) fn silent(spec: Spec) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("sock").display().to_string();
        let variables = [
            ("RUNVOY_AGENT_URL", format!("unix:{socket}")),
            ("RUNVOY_AGENT_TOKEN", "boot-token".to_owned()),
            ("RUNVOY_ATTEMPT", ATTEMPT.to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ];
        Self {
            dir,
            plane: Handle::new(spec),
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        }
    }

    /// A stage whose plane listens.
    pub(crate) fn new(spec: Spec) -> Self {
        let stage = Self::silent(spec);
        stage.listen();
        stage
    }

    pub(crate) fn listen(&self) {
        self.plane.serve_unix(&self.dir.path().join("sock"));
    }

    /// A path in the agent's directory.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the agent.
    pub(crate) fn start(self) -> Agent {
        let copy = File::create(self.path("agent.log")).unwrap();
        self.start_with_copy(copy.into())
    }

    /// Starts the agent with a second copy of one's own.
    pub(crate) fn start_with_copy(self, copy: Stdio) -> Agent {
        let child = Command::new(env!("CARGO_BIN_EXE_runvoy-agent"))
            .arg("exec")
            .current_dir(self.dir.path())
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(copy)
            .stderr(File::create(self.path("agent.err")).unwrap())
            .spawn()
            .unwrap();
        Agent { stage: self, child }
    }

    /// Runs an agent to its end.
    pub(crate) fn run(self) -> Finished {
        self.start().wait()
    }
}

/// A running agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) stage: Stage,
    child: Child,
}

/// An agent that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) stage: Stage,
    pub(crate) status: ExitStatus,
}

impl Agent {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The agent's largest resident size so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub(crate) fn wait(mut self) -> Finished {
        let pid = Pid::from_child(&self.child);
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || done.send(self.child.wait().unwrap()));
        let Ok(status) = is_done.recv_timeout(PATIENCE) else {
            kill_process(pid, Signal::KILL).unwrap();
            panic!("the agent does not end: {:?}", self.stage.plane);
        };
        Finished {
            stage: self.stage,
            status,
        }
    }
}

impl Finished {
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| -self.status.signal().unwrap())
    }

    pub(crate) fn finish(&self) -> runvoy_wire::agent::FinishRequest {
        self.stage
            .plane
            .state()
            .finish
            .clone()
            .expect("the end was reported")
    }

    pub(crate) fn stdout(&self) -> String {
        self.stage.plane.raw(Stream::Stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        self.stage.plane.raw(Stream::Stderr)
    }

    pub(crate) fn system(&self) -> String {
        self.stage.plane.raw(Stream::System)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.stage.path(name)).unwrap()).into_owned()
    }
}

/// Waits for a condition.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} never came");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The number in a file, once it is there whole.
pub(crate) fn pid_in(path: &Path) -> u32 {
    let mut pid = None;
    eventually("the pid", || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        pid = text.strip_suffix('\n').and_then(|pid| pid.parse().ok());
        pid.is_some()
    });
    pid.unwrap()
}

/// Whether a process lives; a zombie does not.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}
