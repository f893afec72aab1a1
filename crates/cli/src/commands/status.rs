//! `runvoy status`: one execution.

use clap::Args;
use runvoy_client::api::Api;
use runvoy_core::duration;
use runvoy_wire::execution::{ExecutionView, QueueView};

use super::list::{cost, started, took};
use super::show;
use crate::execution_ids::resolve;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::fields;

const EXAMPLES: &str = "\
Examples:
  runvoy status last
  runvoy status 72f57686926e4becb89116b0ac72caec
  runvoy status 72caec -o json";

/// Which execution.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArguments {
    /// An id, its last 6 characters, or `last`
    #[arg(value_name = "ID")]
    id: String,
}

/// Shows it.
pub(crate) async fn run(
    arguments: StatusArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let id = resolve(api, &arguments.id).await?;
    let view = api
        .execution(&id)
        .await
        .map_err(|error| missing(error, &id))?;
    show(app, &view, || details(app, &view))
}

/// A refusal of an id, with what to type next.
pub(crate) fn missing(error: runvoy_client::api_error::ApiError, id: &str) -> Failure {
    let is_missing = error.status() == Some(404) && error.body().is_some();
    let failure = Failure::from(error);
    if is_missing {
        return failure
            .because_of(format!(
                "there is no execution {id}, or it is somebody else's"
            ))
            .hint("see which there are:  runvoy list");
    }
    failure
}

fn details(app: &App<'_>, view: &ExecutionView) -> String {
    let clock = app.settings.clock;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let limit = std::time::Duration::from_secs(view.timeout_seconds);
    fields(&[
        ("Execution ID", some(&view.execution_id)),
        ("Status", some(&view.status)),
        ("Phase", view.phase.clone()),
        ("Reason", view.reason.clone()),
        ("Message", view.message.clone()),
        ("Exit code", view.exit_code.map(|code| code.to_string())),
        ("Command", some(&view.command)),
        ("Image", some(&view.image_id)),
        ("User", some(&view.user_email)),
        ("Lock", view.lock_name.as_ref().map(|name| lock(name, view))),
        ("Queue", view.queue.as_ref().map(|queue| queued(app, queue))),
        ("Environment", names(&view.env)),
        ("Secrets", names(&view.secret_env)),
        ("Created", Some(clock.show(view.created_at))),
        ("Started", started(app, view)),
        ("Completed", view.completed_at.map(|at| clock.show(at))),
        ("Duration", took(view)),
        ("Time limit", Some(duration::show(limit))),
        (
            "Unreachable since",
            view.unreachable_since.map(|at| clock.show(at)),
        ),
        ("Cloud", some(&view.cloud)),
        ("Cost", cost(view).map(|cost| priced(cost, view))),
        ("Request", some(&view.request_id)),
    ])
}

/// The address is billed apart, and its price is known.
fn priced(cost: String, view: &ExecutionView) -> String {
    match &view.public_ipv4_usd {
        Some(address) => format!("{cost} + ${address} for its public IPv4 address"),
        None => cost,
    }
}

fn names(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

fn lock(name: &str, view: &ExecutionView) -> String {
    let fence = view.lock_fence.map(|fence| format!(" (fence {fence})"));
    let lost = if view.lock_lost {
        ", taken from it by force"
    } else {
        ""
    };
    format!("{name}{}{lost}", fence.unwrap_or_default())
}

/// A place in the line of a lock, for people.
pub(crate) fn queued(app: &App<'_>, queue: &QueueView) -> String {
    let clock = app.settings.clock;
    let holder = queue.holder.as_ref().map(|holder| {
        let since = queue
            .held_since
            .map(|at| format!(" since {}", clock.show(at)));
        format!("; held by {holder}{}", since.unwrap_or_default())
    });
    format!(
        "position {} for lock {}{}; waits until {}",
        queue.position,
        queue.lock,
        holder.unwrap_or_default(),
        clock.show(queue.deadline),
    )
}
