//! A real `runvoy server` on disk.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use runvoy_client::api::Api;
use runvoy_client::transport::Transport;
use runvoy_wire::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};

use crate::bench::Bench;

/// Who the measuring program is to the server.
const USER_AGENT: &str = "runvoy-measure";

/// Where a server's commands run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// As processes of this machine.
    Processes,
    /// In containers of this image.
    Containers(&'a str),
}

/// A server that ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
    key: Secret,
    /// The users' API, as its admin.
    pub(crate) api: Api,
}

impl Server {
    /// Starts `runvoy` with a new data directory, and waits until it listens.
    pub(crate) fn start(bench: &Bench, data: &Path, place: Place<'_>) -> Result<Self> {
        let mut command = Command::new(&bench.runvoy);
        command.arg("server");
        match place {
            Place::Processes => command.arg("--unsafe-process-launcher"),
            Place::Containers(image) => command.args(["--default-image", image]),
        };
        let error_file = data.with_extension("err");
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&error_file)?)
            .spawn()?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.split_once("listens on ")?.1.to_owned()));
        let Some(url) = url else {
            child.wait()?;
            let why = fs::read_to_string(error_file).unwrap_or_default();
            anyhow::bail!("the server did not start: {}", why.trim());
        };
        let key = fs::read_to_string(data.join("admin.key"))?;
        let key = Secret::new(key.trim());
        Ok(Self {
            child,
            api: api(&url, &key)?,
            url,
            key,
        })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The users' API with this key, over connections of its own.
    pub(crate) fn api_with(&self, key: &Secret) -> Result<Api> {
        api(&self.url, key)
    }

    /// Lets a command line call it as its admin.
    pub(crate) fn lend<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("RUNVOY_ENDPOINT", &self.url)
            .env("RUNVOY_API_KEY", self.key.expose())
    }
}

fn api(url: &str, key: &Secret) -> Result<Api> {
    let key = key.expose().to_owned().into();
    Ok(Api::new(Transport::to(url, None)?, Some(key), USER_AGENT))
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
