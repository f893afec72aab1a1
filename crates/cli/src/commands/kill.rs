//! `runvoy kill`: stops executions.

use clap::Args;
use runvoy_client::api::Api;

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
    for text in &arguments.ids {
        if let Err(failure) = kill(text, arguments.wait, app, api).await {
            worst = app.printer.failure(&failure);
        }
    }
    Ok(worst)
}

async fn kill(text: &str, waits: bool, app: &App<'_>, api: &Api) -> Result<(), Failure> {
    let id = resolve(api, text).await?;
    let answer = api.kill(&id).await.map_err(|error| missing(error, &id))?;
    match answer {
        Some(answer) => {
            let status = escape::field(&answer.status).into_owned();
            let message = escape::field(&answer.message).into_owned();
            app.printer.data_line(&format!("{id}  {status}"));
            app.printer.person(&message);
        }
        None => app.printer.note(&format!("{id} was over already")),
    }
    if waits {
        let view = ended(api, &id).await?;
        app.printer.note(&format!("{id}: {}", outcome_of(&view)));
    }
    Ok(())
}
