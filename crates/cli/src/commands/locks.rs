//! `runvoy locks`: who holds what, who waits, and taking a lock away.

use clap::{Args, Subcommand};
use runvoy_client::api::Api;
use runvoy_client::api_error::ApiError;
use runvoy_core::lock::LockName;
use runvoy_wire::error::ErrorCode;
use runvoy_wire::lock::{LockView, ReleaseRequest};

use super::show;
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::{Table, fields};

const LIST_EXAMPLES: &str = "Examples:\n  runvoy locks list\n  runvoy locks list -o json";
const SHOW_EXAMPLES: &str = "Examples:\n  runvoy locks show prod";
const RELEASE_EXAMPLES: &str = "\
A lock is freed by itself when its holder has ended. Taking it away is for a holder that cannot be reached.

Examples:
  runvoy locks release prod --force --reason \"host-7 burnt down\"
  runvoy locks release prod --force --even-if-running --reason \"checked: it hangs\"";

/// What to do with locks.
#[derive(Debug, Subcommand)]
pub(crate) enum LocksCommand {
    /// Show all locks
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Show one lock and its line
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArguments),
    /// Take a lock from its holder
    Release(ReleaseArguments),
}

/// Which lock.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The lock
    name: LockName,
}

/// Which lock, and how firmly.
#[derive(Debug, Args)]
#[command(after_help = RELEASE_EXAMPLES)]
pub(crate) struct ReleaseArguments {
    /// The lock
    name: LockName,
    /// Take it from a holder that cannot be reached
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why; kept in the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Hand it on although its holder runs: two may run at once then
    #[arg(long, requires = "force")]
    even_if_running: bool,
}

/// Does it.
pub(crate) async fn run(
    command: LocksCommand,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    match command {
        LocksCommand::List => {
            let locks = api.locks().await?;
            show(app, &locks, || table(app, &locks))
        }
        LocksCommand::Show(arguments) => {
            let lock = api.lock(arguments.name.as_str()).await?;
            show(app, &lock, || details(app, &lock))
        }
        LocksCommand::Release(arguments) => release(arguments, app, api).await,
    }
}

fn table(app: &App<'_>, locks: &[LockView]) -> String {
    let since = app.settings.clock.head("Since");
    let mut table = Table::new([
        "Lock", "Holder", "User", "Status", &since, "Waiting", "Fence",
    ]);
    for lock in locks {
        let holder = lock.holder.as_ref();
        let text = |text: Option<String>| text.unwrap_or_default();
        table.row(&[
            lock.name.clone(),
            text(holder.map(|holder| holder.execution_id.clone())),
            text(holder.and_then(|holder| holder.user.clone())),
            text(holder.and_then(|holder| holder.status.clone())),
            text(holder.map(|holder| app.settings.clock.show(holder.since))),
            lock.waiting.to_string(),
            lock.fence.to_string(),
        ]);
    }
    table.render(app.printer.style().out_draws)
}

fn details(app: &App<'_>, lock: &LockView) -> String {
    let clock = app.settings.clock;
    let holder = lock.holder.as_ref();
    let free = "nobody".to_owned();
    let mut text = fields(&[
        ("Lock", Some(lock.name.clone())),
        (
            "Holder",
            Some(holder.map_or(free, |holder| holder.execution_id.clone())),
        ),
        ("User", holder.and_then(|holder| holder.user.clone())),
        ("Status", holder.and_then(|holder| holder.status.clone())),
        ("Since", holder.map(|holder| clock.show(holder.since))),
        (
            "Unreachable since",
            holder.and_then(|holder| Some(clock.show(holder.unreachable_since?))),
        ),
        ("Fence", Some(lock.fence.to_string())),
        ("Waiting", Some(lock.waiting.to_string())),
    ]);
    if !lock.queue.is_empty() {
        let mut table = Table::new(["Position", "Execution ID", &clock.head("Since")]);
        for waiter in &lock.queue {
            table.row(&[
                waiter.position.to_string(),
                waiter.execution_id.clone(),
                clock.show(waiter.since),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render(app.printer.style().out_draws));
    }
    text
}

async fn release(
    arguments: ReleaseArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let name = arguments.name.as_str();
    let request = ReleaseRequest {
        force: arguments.force,
        reason: arguments.reason.clone(),
        even_if_running: arguments.even_if_running,
    };
    let answer = match api.release(name, &request).await {
        Ok(answer) => answer,
        Err(error) => return Err(refused(error, &arguments, api).await),
    };
    show(app, &answer, || {
        let from = escape::field(&answer.released_from);
        format!(
            "{name} was taken from {from}\n{}\n",
            escape::field(&answer.message)
        )
    })
}

/// A refusal, with what to type to stop the holder, and what to type where that is not possible. Who used force
/// already is told by the server what is missing.
async fn refused(error: ApiError, arguments: &ReleaseArguments, api: &Api) -> Failure {
    let is_held = error.code() == Some(&ErrorCode::LockHeld);
    let mut failure = Failure::from(error);
    if !is_held || arguments.force {
        return failure;
    }
    let name = arguments.name.as_str();
    failure.hints.clear();
    let holder = api.lock(name).await.ok().and_then(|lock| lock.holder);
    if let Some(holder) = holder {
        let id = &holder.execution_id;
        let user = holder.user.map(|user| format!(" of {user}"));
        failure = failure
            .because_of(format!("{id}{} holds it", user.unwrap_or_default()))
            .hint(format!("stop it, which frees the lock:  runvoy kill {id}"));
    }
    failure.hint(format!(
        "where it cannot be reached:     runvoy locks release {name} --force --reason TEXT"
    ))
}
