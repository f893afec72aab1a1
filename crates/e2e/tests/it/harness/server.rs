//! A server process, to be used, killed and started again.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::cli::{Cli, PATH};
use super::world::World;
use super::{DEADLINE, engine, processes, programs, until};

/// What goes wrong in a server, as `faulty-server` reads it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    pub(crate) store: String,
    pub(crate) agents: String,
}

/// A server with a world of its own. Everything that it started dies with it.
#[derive(Debug)]
pub(crate) struct TestServer {
    // Dropped before the world is swept.
    process: Option<Child>,
    port: u16,
    key: String,
    /// Where it listens.
    host: &'static str,
    /// Whether it may set the machine's firewall.
    may_set_firewall: bool,
    /// How it runs commands.
    options: Vec<String>,
    world: World,
}

impl TestServer {
    /// Starts a server of plain processes, for the first time in its directory.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--unsafe-process-launcher"]).await
    }

    /// Starts a server with options, for the first time in its directory.
    pub(crate) async fn start_with(options: &[&str]) -> Self {
        let mut server = Self {
            process: None,
            port: free_port(),
            key: String::new(),
            host: "127.0.0.1",
            may_set_firewall: true,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            world: World::new(),
        };
        server.start_again().await;
        let key = fs::read_to_string(server.data_dir().join("admin.key")).unwrap();
        key.trim_end().clone_into(&mut server.key);
        server
    }

    /// Starts it at the same address with the same data.
    pub(crate) async fn start_again(&mut self) {
        let mut command = if self.may_set_firewall {
            Command::new(programs::runvoy())
        } else {
            let mut lesser = Command::new("setpriv");
            lesser
                .args(["--bounding-set=-net_admin", "--inh-caps=-net_admin"])
                .arg(programs::runvoy());
            lesser
        };
        command
            .args(["server", "--listen"])
            .arg(format!("{}:{}", self.host, self.port))
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(&self.options);
        self.launch(command).await;
    }

    /// Listens on every address of the machine from the next start on.
    pub(crate) fn listen_everywhere(&mut self) {
        self.host = "0.0.0.0";
        self.options.push("--behind-proxy".to_owned());
    }

    /// Has no right to set the machine's firewall from the next start on.
    pub(crate) fn forbid_firewall(&mut self) {
        self.may_set_firewall = false;
    }

    /// Runs commands in another way from the next start on.
    pub(crate) fn set_options(&mut self, options: &[&str]) {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
    }

    /// Starts the one with faults instead.
    pub(crate) async fn start_faulty(&mut self, faults: &Faults) {
        let mut command = Command::new(programs::faulty_server());
        command
            .arg(self.data_dir())
            .arg(self.address())
            .arg(programs::runvoy())
            .args([&faults.store, &faults.agents]);
        self.launch(command).await;
    }

    async fn launch(&mut self, mut command: Command) {
        assert!(self.process.is_none(), "it runs already");
        let (out, log) = (self.world.path("server-out"), self.log());
        let log = File::options().append(true).create(true).open(log);
        let child = command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.world.path("server-home"))
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(log.unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.process = Some(child);
        until(|| {
            let has_ended = self.has_ended();
            assert!(
                !has_ended,
                "the server does not start: {}",
                self.complaints()
            );
            fs::read_to_string(&out).unwrap().contains(" listens on ")
        })
        .await;
    }

    /// Waits until a fault has killed it; never where none does.
    pub(crate) async fn killed(&mut self) {
        let process = self.process.as_mut().unwrap();
        let status = process.wait().await.unwrap();
        assert_eq!(status.signal(), Some(9), "{}", self.complaints());
        self.process = None;
    }

    fn has_ended(&mut self) -> bool {
        let Some(process) = &mut self.process else {
            return true;
        };
        process.try_wait().unwrap().is_some()
    }

    /// Waits for the process's end.
    async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        let ended = tokio::time::timeout(DEADLINE, process.wait()).await;
        ended.expect("the server ends").unwrap()
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        processes::send(self.pid(), Signal::KILL);
        self.ended().await;
    }

    /// Asks it to end, as a service manager does.
    pub(crate) async fn terminate(&mut self) {
        processes::send(self.pid(), Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.complaints());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id().unwrap()
    }

    /// The first admin's command line.
    pub(crate) fn admin(&self) -> Cli {
        self.with_key("admin", &self.key)
    }

    /// The command line of somebody with this key.
    pub(crate) fn with_key(&self, home: &str, key: &str) -> Cli {
        let cli = self.world.home(home);
        cli.to(&self.endpoint()).with("RUNVOY_API_KEY", key)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.world.path("data")
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    fn log(&self) -> PathBuf {
        self.world.path("server-log")
    }

    /// What it has to say for itself.
    pub(crate) fn complaints(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        engine::remove_firewall(&self.complaints());
        if std::thread::panicking() {
            println!("the server's log:\n{}", self.complaints());
        }
    }
}

/// A port that stays ours over restarts: below those that the system gives to connections.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    for _ in 0..10_000 {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// Whether nothing of any run is left in a data directory.
pub(crate) fn is_cleaned_up(data_dir: &Path) -> bool {
    fs::read_dir(data_dir.join("runs")).map_or(true, |entries| entries.count() == 0)
}
