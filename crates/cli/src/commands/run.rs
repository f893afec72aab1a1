//! `runvoy run`: runs a command, streams its output, exits with its code.

mod opening;
mod report;
mod request;
mod result_file;
mod variables;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use runvoy_client::api::Api;
use runvoy_core::duration;
use runvoy_core::lock::LockName;
use runvoy_wire::execution::{RunRequest, RunResponse};

use super::closing;
use super::result::RunResult;
use crate::connection::{Connection, KeyNeed};
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::local::LocalPlace;
use crate::settings::App;
use crate::signals::{HangUps, Signals};
use crate::words::Words;

use result_file::ResultFile;
use watch::Watch;

const USAGE: &str = "runvoy run [OPTIONS] \"SCRIPT\" [OPTIONS]
       runvoy run [OPTIONS] PROGRAM [ARGUMENTS]...
       runvoy run [OPTIONS] -- PROGRAM [ARGUMENTS]...";

const EXAMPLES: &str = "\
Options come before the command. A first word with spaces or shell characters is a script for /bin/sh, and only
options may follow it; otherwise everything that follows belongs to the command. After -- nothing is a script.

Exit codes: the command's own; 124 timed out; 130 cancelled; 125 runvoy, the network or the place failed;
75 lock busy; 77 not permitted; 2 usage.

Examples:
  runvoy --local run \"echo hello world\"
  runvoy --local run --image alpine:3.22 \"cat /etc/os-release\"
  runvoy run --lock prod \"terraform apply -auto-approve\"
  runvoy run -e REGION=eu-west-1 --secret-env TOKEN -- ./deploy.sh --all
  id=$(runvoy run -d --timeout 2h \"make nightly\") && runvoy wait $id";

/// How to run it.
#[derive(Debug, Default, Args)]
#[command(override_usage = USAGE, after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct RunArguments {
    /// Run in a container of this image; under --local by this machine's Docker Engine
    #[arg(long, value_name = "REF")]
    image: Option<String>,
    /// Processor share of the container
    #[arg(long, value_name = "UNITS")]
    cpu: Option<String>,
    /// Memory of the container
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Hold this lock while running: one execution at a time
    #[arg(long, value_name = "NAME")]
    lock: Option<LockName>,
    /// Fail at once (75) where the lock is held
    #[arg(long, requires = "lock", conflicts_with = "lock_timeout")]
    no_wait: bool,
    /// Longest wait for the lock [default: 1h]
    #[arg(long, value_name = "DURATION", requires = "lock", value_parser = duration::parse)]
    lock_timeout: Option<Duration>,
    /// Time between being asked to stop and being killed [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    grace: Option<Duration>,
    /// Directory to run in
    #[arg(long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set a variable for the command; without a value, pass on yours
    #[arg(short, long, value_name = "K[=V]")]
    env: Vec<String>,
    /// Set variables from a file of K=V lines
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Pass on a variable of yours as a secret: masked in the output
    #[arg(long, value_name = "K")]
    secret_env: Vec<String>,
    /// Print the id and leave it running
    #[arg(short, long)]
    detach: bool,
    /// Only the command's own output
    #[arg(short, long)]
    quiet: bool,
    /// Write id, status, reason and code to this file as JSON
    #[arg(long, value_name = "FILE")]
    result_file: Option<PathBuf>,
    /// Number and time before each line
    #[arg(short, long)]
    timestamps: bool,
}

/// Runs it.
pub(crate) async fn run(
    arguments: RunArguments,
    words: Option<Words>,
    app: &App<'_>,
) -> Result<ExitStatus, Failure> {
    let Some(words) = words else {
        return Err(
            Failure::usage("there is no command to run").hint("runvoy run \"echo hello world\"")
        );
    };
    check_place(&arguments, app)?;
    let request = request::build(&arguments, words, app)?;
    let result_file = arguments
        .result_file
        .as_deref()
        .map(ResultFile::prepare)
        .transpose()?;
    let hang_ups = if app.settings.is_local {
        HangUps::Heard
    } else {
        HangUps::End
    };
    let mut signals = Signals::listen(hang_ups)?;
    let place = match arguments.image {
        Some(_) => LocalPlace::Container,
        None => LocalPlace::Process,
    };
    if arguments.quiet {
        app.printer.hush();
    }
    let connection = Connection::open_to_run(app, KeyNeed::Needed, place).await?;
    closing(connection, async |connection| {
        opening::before(&arguments, &request, app);
        let asked = submit(&connection.api, &request, &mut signals, app).await?;
        started(&arguments, app, connection, asked, signals, result_file).await
    })
    .await
}

/// Refuses what `--local` cannot do.
fn check_place(arguments: &RunArguments, app: &App<'_>) -> Result<(), Failure> {
    if !app.settings.is_local {
        return Ok(());
    }
    if arguments.detach {
        return Err(Failure::usage(
            "--local has nothing to detach to: the run ends with this command",
        )
        .hint("runs that outlive the terminal need a server:  runvoy server"));
    }
    if arguments.image.is_none() && (arguments.cpu.is_some() || arguments.memory.is_some()) {
        return Err(
            Failure::usage("--local bounds processor and memory of containers alone")
                .hint("run it in a container:  the same command with --image REF"),
        );
    }
    Ok(())
}

/// What was accepted, and whether Ctrl-C came meanwhile.
struct Asked {
    response: RunResponse,
    is_stop_asked: bool,
}

/// Submits; a first Ctrl-C waits for the answer, for only then is it known what to stop.
async fn submit(
    api: &Api,
    request: &RunRequest,
    signals: &mut Signals,
    app: &App<'_>,
) -> Result<Asked, Failure> {
    let key = idempotency_key()?;
    let mut answer = std::pin::pin!(api.run(request, &key));
    let mut is_stop_asked = false;
    loop {
        tokio::select! {
            response = &mut answer => {
                return Ok(Asked { response: response?, is_stop_asked });
            }
            _ = signals.next() => {
                if is_stop_asked {
                    return Err(Failure::new("stopped before the server answered; it may run all the same")
                        .hint("runvoy list --mine")
                        .exits(ExitStatus::CANCELLED));
                }
                is_stop_asked = true;
                app.printer.note("stopping as soon as the server has answered; Ctrl-C again to leave");
            }
        }
    }
}

async fn started(
    arguments: &RunArguments,
    app: &App<'_>,
    connection: &Connection,
    asked: Asked,
    signals: Signals,
    result_file: Option<ResultFile>,
) -> Result<ExitStatus, Failure> {
    let response = &asked.response;
    if let Some(file) = &result_file {
        file.write(&RunResult::of_response(response))?;
    }
    opening::after(arguments, response, app);
    if arguments.detach {
        if asked.is_stop_asked {
            connection.api.kill(&response.execution_id).await?;
        }
        app.printer
            .data_line(&crate::escape::field(&response.execution_id));
        return Ok(ExitStatus::SUCCESS);
    }
    let watch = Watch::new(arguments, app, connection, response, signals);
    let ended = watch.until_the_end(asked.is_stop_asked).await?;
    match ended {
        watch::Ended::Detached => Ok(ExitStatus::CANCELLED),
        watch::Ended::Over(view) => {
            report::show(&view, arguments.quiet, app);
            if let Some(file) = &result_file {
                file.write(&RunResult::of_view(&view))?;
            }
            Ok(super::wait::exit_of(&view))
        }
    }
}

/// A name for this one request, so that it can be repeated.
fn idempotency_key() -> Result<String, Failure> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::new("the system gives no random numbers").because_of(error.to_string())
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}
