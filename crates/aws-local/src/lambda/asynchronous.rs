//! Asynchronous invocations: accepted at once, retried, and at last handed to the on-failure destination.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::InvokeError;
use super::error::ASYNCHRONOUS_LIMIT;
use super::host::Host;
use super::invocation::{Invocation, invoke};
use super::slot::Slot;
use crate::queue::Message;
use crate::sync::now;

/// Accepts an invocation or refuses it at once.
pub(crate) fn enqueue(host: &Arc<Host>, invocation: Invocation) -> Result<(), InvokeError> {
    let slot = host.slot(&invocation.function)?;
    if slot.options().refuses {
        return Err(InvokeError::Throttled);
    }
    if invocation.payload.len() > ASYNCHRONOUS_LIMIT {
        return Err(InvokeError::TooLarge(ASYNCHRONOUS_LIMIT));
    }
    let accepted = host.accepted.enter(&slot.name, usize::MAX, None);
    let delivery = deliver(Arc::clone(host), slot, invocation);
    host.tasks.spawn(async move {
        delivery.await;
        drop(accepted);
    });
    Ok(())
}

async fn deliver(host: Arc<Host>, slot: Arc<Slot>, invocation: Invocation) {
    let accepted_at = Instant::now();
    let mut attempts = 0;
    loop {
        let settings = host.settings();
        let Err(error) = invoke(&host, invocation.clone()).await else {
            return;
        };
        match &error {
            InvokeError::Throttled if accepted_at.elapsed() < settings.maximum_event_age => {
                sleep(settings.throttle_delay).await;
            }
            InvokeError::Failed(_) if attempts < slot.options().retries => {
                sleep(delay(&settings.retry_delays, attempts)).await;
                attempts += 1;
            }
            InvokeError::Throttled => {
                return give_up(
                    &host,
                    &slot,
                    &invocation,
                    "EventAgeExceeded",
                    attempts,
                    &error,
                );
            }
            InvokeError::Failed(_) => {
                return give_up(
                    &host,
                    &slot,
                    &invocation,
                    "RetriesExhausted",
                    attempts + 1,
                    &error,
                );
            }
            // The function was deleted meanwhile, and its destination with it.
            InvokeError::NotFound(_) | InvokeError::TooLarge(_) => return,
        }
    }
}

fn delay(delays: &[Duration], retry: usize) -> Duration {
    delays
        .get(retry)
        .or(delays.last())
        .copied()
        .unwrap_or_default()
}

fn give_up(
    host: &Host,
    slot: &Slot,
    invocation: &Invocation,
    why: &str,
    count: usize,
    error: &InvokeError,
) {
    let Some(queue) = slot.options().destination else {
        tracing::warn!(
            function = slot.name,
            why,
            "an asynchronous invocation is lost: there is no destination"
        );
        return;
    };
    let mut record = json!({
        "version": "1.0",
        "timestamp": now().to_string(),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": format!("{}:$LATEST", host.function_arn(&slot.name)),
            "condition": why,
            "approximateInvokeCount": count,
        },
        "requestPayload": document(&invocation.payload),
    });
    if let InvokeError::Failed(payload) = error {
        record["responseContext"] = json!({ "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" });
        record["responsePayload"] = document(payload);
    }
    host.queues.send(&queue, Message::new(record.to_string()));
}

fn document(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
