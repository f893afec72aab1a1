//! One file for each command, and the way to them.

pub(crate) mod audit;
pub(crate) mod claim;
pub(crate) mod completion;
pub(crate) mod configure;
pub(crate) mod context;
pub(crate) mod health;
pub(crate) mod infra;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod locks;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod result;
pub(crate) mod run;
pub(crate) mod server;
pub(crate) mod status;
pub(crate) mod users;
pub(crate) mod version;
pub(crate) mod wait;
pub(crate) mod whoami;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use runvoy_core::duration;
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::arguments::{Command, Format, Parsed};
use crate::connection::{Connection, KeyNeed};
use crate::environment::Environment;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::{App, ContextNeed, DEFAULT_WAIT, Settings};
use crate::words::Words;

/// Does what the command line asks.
pub(crate) fn dispatch(
    parsed: Parsed,
    environment: &Environment,
    printer: &Arc<Printer>,
) -> Result<ExitStatus, Failure> {
    let Parsed { arguments, words } = parsed;
    match arguments.command {
        Command::Server(server) => return server::run(server, environment, printer),
        Command::Completion(completion) => return Ok(completion::run(&completion, printer)),
        Command::Man(man) => return man::run(&man, printer),
        _ => {}
    }
    let need = match arguments.command {
        Command::Claim(_) | Command::Configure(_) | Command::Context(_) | Command::Infra(_) => {
            ContextNeed::MayBeNew
        }
        _ => ContextNeed::Existing,
    };
    let app = App {
        environment,
        settings: Settings::resolve(&arguments.globals, environment, printer, need)?,
        printer: Arc::clone(printer),
    };
    let runtime = runtime(&app)?;
    let result = runtime.block_on(command(arguments.command, words, &app));
    // A read of the keyboard may still wait for a line that never comes.
    runtime.shutdown_background();
    app.printer.stop_spinner();
    if app.settings.is_local {
        result.map_err(Failure::without_server)
    } else {
        result
    }
}

/// One thread is enough for a client. The control plane of `--local` gets one of its own, so that a reader who is slow
/// to take our output cannot hold it up.
fn runtime(app: &App<'_>) -> Result<Runtime, Failure> {
    let mut builder = if app.settings.is_local {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    let built = builder.worker_threads(1).enable_all().build();
    built.map_err(|error| Failure::new("this process cannot start threads").because(&error))
}

async fn command(
    command: Command,
    words: Option<Words>,
    app: &App<'_>,
) -> Result<ExitStatus, Failure> {
    match command {
        Command::Claim(arguments) => limited(app, claim::run(arguments, app)).await,
        Command::Configure(arguments) => configure::run(arguments, app).await,
        Command::Context(arguments) => context::run(arguments, app),
        // A deployment takes as long as it takes; only a limit that was given ends the waiting.
        Command::Infra(arguments) => {
            bounded(app.settings.timeout, infra::run(arguments, app)).await
        }
        Command::Version => limited(app, version::run(app)).await,
        Command::Health => {
            connected(app, KeyNeed::Public, async |connection| {
                limited(app, health::run(app, &connection.api)).await
            })
            .await
        }
        Command::Run(arguments) => run::run(arguments, words, app).await,
        other => {
            connected(app, KeyNeed::Needed, async |connection| {
                with_api(other, app, connection).await
            })
            .await
        }
    }
}

async fn with_api(
    command: Command,
    app: &App<'_>,
    connection: &Connection,
) -> Result<ExitStatus, Failure> {
    let api = &connection.api;
    match command {
        Command::Logs(arguments) => logs::run(arguments, app, api).await,
        Command::Wait(arguments) => wait::run(arguments, app, api).await,
        Command::List(arguments) => limited(app, list::run(arguments, app, api)).await,
        Command::Status(arguments) => limited(app, status::run(arguments, app, api)).await,
        Command::Kill(arguments) => limited(app, kill::run(arguments, app, api)).await,
        Command::Locks(arguments) => limited(app, locks::run(arguments, app, api)).await,
        Command::Users(arguments) => limited(app, users::run(arguments, app, api)).await,
        Command::Audit(arguments) => limited(app, audit::run(arguments, app, api)).await,
        Command::Whoami => limited(app, whoami::run(app, api)).await,
        Command::Run(_)
        | Command::Claim(_)
        | Command::Configure(_)
        | Command::Context(_)
        | Command::Infra(_)
        | Command::Server(_)
        | Command::Completion(_)
        | Command::Man(_)
        | Command::Health
        | Command::Version => Err(Failure::new("this command needs no server")),
    }
}

/// Opens a connection for `work` and closes it whatever comes.
pub(crate) async fn connected<F>(
    app: &App<'_>,
    need: KeyNeed,
    work: F,
) -> Result<ExitStatus, Failure>
where
    F: AsyncFnOnce(&Connection) -> Result<ExitStatus, Failure>,
{
    closing(Connection::open(app, need).await?, work).await
}

/// Does the work and closes the connection whatever comes.
pub(crate) async fn closing<F>(connection: Connection, work: F) -> Result<ExitStatus, Failure>
where
    F: AsyncFnOnce(&Connection) -> Result<ExitStatus, Failure>,
{
    let result = work(&connection).await;
    let closed = connection.close().await;
    let status = result?;
    closed?;
    Ok(status)
}

/// Gives up when the time is up: as given, else ten minutes.
async fn limited(
    app: &App<'_>,
    work: impl Future<Output = Result<ExitStatus, Failure>>,
) -> Result<ExitStatus, Failure> {
    bounded(Some(app.settings.timeout.unwrap_or(DEFAULT_WAIT)), work).await
}

/// Gives up when the time is up, if there is a limit. Stops nothing.
pub(crate) async fn bounded(
    limit: Option<Duration>,
    work: impl Future<Output = Result<ExitStatus, Failure>>,
) -> Result<ExitStatus, Failure> {
    let Some(limit) = limit else {
        return work.await;
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let message = format!("gave up waiting after {}", duration::show(limit));
        Err(Failure::new(message)
            .hint("nothing was stopped; wait longer with --timeout DURATION")
            .exits(ExitStatus::TIMED_OUT))
    })
}

/// Shows data: `table` for people, else JSON or YAML.
pub(crate) fn show(
    app: &App<'_>,
    data: &impl Serialize,
    table: impl FnOnce() -> String,
) -> Result<ExitStatus, Failure> {
    let text = match app.settings.output {
        Format::Table | Format::Wide => table(),
        Format::Json => {
            let text = serde_json::to_string_pretty(data);
            text.map_err(|error| Failure::new("the data cannot be shown").because(&error))? + "\n"
        }
        Format::Yaml => serde_yaml_ng::to_string(data)
            .map_err(|error| Failure::new("the data cannot be shown").because(&error))?,
    };
    app.printer.data(&text);
    Ok(ExitStatus::SUCCESS)
}
