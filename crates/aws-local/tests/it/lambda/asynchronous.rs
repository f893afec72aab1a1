//! Asynchronous invocations: retries, and where they go at last.

use std::time::Duration;

use runvoy_aws_local::lambda::{InvokeError, Lambdas};
use runvoy_aws_local::queue::Message;
use runvoy_testkit::eventually;
use serde_json::{Value, json};

use super::stage::{PATIENCE, host, payload, started};

async fn impatient_host() -> Lambdas {
    let lambdas = host().await;
    lambdas.adjust(|settings| {
        settings.retry_delays = vec![Duration::from_millis(1)];
        settings.throttle_delay = Duration::from_millis(1);
    });
    lambdas.queues().put("p-errors");
    lambdas
        .put_destination("f", Some("arn:aws:sqs:us-east-1:123456789012:p-errors"))
        .unwrap();
    lambdas
}

async fn message(lambdas: &Lambdas) -> Message {
    eventually(PATIENCE, || async {
        lambdas.queues().messages("p-errors").pop()
    })
    .await
}

#[tokio::test]
async fn a_failure_is_tried_twice_more_and_then_lands_in_the_destination() {
    let lambdas = impatient_host().await;
    let id = lambdas
        .invoke_async("f", payload(&json!({ "do": "fail", "n": 7 })))
        .unwrap();
    let record: Value = serde_json::from_str(&message(&lambdas).await.body).unwrap();
    assert_eq!(record["requestContext"]["requestId"], id);
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["requestPayload"], json!({ "do": "fail", "n": 7 }));
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"]["errorMessage"], "as it was asked");
    assert_eq!(lambdas.stats("f").unwrap().failures, 3);
}

#[tokio::test]
async fn the_number_of_retries_can_be_none() {
    let lambdas = impatient_host().await;
    lambdas.put_retries("f", 0).unwrap();
    lambdas
        .invoke_async("f", payload(&json!({ "do": "fail" })))
        .unwrap();
    message(&lambdas).await;
    assert_eq!(lambdas.stats("f").unwrap().failures, 1);
}

#[tokio::test]
async fn a_throttled_one_waits_and_is_given_up_when_it_is_old() {
    let lambdas = impatient_host().await;
    lambdas.put_concurrency("f", Some(0)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("go"), b"").unwrap();
    lambdas
        .invoke_async(
            "f",
            payload(&json!({ "do": "wait", "directory": directory.path() })),
        )
        .unwrap();
    lambdas.put_concurrency("f", None).unwrap();
    started(directory.path(), 1).await;
    lambdas.adjust(|settings| settings.maximum_event_age = Duration::ZERO);
    lambdas.put_concurrency("f", Some(0)).unwrap();
    lambdas.invoke_async("f", payload(&json!({}))).unwrap();
    let record: Value = serde_json::from_str(&message(&lambdas).await.body).unwrap();
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
}

#[tokio::test]
async fn what_cannot_be_accepted_is_refused_at_once() {
    let lambdas = impatient_host().await;
    assert!(matches!(
        lambdas.invoke_async("none", payload(&json!({}))),
        Err(InvokeError::NotFound(_))
    ));
    let large = payload(&json!("x".repeat(1_048_577)));
    assert_eq!(
        lambdas.invoke_async("f", large),
        Err(InvokeError::TooLarge(1_048_576))
    );
    lambdas.refuse_deliveries("f", true).unwrap();
    assert_eq!(
        lambdas.invoke_async("f", payload(&json!({}))),
        Err(InvokeError::Throttled)
    );
}
