//! One synchronous invocation.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::InvokeError;
use super::environment::{Environment, Outcome};
use super::error::SYNCHRONOUS_LIMIT;
use super::host::Host;
use super::running::Ticket;
use super::slot::Slot;

/// What is to be invoked.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) function: String,
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
}

/// Invokes and waits for the answer. The function goes on when the caller stops waiting.
pub(crate) async fn invoke(host: &Arc<Host>, invocation: Invocation) -> Result<Bytes, InvokeError> {
    let slot = host.slot(&invocation.function)?;
    if invocation.payload.len() > SYNCHRONOUS_LIMIT {
        return Err(InvokeError::TooLarge(SYNCHRONOUS_LIMIT));
    }
    let account = host.settings().account_concurrency;
    let ticket = host
        .running
        .enter(&slot.name, account, slot.options().reserved);
    let ticket = ticket.ok_or(InvokeError::Throttled)?;
    let work = host
        .tasks
        .spawn(run(Arc::clone(host), slot, invocation, ticket));
    work.await
        .unwrap_or_else(|_| Err(InvokeError::failed("Runtime.Unknown", "the host has ended")))
}

async fn run(
    host: Arc<Host>,
    slot: Arc<Slot>,
    invocation: Invocation,
    ticket: Ticket,
) -> Result<Bytes, InvokeError> {
    let answer = attempt(&host, &slot, invocation).await;
    slot.record(|stats| {
        stats.invocations += 1;
        stats.failures += u64::from(answer.is_err());
    });
    drop(ticket);
    answer
}

async fn attempt(
    host: &Arc<Host>,
    slot: &Arc<Slot>,
    invocation: Invocation,
) -> Result<Bytes, InvokeError> {
    let mut environment = match slot.idle().await {
        Some(environment) => environment,
        None => Environment::start(host, slot).await?,
    };
    let deadline = Instant::now() + environment.code().timeout;
    let arn = host.function_arn(&slot.name);
    let Invocation {
        request_id,
        payload,
        ..
    } = invocation;
    match environment
        .invoke(&request_id, payload, arn, deadline)
        .await
    {
        Outcome::Answered(answer) => {
            slot.begin_settling();
            host.tasks.spawn(settle(
                Arc::clone(host),
                Arc::clone(slot),
                environment,
                deadline,
            ));
            answer
        }
        Outcome::Died(error) => {
            slot.log(error.to_string());
            slot.retire(environment);
            Err(error)
        }
    }
}

/// What goes on in an environment after its answer, until it is frozen or found dead.
async fn settle(host: Arc<Host>, slot: Arc<Slot>, mut environment: Environment, deadline: Instant) {
    let is_frozen = environment.settle(deadline).await;
    if let Some(peak) = environment.peak_rss_kib() {
        slot.record(|stats| stats.peak_rss_kib = stats.peak_rss_kib.max(peak));
    }
    if is_frozen {
        host.frozen(&environment.code().access_key_id);
        slot.end_settling(Some(environment));
    } else {
        slot.retire(environment);
        slot.end_settling(None);
    }
}
