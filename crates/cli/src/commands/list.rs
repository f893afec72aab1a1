//! `runvoy list`: executions, newest first.

use clap::Args;
use runvoy_client::api::{Api, ListQuery};
use runvoy_core::duration;
use runvoy_core::execution::Status;
use runvoy_core::lock::LockName;
use runvoy_core::user::UserEmail;
use runvoy_wire::execution::ExecutionView;

use super::show;
use crate::arguments::Format;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::{Table, cut};

const EXAMPLES: &str = "\
Examples:
  runvoy list --mine
  runvoy list --status RUNNING,QUEUED -o wide
  runvoy list --lock prod --limit 50
  runvoy list -q --status FAILED";

/// The most executions that one request asks for.
const PAGE: u32 = 100;

/// Which executions, and how many.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArguments {
    /// Only your own
    #[arg(long, conflicts_with = "user")]
    mine: bool,
    /// Only with one of these statuses
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Status>,
    /// Only those that asked for this lock
    #[arg(long, value_name = "NAME", conflicts_with_all = ["mine", "user"])]
    lock: Option<LockName>,
    /// Only this person's
    #[arg(long, value_name = "EMAIL", value_parser = UserEmail::from_typed)]
    user: Option<UserEmail>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
}

/// Lists.
pub(crate) async fn run(
    arguments: ListArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let is_quiet = arguments.quiet;
    if is_quiet {
        app.printer.hush();
    }
    let items = fetch(arguments, api).await?;
    if is_quiet {
        for item in &items {
            app.printer
                .data_line(&crate::escape::field(&item.execution_id));
        }
        return Ok(ExitStatus::SUCCESS);
    }
    show(app, &items, || table(app, &items))
}

/// Reads page by page until there are enough.
async fn fetch(arguments: ListArguments, api: &Api) -> Result<Vec<ExecutionView>, Failure> {
    let limit = arguments.limit;
    let mut query = ListQuery {
        limit: Some(limit.min(PAGE)),
        cursor: None,
        status: arguments.status.iter().map(ToString::to_string).collect(),
        user: arguments.user.map(String::from),
        lock: arguments.lock.map(String::from),
    };
    if arguments.mine {
        query.user = Some(api.whoami().await?.email);
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    loop {
        let page = api.executions(&query).await?;
        items.extend(page.items);
        query.cursor = page.next;
        if items.len() >= wanted || query.cursor.is_none() {
            items.truncate(wanted);
            return Ok(items);
        }
        let missing = u32::try_from(wanted - items.len()).unwrap_or(PAGE);
        query.limit = Some(missing.min(PAGE));
    }
}

fn table(app: &App<'_>, items: &[ExecutionView]) -> String {
    let clock = app.settings.clock;
    let is_wide = app.settings.output == Format::Wide;
    let mut heads = vec![
        "Execution ID".to_owned(),
        "Status".to_owned(),
        "Command".to_owned(),
        clock.head("Started"),
        clock.head("Completed"),
        "Duration".to_owned(),
        "Cloud".to_owned(),
    ];
    if is_wide {
        heads.extend(["User", "Image", "Lock", "Exit", "Cost"].map(ToOwned::to_owned));
    }
    let mut table = Table::new(heads);
    for item in items {
        let mut cells = vec![
            item.execution_id.clone(),
            item.status.clone(),
            if is_wide {
                item.command.clone()
            } else {
                cut(&item.command)
            },
            started(app, item).unwrap_or_default(),
            item.completed_at
                .map(|at| clock.show(at))
                .unwrap_or_default(),
            took(item).unwrap_or_default(),
            item.cloud.clone(),
        ];
        if is_wide {
            cells.extend([
                item.user_email.clone(),
                item.image_id.clone(),
                item.lock_name.clone().unwrap_or_default(),
                item.exit_code
                    .map(|code| code.to_string())
                    .unwrap_or_default(),
                cost(item).unwrap_or_default(),
            ]);
        }
        table.row(&cells);
    }
    table.render(app.printer.style().out_draws)
}

/// When the command was started; nothing before that.
pub(crate) fn started(app: &App<'_>, item: &ExecutionView) -> Option<String> {
    let has_begun = !matches!(item.status.as_str(), "QUEUED" | "STARTING");
    has_begun.then(|| app.settings.clock.show(item.started_at))
}

/// How long it ran, once it is over.
pub(crate) fn took(item: &ExecutionView) -> Option<String> {
    item.completed_at?;
    let seconds = std::time::Duration::from_secs(item.duration_seconds);
    Some(duration::show(seconds))
}

/// What it cost.
pub(crate) fn cost(item: &ExecutionView) -> Option<String> {
    let sign = if item.cost_is_estimate { "~$" } else { "$" };
    item.cost_usd.as_ref().map(|cost| format!("{sign}{cost}"))
}
