//! A server for the examples of a page.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::page::Wants;
use crate::process::works;

/// The image of runs that name none, where there are containers.
const IMAGE: &str = "busybox";

/// A server that is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    // Kept open, for the server would fail to write into a closed one.
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server with its `data` and configures the command line in the page's home as its administrator's.
    pub(super) fn start(wants: Wants, data: &Path, variables: &[(&str, OsString)]) -> Result<Self> {
        let launcher: &[&str] = if wants.docker {
            &["--default-image", IMAGE]
        } else {
            &["--unsafe-process-launcher"]
        };
        let log = data.with_extension("log");
        let mut child = runvoy(variables)
            .args(["server", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(launcher)
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start runvoy server")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut server = Self {
            child,
            stdout: BufReader::new(stdout),
        };
        let address = server.address().with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("the server does not start: {}", said.trim())
        })?;
        let key = fs::read_to_string(data.join("admin.key")).context("the server made no key")?;
        let configured = runvoy(variables)
            .args(["configure", "--endpoint", &address])
            .env("RUNVOY_API_KEY", key.trim())
            .stderr(Stdio::null())
            .status()?;
        ensure!(configured.success(), "runvoy configure failed");
        Ok(server)
    }

    /// The address that the server says it listens on.
    fn address(&mut self) -> Result<String> {
        let mut line = String::new();
        while self.stdout.read_line(&mut line)? > 0 {
            if let Some((_, address)) = line.split_once("listens on ") {
                return Ok(address.trim().to_owned());
            }
            line.clear();
        }
        anyhow::bail!("it names no address")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let is_asked = works("kill", &[&self.child.id().to_string()]);
        if !is_asked {
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}

/// The command line with the page's variables alone.
fn runvoy(variables: &[(&str, OsString)]) -> Command {
    let mut command = Command::new("env");
    command.arg("runvoy");
    command
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null());
    command
}
