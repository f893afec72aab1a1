//! A container that is a child process: a directory, a process group, an environment, a pipe to the log.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use anyhow::Context as _;
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::refusal::{list, text};
use super::task::Task;
use super::{leftovers, metadata};

/// Where the shared volume with the agent is mounted.
const VOLUME: &str = "/.runvoy/";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A running container.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    dir: TempDir,
    mark: String,
    pid: Option<i32>,
}

/// Starts the essential container of the task. Its output can be read from the pipe.
pub(super) fn start(
    task: &Task,
    agent: &Path,
    metadata: &str,
    region: &str,
) -> anyhow::Result<(Running, pipe::Receiver)> {
    let definition = task.essential().context("no essential container")?;
    let overrides = list(&task.request["overrides"], "containerOverrides")
        .find(|one| one["name"] == definition["name"])
        .cloned()
        .unwrap_or_default();
    let dir = tempfile::Builder::new()
        .prefix("task-")
        .tempdir()
        .context("no directory")?;
    let work = dir.path().join(".runvoy/work");
    fs::create_dir_all(&work).context("no work directory")?;
    fs::set_permissions(&work, fs::Permissions::from_mode(0o1777)).context("no work directory")?;

    let (program, arguments) = argv(definition, &overrides, agent)?;
    let (reader, writer) = std::io::pipe().context("no pipe")?;
    let own = metadata::address(metadata, &task.id);
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", dir.path())
        .env("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE")
        .env("AWS_REGION", region)
        .envs(environment(definition, dir.path()))
        .envs(environment(&overrides, dir.path()))
        .env(metadata::VARIABLE, &own)
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("no pipe")?)
        .stderr(writer);
    let child = command.spawn().context("cannot start")?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let output = pipe::Receiver::from_file(File::from(OwnedFd::from(reader))).context("no pipe")?;
    let mark = metadata::mark(metadata, &task.id);
    Ok((
        Running {
            child,
            dir,
            mark,
            pid,
        },
        output,
    ))
}

impl Running {
    /// The main process.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Waits for the main process to end, and kills what is left of the container.
    pub(super) async fn wait(&mut self) -> Option<ExitStatus> {
        let status = self.child.wait().await.ok();
        self.kill();
        status
    }

    /// TERM to the main process.
    pub(super) fn terminate(&self) {
        if let Some(pid) = self.child.id().and(self.pid).and_then(Pid::from_raw) {
            report(rustix::process::kill_process(pid, Signal::TERM));
        }
    }

    /// KILL to everything in the container.
    pub(super) fn kill(&self) {
        let root = self.child.id().and(self.pid);
        leftovers::kill(root, &self.mark, Some(self.dir.path()));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn report(result: rustix::io::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "no such process");
    }
}

/// The exit code as a container has it.
pub(super) fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Entry point and command. What lies in the shared volume is the agent.
fn argv(
    definition: &Value,
    overrides: &Value,
    agent: &Path,
) -> anyhow::Result<(String, Vec<String>)> {
    let words = |value: &Value, field: &str| -> Vec<String> {
        list(value, field)
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let own = words(overrides, "command");
    let command = if own.is_empty() {
        words(definition, "command")
    } else {
        own
    };
    let mut all = words(definition, "entryPoint").into_iter().chain(command);
    let program = all
        .next()
        .context("the image's own entry point cannot be run here")?;
    let program = if program.starts_with(VOLUME) {
        agent.display().to_string()
    } else {
        program
    };
    Ok((program, all.collect()))
}

/// Variables; the shared volume lies in the container's directory.
fn environment(container: &Value, dir: &Path) -> Vec<(String, String)> {
    let pairs = list(container, "environment").map(|pair| {
        let value = text(pair, "value");
        let value = match value.strip_prefix(VOLUME) {
            Some(rest) => dir.join(".runvoy").join(rest).display().to_string(),
            None => value.to_owned(),
        };
        (text(pair, "name").to_owned(), value)
    });
    pairs.collect()
}
