//! Places an agent: this very program again, as `runvoy agent exec`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Stdio;

use runvoy_ports::LaunchRequest;
use runvoy_wire::agent::{
    ATTEMPT_VARIABLE, OWNER_VARIABLE, SPOOL_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE,
};
use runvoy_wire::process_place::{ProcessPlace, start_in_stat};
use secrecy::ExposeSecret as _;

use crate::launcher::{Home, Options};
use crate::run_dir::{AgentLock, RunDir};

/// Starts the agent, unless one of this attempt lives. The lock goes with its standard input.
pub(crate) fn launch(options: &Options, dir: &RunDir, request: &LaunchRequest) -> io::Result<()> {
    dir.create()?;
    let lock = match dir.create_lock()? {
        AgentLock::Held => return Ok(()),
        AgentLock::Free(lock) => lock,
        AgentLock::Absent => {
            return Err(io::Error::other(
                "the run's directory was removed meanwhile",
            ));
        }
    };
    let child = command(options, dir, request, lock)?.spawn()?;
    if let Some(place) = child.id().and_then(place)
        && let Err(error) = dir.note_agent(&place)
    {
        // It runs all the same, and names itself when it starts; only a stop before that will not find it.
        tracing::warn!(attempt = %request.attempt, %error, "an agent's process cannot be noted");
    }
    // Dropped, it is not killed: tokio reaps it when it ends, and whoever comes after us finds its lock.
    drop(child);
    Ok(())
}

fn command(
    options: &Options,
    dir: &RunDir,
    request: &LaunchRequest,
    lock: File,
) -> io::Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(&options.executable);
    command
        .args(["agent", "exec"])
        .env_clear()
        .envs(environment(options, dir))
        .env(URL_VARIABLE, &options.agent_url)
        .env(TOKEN_VARIABLE, request.token.expose_secret())
        .env(ATTEMPT_VARIABLE, request.attempt.to_string())
        .env(SPOOL_VARIABLE, dir.path())
        .current_dir(dir.work())
        .stdin(Stdio::from(lock))
        .stdout(Stdio::from(dir.append("agent.log")?))
        .stderr(Stdio::from(dir.append("agent.err")?))
        .kill_on_drop(false);
    if let Some(owner) = &options.owner_lock {
        command.env(OWNER_VARIABLE, owner);
    }
    Ok(command)
}

/// What the command will find, beside its own variables; nothing of the server's.
fn environment(options: &Options, dir: &RunDir) -> Vec<(OsString, OsString)> {
    let mut environment = options.environment.clone();
    if options.home == Home::OfTheRun {
        environment.push(("HOME".into(), dir.work().into_os_string()));
    }
    environment
}

fn place(pid: u32) -> Option<ProcessPlace> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(ProcessPlace {
        pid,
        start: start_in_stat(&stat)?,
        boot: boot.trim().to_owned(),
    })
}
