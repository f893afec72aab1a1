//! Turns records into what the API shows.

use runvoy_app::{App, LockDetail, QueuePlace, UserDetail};
use runvoy_core::audit::AuditEntry;
use runvoy_core::execution::{Execution, LaunchStep, State};
use runvoy_core::log::Entry;
use runvoy_core::money::Money;
use runvoy_wire::audit::AuditView;
use runvoy_wire::execution::{ExecutionView, QueueView};
use runvoy_wire::lock::{HolderView, LockView, WaiterView};
use runvoy_wire::log::LogEventView;
use runvoy_wire::user::UserView;

/// The image that it runs in; empty where it runs in none.
pub(crate) fn image(execution: &Execution) -> String {
    let container = execution.submission().container.as_ref();
    container.map_or_else(String::new, |container| container.image.to_string())
}

pub(crate) fn execution(app: &App, execution: &Execution) -> ExecutionView {
    let cloud = app.provider_of(execution);
    let cost = app.cost(execution);
    let submission = execution.submission();
    let ended = execution.ended();
    let started_at = execution
        .started()
        .map_or(submission.created_at, |started| started.at);
    let completed_at = ended.map(|(_, at)| at);
    let duration = completed_at.map_or(0, |at| at.duration_since(started_at).as_secs());
    ExecutionView {
        execution_id: execution.id().to_string(),
        created_by: submission.created_by.to_string(),
        user_email: submission.created_by.to_string(),
        command: submission.command.to_string(),
        image_id: image(execution),
        lock_name: submission.lock.as_ref().map(|lock| lock.name.to_string()),
        lock_fence: execution.fence().map(runvoy_core::lock::Fence::number),
        lock_lost: execution.is_lock_lost(),
        status: execution.status().to_string(),
        phase: phase(app, execution),
        waiting_for: matches!(execution.state(), State::Queued).then(|| "lock".to_owned()),
        queue: None,
        reason: ended.map(|(outcome, _)| outcome.reason().as_str().to_owned()),
        message: ended
            .and_then(|(outcome, _)| outcome.words())
            .or(execution.launch_words())
            .map(str::to_owned),
        exit_code: ended.and_then(|(outcome, _)| outcome.exit_code()),
        created_at: submission.created_at,
        started_at,
        completed_at,
        duration_seconds: u64::try_from(duration).unwrap_or_default(),
        timeout_seconds: submission.timeout.as_secs(),
        env: submission
            .env_names
            .iter()
            .map(ToString::to_string)
            .collect(),
        secret_env: submission
            .secret_names
            .iter()
            .map(ToString::to_string)
            .collect(),
        cost_usd: cost.map(|cost| dollars(cost.amount)),
        cost_is_estimate: cost.is_some_and(|cost| cost.is_estimate),
        public_ipv4_usd: cost.and_then(|cost| cost.public_ipv4).map(dollars),
        unreachable_since: execution.unreachable_since(),
        request_id: submission.request_id.to_string(),
        created_by_request_id: submission.request_id.to_string(),
        cloud: cloud.to_owned(),
        compute_platform: cloud.to_owned(),
    }
}

/// An amount without its sign: `0.000247`.
fn dollars(amount: Money) -> String {
    amount.to_string().trim_start_matches('$').to_owned()
}

/// What an execution is doing, for people; nothing once it is over.
pub(crate) fn phase(app: &App, execution: &Execution) -> Option<String> {
    let phase = match execution.state() {
        State::Queued => {
            let lock = execution
                .submission()
                .lock
                .as_ref()
                .map(|lock| lock.name.to_string());
            format!("waiting for the lock {}", lock.unwrap_or_default())
        }
        State::Starting {
            step: LaunchStep::Due { .. },
            ..
        } if execution.attempt().is_some() => "trying to start again".to_owned(),
        State::Starting { .. } => app
            .progress(execution)
            .unwrap_or_else(|| "starting".to_owned()),
        State::Running { .. } => "running".to_owned(),
        State::Terminating { .. } => "stopping".to_owned(),
        State::Ended { .. } => return None,
    };
    Some(match execution.unreachable_since() {
        Some(since) => format!("{phase}, unreachable since {since:.0}"),
        None => phase,
    })
}

pub(crate) fn queue(place: QueuePlace) -> QueueView {
    let (holder, held_since) = place.holder.map_or((None, None), |(holder, since)| {
        (Some(holder.to_string()), Some(since))
    });
    QueueView {
        lock: place.lock.to_string(),
        position: place.position,
        holder,
        held_since,
        deadline: place.deadline,
    }
}

pub(crate) fn log_event(entry: Entry) -> LogEventView {
    LogEventView {
        event_id: entry.seq.to_string(),
        line: entry.seq.number(),
        timestamp: entry.at.as_millisecond(),
        stream: entry.stream.as_str().to_owned(),
        end: if entry.has_end {
            "\n".to_owned()
        } else {
            String::new()
        },
        message: entry.text,
    }
}

pub(crate) fn user(detail: &UserDetail) -> UserView {
    UserView {
        email: detail.user.email.to_string(),
        role: detail.user.role.to_string(),
        created_at: detail.user.created_at,
        revoked: !detail.user.is_active(),
        last_used: detail.last_used,
    }
}

pub(crate) fn lock(detail: LockDetail) -> LockView {
    let waiting = detail.line.len() as u64;
    let queue = (1..).zip(detail.line).map(|(position, waiter)| WaiterView {
        position,
        execution_id: waiter.execution.to_string(),
        since: waiter.since,
    });
    LockView {
        name: detail.lock.name().to_string(),
        fence: detail.lock.fence().number(),
        holder: detail.holder.map(|holder| HolderView {
            execution_id: holder.execution.to_string(),
            since: holder.since,
            user: holder.user.map(|user| user.to_string()),
            status: holder.status.map(|status| status.to_string()),
            unreachable_since: holder.unreachable_since,
        }),
        queue: queue.collect(),
        waiting,
    }
}

pub(crate) fn audit(entry: AuditEntry) -> AuditView {
    AuditView {
        id: entry.id.to_string(),
        at: entry.at,
        principal: entry.principal.to_string(),
        action: entry.action.as_str().to_owned(),
        request_id: entry.request.map(|id| id.to_string()),
        execution_id: entry.execution.map(|id| id.to_string()),
        user: entry.user.map(|user| user.to_string()),
        details: entry.details,
    }
}
