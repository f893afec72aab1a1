//! `runvoy kill`: stops executions.

use clap::Args;
use runvoy_client::api::Api;
use runvoy_wire::execution::KillResponse;

use super::result::RunResult;
use super::show;
use super::status::missing;
use super::wait::{ended, outcome_of};
use crate::escape;
use crate::execution_ids::resolve;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;

const EXAMPLES: &str = "\
Examples:
  runvoy kill last
  runvoy kill 72caec 5d0e11 --wait";

/// Which executions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KillArguments {
    /// Ids, their last 6 characters, or `last`
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Wait until they have ended
    #[arg(long)]
    wait: bool,
}

/// Stops each; one that cannot be stopped does not keep the others from it.
pub(crate) async fn run(
    arguments: KillArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let mut worst = ExitStatus::SUCCESS;
    let mut results = Vec::new();
    for text in &arguments.ids {
        match kill(text, arguments.wait, app, api).await {
            Ok(result) => results.extend(result),
            Err(failure) => worst = app.printer.failure(&failure),
        }
    }
    // For people each line was there as soon as it was true.
    show(app, &results, String::new)?;
    Ok(worst)
}

/// Stops one. What became of it is only asked for where somebody reads it.
async fn kill(
    text: &str,
    waits: bool,
    app: &App<'_>,
    api: &Api,
) -> Result<Option<RunResult>, Failure> {
    let id = resolve(api, text).await?;
    let answer = api.kill(&id).await.map_err(|error| missing(error, &id))?;
    let is_read = app.settings.is_machine_output();
    match &answer {
        Some(answer) if !is_read => say(&id, answer, app),
        Some(_) => {}
        None => app.printer.note(&format!("{id} was over already")),
    }
    if waits {
        let view = ended(api, &id).await?;
        app.printer.note(&format!("{id}: {}", outcome_of(&view)));
        return Ok(Some(RunResult::of_view(&view)));
    }
    match answer {
        Some(answer) => Ok(Some(RunResult::of_kill(&answer))),
        None if is_read => Ok(Some(RunResult::of_view(&api.execution(&id).await?))),
        None => Ok(None),
    }
}

fn say(id: &str, answer: &KillResponse, app: &App<'_>) {
    let status = escape::field(&answer.status);
    app.printer.data_line(&format!("{id}  {status}"));
    app.printer.person(&escape::field(&answer.message));
}
