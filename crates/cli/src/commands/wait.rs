//! `runvoy wait`: waits for executions to end and exits as they did.

use std::time::Duration;

use clap::Args;
use runvoy_client::api::Api;
use runvoy_core::execution::Status;
use runvoy_core::outcome::{Reason, cli_exit_code};
use runvoy_wire::execution::ExecutionView;

use super::result::RunResult;
use super::status::missing;
use super::{bounded, show};
use crate::execution_ids::resolve;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::follow::{Follow, Step, Waiting};
use crate::settings::App;

const EXAMPLES: &str = "\
Examples:
  runvoy wait last
  runvoy wait $(runvoy run -d \"make all\") --timeout 1h";

/// Between two looks at an execution whose log is complete but whose end is not recorded yet.
const PAUSE: Duration = Duration::from_millis(200);

/// Which executions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WaitArguments {
    /// Ids, their last 6 characters, or `last`
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// Waits for all; exits as the first did that did not succeed.
pub(crate) async fn run(
    arguments: WaitArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    bounded(app.settings.timeout, async {
        let mut first = ExitStatus::SUCCESS;
        let mut results = Vec::new();
        for text in &arguments.ids {
            let id = resolve(api, text).await?;
            let view = ended(api, &id).await?;
            app.printer.person(&format!("{id}: {}", outcome_of(&view)));
            if first == ExitStatus::SUCCESS {
                first = exit_of(&view);
            }
            results.push(RunResult::of_view(&view));
        }
        show(app, &results, String::new)?;
        Ok(first)
    })
    .await
}

/// The execution, once it has ended. Waits on its log, which closes with it; entries are passed over.
pub(crate) async fn ended(api: &Api, id: &str) -> Result<ExecutionView, Failure> {
    let view = api
        .execution(id)
        .await
        .map_err(|error| missing(error, id))?;
    if is_over(&view) {
        return Ok(view);
    }
    let mut follow = Follow::new(api, id).of_known();
    while !matches!(follow.next(Waiting::ForMore).await?, Step::Page(page) if page.complete) {}
    recorded(api, id).await
}

/// The execution with its end, which is recorded no later than its log closes.
pub(crate) async fn recorded(api: &Api, id: &str) -> Result<ExecutionView, Failure> {
    loop {
        match api.execution(id).await {
            Ok(view) if is_over(&view) => return Ok(view),
            Err(error) if !error.is_passing() => return Err(error.into()),
            Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn is_over(view: &ExecutionView) -> bool {
    let status = view.status.parse::<Status>();
    status.is_ok_and(Status::is_terminal)
}

/// What a command line that ran it exits with.
pub(crate) fn exit_of(view: &ExecutionView) -> ExitStatus {
    match reason_of(view) {
        Some(reason) => ExitStatus::of_command(cli_exit_code(reason, view.exit_code)),
        None => ExitStatus::FAILED,
    }
}

/// Why it ended, if this version knows the reason.
pub(crate) fn reason_of(view: &ExecutionView) -> Option<Reason> {
    view.reason.as_deref()?.parse().ok()
}

/// How it ended, in a few words that follow "the command" as well as an id and a colon.
pub(crate) fn outcome_of(view: &ExecutionView) -> String {
    match (reason_of(view), view.exit_code) {
        (Some(Reason::Exited), Some(code)) => format!("exited with {code}"),
        (Some(Reason::Signaled), Some(code)) => format!("was ended by signal {}", code - 128),
        (Some(Reason::OutOfMemory), _) => "ran out of memory".to_owned(),
        (Some(Reason::TimedOut), _) => "timed out".to_owned(),
        (Some(Reason::Cancelled), _) => "was cancelled".to_owned(),
        (Some(Reason::LaunchFailed), _) => "could not be started".to_owned(),
        (Some(Reason::AgentLost), _) => "was lost: its agent vanished without a word".to_owned(),
        (Some(Reason::Interrupted), _) => "was interrupted: its place was taken away".to_owned(),
        (Some(Reason::LockTimeout), _) => "waited too long for its lock".to_owned(),
        (Some(Reason::Denied), _) => {
            "was denied: when its turn came, it was not permitted any more".to_owned()
        }
        (Some(Reason::Exited | Reason::Signaled) | None, _) => view.status.to_lowercase(),
    }
}
