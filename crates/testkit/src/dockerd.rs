//! A Docker Engine of a test's own, in a directory of its own. Needs root and Debian's `docker.io`.
//!
//! An engine that starts takes away the firewall rules of the others in the same network, and of these, what they then
//! do to their own rules fails. So one engine of a test process, the shared one, has rules, and the others do without.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::dockerd_image::Image;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(3);
/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(100);
/// What ends an engine, whatever became of the test.
const END: &str = include_str!("dockerd_end.sh");

/// Which rules an engine puts into the firewall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Usual,
    None,
}

/// A running engine. When it is dropped, or the test process ends, it ends too, with all that it has left.
#[derive(Debug)]
pub struct Dockerd {
    dir: PathBuf,
    child: Option<Child>,
    /// Ends it once its own input ends.
    undertaker: Child,
}

impl Dockerd {
    /// Starts an engine without firewall rules and waits until it answers.
    pub fn start() -> Self {
        Self::start_in(new_dir(), Rules::None)
    }

    /// The same, and its images, containers and volumes have a disk of so many mebibytes.
    pub fn start_on_disk(mib: u32) -> Self {
        let dir = new_dir();
        let root = dir.join("root");
        std::fs::create_dir(&root).unwrap();
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        let mounted = mount
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(root)
            .status();
        assert!(mounted.unwrap().success(), "no disk can be mounted");
        Self::start_in(dir, Rules::None)
    }

    /// The one engine of a test process, for tests that neither kill it nor count what it has.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Dockerd> = OnceLock::new();
        SHARED.get_or_init(|| Self::start_in(new_dir(), Rules::Usual))
    }

    fn start_in(dir: PathBuf, rules: Rules) -> Self {
        std::fs::write(dir.join("daemon.json"), "{}").unwrap();
        std::fs::write(
            dir.join("start"),
            start_script(&dir.display().to_string(), rules),
        )
        .unwrap();
        let mut undertaker = Command::new("setsid");
        undertaker
            .args(["sh", "-c", END, "dockerd-end"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut dockerd = Self {
            undertaker: undertaker.spawn().unwrap(),
            dir,
            child: None,
        };
        dockerd.restart();
        dockerd
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("docker.sock")
    }

    /// Its address, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The directory of its images, containers and volumes.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// Kills it in the middle of whatever it does. Its containers go on.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
            // Its containerd dies with it. Where nobody reaps that, the next engine takes it for alive.
            let _gone_already =
                std::fs::remove_file(self.dir.join("exec/containerd/containerd.pid"));
        }
    }

    /// Starts it again where it is not running, and waits until it answers.
    pub fn restart(&mut self) {
        if self.child.is_none() {
            self.child = Some(self.spawn());
        }
        let until = Instant::now() + PATIENCE;
        while !self.answers() {
            let child = self.child.as_mut();
            // One that is disturbed by another's start gives up: both look after the bridge `docker0`.
            if child.and_then(|child| child.try_wait().unwrap()).is_some() {
                self.child = Some(self.spawn());
            }
            assert!(
                Instant::now() < until,
                "dockerd does not start (it must be root's, from Debian's docker.io); its log ends so:\n{}",
                self.log()
            );
            pause();
        }
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new("sh");
        let command = command.arg(self.dir.join("start")).stdin(Stdio::null());
        command.spawn().unwrap()
    }

    fn answers(&self) -> bool {
        let output = self.command(&["version"]).output();
        output.unwrap().status.success()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.dir.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned()
    }

    /// Docker's command line, on this engine.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(self.host()).args(arguments);
        command
    }

    /// What Docker's command line says on this engine; panics where it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {arguments:?}: {words}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Brings an image in under a name; panics where that fails.
    pub fn import_image(&self, name: &str, image: &Image) {
        let answer = self.try_import_image(name, image);
        answer.unwrap_or_else(|words| panic!("{name} cannot be imported: {words}"));
    }

    /// Brings an image in under a name; the error is in Docker's words.
    pub fn try_import_image(&self, name: &str, image: &Image) -> Result<(), String> {
        let mut command = self.command(&["import"]);
        for change in image.changes() {
            command.args(["--change", change]);
        }
        let mut child = command
            .args(["-", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written = child.stdin.take().unwrap().write_all(&image.archive());
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            written.unwrap();
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Names of all its containers, running or not.
    pub fn containers(&self) -> Vec<String> {
        lines(&self.docker(&["ps", "--all", "--format", "{{.Names}}"]))
    }

    /// Names of all its volumes.
    pub fn volumes(&self) -> Vec<String> {
        lines(&self.docker(&["volume", "ls", "--quiet"]))
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        drop(self.undertaker.stdin.take());
        let ended = self.undertaker.wait();
        if let Some(mut child) = self.child.take() {
            let _dead_already = child.kill();
            let _reaped = child.wait();
        }
        let is_left = ended.is_err() || self.dir.exists();
        assert!(
            !is_left || std::thread::panicking(),
            "{} is left behind",
            self.dir.display()
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks; engines are also started where there is no runtime"
)]
fn pause() {
    std::thread::sleep(INTERVAL);
}

/// A new directory with a short name: sockets' names must be short.
fn new_dir() -> PathBuf {
    let dir = tempfile::Builder::new().prefix("rvd").tempdir().unwrap();
    dir.keep()
}

/// Starts an engine that takes nothing of this machine: neither its settings nor its containerd's names. Only the
/// bridge `docker0`, which no test uses, is everybody's in a network: an engine that is told to have another or none
/// removes it.
fn start_script(dir: &str, rules: Rules) -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = std::process::id() * 7 + STARTED.fetch_add(1, Ordering::Relaxed);
    let octet = 50 + number % 150;
    let (setup, has_rules) = match rules {
        Rules::Usual => (String::new(), true),
        Rules::None => (without_iptables(dir), false),
    };
    format!(
        "{setup}exec dockerd --host unix://{dir}/docker.sock --data-root {dir}/root --exec-root {dir}/exec \
         --pidfile {dir}/pid --config-file {dir}/daemon.json \
         --containerd-namespace rvd{number} --containerd-plugins-namespace rvdp{number} --iptables={has_rules} \
         --default-address-pool base=10.{octet}.0.0/16,size=24 >> {dir}/log 2>&1\n"
    )
}

/// An engine that is to have no rules removes those of the others where it can.
fn without_iptables(dir: &str) -> String {
    format!(
        "mkdir -p {dir}/bin; ln -sf /bin/false {dir}/bin/iptables; ln -sf /bin/false {dir}/bin/ip6tables\n\
         PATH={dir}/bin:$PATH; export PATH\n"
    )
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "builds and tests name the agents' directory so"
)]
fn agents_dir() -> Option<PathBuf> {
    std::env::var_os("RUNVOY_AGENTS_DIR").map(PathBuf::from)
}

/// The agent for the engine's machine, as `cargo xtask agents` makes it.
pub fn agent() -> Vec<u8> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/agents");
    let agents = agents_dir().unwrap_or_else(|| usual.into());
    let path = agents.join(format!("linux-{arch}/runvoy-agent"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; make it with: cargo xtask agents --arch {}",
            path.display(),
            std::env::consts::ARCH
        )
    })
}
