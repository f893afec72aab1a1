//! What `run` sends.

use runvoy_core::command::Command;
use runvoy_wire::execution::RunRequest;
use serde_json::Value;

use super::{RunArguments, variables};
use crate::failure::{self, Failure};
use crate::settings::App;
use crate::time::whole_seconds;
use crate::words::Words;

/// The request that `arguments` ask for.
pub(super) fn build(
    arguments: &RunArguments,
    words: Words,
    app: &App<'_>,
) -> Result<RunRequest, Failure> {
    let (command, argv) = match words.into_command().map_err(with_example)? {
        Command::Script(script) => (Some(script), None),
        Command::Argv(words) => (None, Some(words)),
    };
    let variables = variables::gather(arguments, app.environment)?;
    Ok(RunRequest {
        command,
        argv,
        env: variables.plain,
        secret_env: variables.secret,
        timeout: app.settings.timeout.map(whole_seconds),
        grace: arguments.grace.map(whole_seconds),
        lock: arguments.lock.as_ref().map(ToString::to_string),
        no_wait: arguments.no_wait,
        lock_timeout: arguments.lock_timeout.map(whole_seconds),
        workdir: workdir(arguments, app)?,
        image: arguments.image.clone(),
        cpu: arguments.cpu.clone().map(Value::from),
        memory: arguments.memory.clone().map(Value::from),
        ..RunRequest::default()
    })
}

fn with_example(failure: Failure) -> Failure {
    failure.hint("runvoy run \"echo hello world\"")
}

/// As given; for a process under `--local` an absolute path, the caller's own directory where none is given.
fn workdir(arguments: &RunArguments, app: &App<'_>) -> Result<Option<String>, Failure> {
    if !app.settings.is_local || arguments.image.is_some() {
        return Ok(arguments.workdir.clone());
    }
    let given = arguments.workdir.as_deref().unwrap_or(".");
    let path = std::env::current_dir()
        .map_err(|error| failure::file("found", "the current directory", &error))?
        .join(given);
    // `join(".")` leaves the dot in; components drop it.
    let path: std::path::PathBuf = path.components().collect();
    match path.into_os_string().into_string() {
        Ok(path) => Ok(Some(path)),
        Err(path) => Err(Failure::usage(format!(
            "the directory is not UTF-8: {}",
            path.display()
        ))),
    }
}
