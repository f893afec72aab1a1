//! A real `runvoy server` on disk.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use runvoy_client::api::Api;
use runvoy_client::transport::Transport;
use rustix::process::{Pid, Signal, kill_process};

/// A server that ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// The users' API, as its admin.
    pub(crate) api: Api,
}

impl Server {
    /// Starts `runvoy` with a new data directory, and waits until it listens.
    pub(crate) fn start(runvoy: &Path, data: &Path) -> Result<Self> {
        let mut child = Command::new(runvoy)
            .args(["server", "--unsafe-process-launcher"])
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(data.with_extension("err"))?)
            .spawn()?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| Some(line.split_once("listens on ")?.1.to_owned()))
            .context("the server did not start; its .err file says why")?;
        let key = fs::read_to_string(data.join("admin.key"))?;
        let key = key.trim().to_owned().into();
        let api = Api::new(Transport::to(&url, None)?, Some(key), "runvoy-measure");
        Ok(Self { child, api })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let ended = pid.map(|pid| kill_process(pid, Signal::TERM));
        if ended.is_some_and(|asked| asked.is_ok()) {
            // Whether it ended well is nothing that a figure depends on.
            let _status = self.child.wait();
        }
    }
}
