//! `runvoy infra status`.

use std::time::Duration;

use jiff::Timestamp;
use runvoy_infra::{Infra, Status};

use super::view::StatusView;
use super::{Target, show};
use crate::commands;
use crate::connection::remote;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::fields;

/// A control plane that is well answers at once; one that was not called for long takes a moment.
const HEALTH_LIMIT: Duration = Duration::from_secs(15);

/// Looks and shows; fails where there is no deployment.
pub(super) async fn run(target: &Target, app: &App<'_>) -> Result<ExitStatus, Failure> {
    let infra = show::connect(target, app).await?;
    app.printer.spin("looking at what is there");
    let status = infra.status().await?;
    if status.stack.is_none() {
        return Err(absent(&infra, &status));
    }
    let endpoint = output(&status, "ApiUrl").map(|url| url.trim_end_matches('/').to_owned());
    let health = match &endpoint {
        Some(endpoint) => health(endpoint, app).await,
        None => "unknown: the stack tells no address".to_owned(),
    };
    app.printer.stop_spinner();
    let view = view(&infra, &status, endpoint, health);
    commands::show(app, &view, || table(&view, app))
}

fn absent(infra: &Infra, status: &Status) -> Failure {
    let account = infra.account();
    let failure = Failure::new(format!(
        "there is no deployment {} in {} of account {}",
        infra.project(),
        account.region,
        account.id
    ));
    let failure = if status.remains.is_empty() {
        failure
    } else {
        failure.because_of(format!("an earlier one left {}", status.remains.join(", ")))
    };
    failure
        .hint("another one:  --project NAME, --region REGION")
        .hint("make it:      runvoy infra apply")
}

async fn health(endpoint: &str, app: &App<'_>) -> String {
    let api = match remote(app, endpoint, None) {
        Ok(api) => api,
        Err(failure) => return failure.message,
    };
    match tokio::time::timeout(HEALTH_LIMIT, api.health()).await {
        Ok(Ok(_)) => "well".to_owned(),
        Ok(Err(error)) => format!("ill: {error}"),
        Err(_) => "ill: no answer".to_owned(),
    }
}

fn output(status: &Status, name: &str) -> Option<String> {
    status.stack.as_ref()?.outputs.get(name).cloned()
}

fn view(infra: &Infra, status: &Status, endpoint: Option<String>, health: String) -> StatusView {
    let stack = status.stack.as_ref();
    let changed_at = stack.and_then(|stack| stack.changed_at);
    let missing = || "missing".to_owned();
    StatusView {
        project: infra.project().to_string(),
        account: infra.account().id.clone(),
        region: infra.account().region.clone(),
        stack: stack.map_or_else(missing, |stack| stack.status.clone()),
        reason: stack.and_then(|stack| stack.reason.clone()),
        changed_at: changed_at.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        bootstrap: status
            .bootstrap
            .as_ref()
            .map_or_else(missing, |stack| stack.status.clone()),
        version: output(status, "Version"),
        cli_version: env!("CARGO_PKG_VERSION").to_owned(),
        api_endpoint: endpoint,
        agent_endpoint: output(status, "AgentUrl"),
        health,
        running_tasks: status.running_tasks,
        open_executions: status.open_executions,
        default_task_role: output(status, "DefaultTaskRoleArn"),
    }
}

fn table(view: &StatusView, app: &App<'_>) -> String {
    let count = |count: Option<usize>| count.map(|count| count.to_string());
    let changed = view.changed_at.map(|at| app.settings.clock.show(at));
    fields(&[
        ("Stack", Some(view.stack.clone())),
        ("Reason", view.reason.clone()),
        ("Changed", changed),
        ("Bootstrap", Some(view.bootstrap.clone())),
        ("Version", view.version.clone()),
        ("CLI", Some(view.cli_version.clone())),
        ("Endpoint", view.api_endpoint.clone()),
        ("Agents' endpoint", view.agent_endpoint.clone()),
        ("Health", Some(view.health.clone())),
        ("Running tasks", count(view.running_tasks)),
        ("Open executions", count(view.open_executions)),
        ("Commands' role", view.default_task_role.clone()),
    ])
}
