//! `runvoy audit`: who did what, and when.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use runvoy_client::api::{Api, AuditQuery};
use runvoy_core::user::UserEmail;
use runvoy_wire::audit::AuditView;

use super::show;
use crate::execution_ids::resolve;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::Table;
use crate::time;

const EXAMPLES: &str = "\
Examples:
  runvoy audit list --since 24h
  runvoy audit list --user alice@example.com --limit 200
  runvoy audit list --execution last -o json";

/// The most entries that one request asks for.
const PAGE: u32 = 100;

/// The audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the trail, newest first
    List(ListArguments),
}

/// Which part of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArguments {
    /// Only what concerns this person
    #[arg(long, value_name = "EMAIL", value_parser = UserEmail::from_typed)]
    user: Option<UserEmail>,
    /// Only what concerns this execution
    #[arg(long, value_name = "ID")]
    execution: Option<String>,
    /// Only since: `2h` (ago) or a moment such as 2025-10-30T13:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = time::parse_since)]
    since: Option<Timestamp>,
    /// How many entries at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Shows it.
pub(crate) async fn run(
    command: AuditCommand,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let AuditCommand::List(arguments) = command;
    let execution = match &arguments.execution {
        Some(text) => Some(resolve(api, text).await?),
        None => None,
    };
    let mut query = AuditQuery {
        user: arguments.user.map(String::from),
        execution,
        since: arguments.since.map(|at| at.to_string()),
        limit: Some(arguments.limit.min(PAGE)),
        cursor: None,
    };
    let wanted = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    loop {
        let page = api.audit(&query).await?;
        items.extend(page.items);
        query.cursor = page.next;
        if items.len() >= wanted || query.cursor.is_none() {
            break;
        }
    }
    items.truncate(wanted);
    show(app, &items, || table(app, &items))
}

fn table(app: &App<'_>, items: &[AuditView]) -> String {
    let time = app.settings.clock.head("Time");
    let mut table = Table::new([
        &time,
        "Who",
        "What",
        "Execution",
        "User",
        "Request",
        "Details",
    ]);
    for item in items {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        table.row(&[
            app.settings.clock.show(item.at),
            item.principal.clone(),
            item.action.clone(),
            text(&item.execution_id),
            text(&item.user),
            text(&item.request_id),
            item.details.clone(),
        ]);
    }
    table.render(app.printer.style().out_draws)
}
