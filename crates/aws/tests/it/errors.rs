//! What DynamoDB's refusals become. DynamoDB Local never throttles and never sees transactions meet, so they are canned.

use std::error::Error;

use runvoy_core::log::Seq;
use runvoy_ports::{
    Appended, ExecutionReads as _, KeyUse as _, Ledger as _, LogSink as _, StoreError,
};
use runvoy_testkit::sample;

use crate::canned::{Answer, Canned};
use crate::database::Database;

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body =
        format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{message}"}}"#);
    (status, body)
}

/// A cancelled transaction: one reason for each item.
fn cancelled(codes: &[&str]) -> Answer {
    let reasons: Vec<String> = codes
        .iter()
        .map(|code| format!(r#"{{"Code":"{code}","Message":"said of it"}}"#))
        .collect();
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{}]}}"#,
        reasons.join(",")
    );
    (400, body)
}

fn done() -> Answer {
    (200, "{}".to_owned())
}

async fn commit(answers: Vec<Answer>) -> (Result<(), StoreError>, usize) {
    let canned = Canned::new(answers).await;
    let result = canned.store.commit(&sample::batch(Vec::new())).await;
    (result, canned.asked())
}

/// The whole chain of an error, as it is logged.
fn chain(error: &StoreError) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

const CONFLICT: &str = "TransactionConflict";
const THROTTLED: &str = "ThrottlingError";
const FAILED: &str = "ConditionalCheckFailed";

#[tokio::test]
async fn what_only_stands_in_the_way_is_tried_again() {
    let answers = vec![
        cancelled(&["None", CONFLICT]),
        cancelled(&[THROTTLED, CONFLICT]),
        done(),
    ];
    let (result, asked) = commit(answers).await;
    result.unwrap();
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn what_stands_in_the_way_for_long_is_unavailable() {
    for code in [CONFLICT, THROTTLED, "ProvisionedThroughputExceeded"] {
        let (result, asked) = commit(vec![cancelled(&["None", code])]).await;
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(chain(&error).contains(code), "{}", chain(&error));
        assert_eq!(asked, 6);
    }
}

#[tokio::test]
async fn one_failed_condition_among_other_reasons_is_a_conflict() {
    for codes in [
        [FAILED, "None"],
        ["None", FAILED],
        [CONFLICT, FAILED],
        [FAILED, THROTTLED],
    ] {
        let (result, asked) = commit(vec![cancelled(&codes), done()]).await;
        assert!(matches!(result, Err(StoreError::Conflict)), "{result:?}");
        assert_eq!(asked, 2, "the entry of the batch is looked for");
    }
}

#[tokio::test]
async fn a_failed_condition_of_what_was_committed_is_a_success() {
    let found = (200, r#"{"Item":{"operation_id":{"S":"any"}}}"#.to_owned());
    for codes in [[FAILED, FAILED], ["None", FAILED]] {
        let (result, _) = commit(vec![cancelled(&codes), found.clone()]).await;
        result.unwrap();
    }
}

#[tokio::test]
async fn a_conflict_is_not_believed_before_the_entry_was_looked_for() {
    let away = refusal(500, "InternalServerError", "try again");
    let (result, _) = commit(vec![cancelled(&[FAILED]), away]).await;
    assert!(
        matches!(result, Err(StoreError::Unavailable(_))),
        "{result:?}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_full_and_what_is_malformed_cannot_be_tried_again() {
    let too_large = "Item size has exceeded the maximum allowed size";
    let answers = [
        (cancelled(&["ItemCollectionSizeLimitExceeded"]), true),
        (
            refusal(400, "ItemCollectionSizeLimitExceededException", "x"),
            true,
        ),
        (refusal(400, "ValidationException", too_large), true),
        (cancelled(&["ValidationError"]), false),
        (
            refusal(400, "ValidationException", "The key is wrong"),
            false,
        ),
    ];
    for (answer, is_full) in answers {
        let (result, asked) = commit(vec![answer.clone()]).await;
        match result {
            Err(StoreError::Full(_)) => assert!(is_full, "{answer:?}"),
            Err(StoreError::Corrupt(_)) => assert!(!is_full, "{answer:?}"),
            other => panic!("{answer:?}: {other:?}"),
        }
        assert_eq!(asked, 1);
    }
}

#[tokio::test]
async fn refusals_keep_their_words() {
    let cases = [
        (
            "AccessDeniedException",
            "User x is not authorized to perform: dynamodb:GetItem",
        ),
        (
            "ResourceNotFoundException",
            "Requested resource not found: Table: p-executions",
        ),
        ("ProvisionedThroughputExceededException", "too fast"),
        ("ThrottlingException", "Rate exceeded"),
        ("RequestLimitExceeded", "too much in this account"),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
    ];
    for (code, message) in cases {
        let canned = Canned::new(vec![refusal(400, code, message)]).await;
        let id = sample::execution_id(1);
        let error = canned.store.find_execution(&id).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(chain(&error).contains(message), "{}", chain(&error));
    }
}

#[tokio::test]
async fn no_answer_is_unavailable() {
    for answer in [(0, String::new()), (503, "<html>".to_owned())] {
        let canned = Canned::new(vec![answer]).await;
        let result = canned.store.commit(&sample::batch(Vec::new())).await;
        assert!(
            matches!(result, Err(StoreError::Unavailable(_))),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn a_heartbeat_that_meets_a_transaction_is_sent_again() {
    let id = sample::execution_id(1);
    let session = sample::session(1);
    let head = format!(
        r#"{{"Attributes":{{"execution_id":{{"S":"{id}"}},"seq":{{"N":"0"}},"next_seq":{{"N":"7"}},"session":{{"S":"{session}"}},"is_closed":{{"BOOL":false}}}}}}"#
    );
    let met = refusal(
        400,
        "TransactionConflictException",
        "Transaction is ongoing for the item",
    );
    let canned = Canned::new(vec![met.clone(), met, (200, head)]).await;
    let answer = canned.store.append(&id, &session, &[], sample::at(1)).await;
    assert_eq!(answer.unwrap(), Appended::Next(Seq::new(7)));
    assert_eq!(canned.asked(), 3);
}

#[tokio::test]
async fn an_older_use_of_a_key_is_no_error_and_a_denied_one_is() {
    let canned = Canned::new(vec![
        refusal(
            400,
            "ConditionalCheckFailedException",
            "The conditional request failed",
        ),
        refusal(400, "AccessDeniedException", "no"),
    ])
    .await;
    let hash = sample::hash(1);
    canned.store.touch_key(&hash, sample::at(1)).await.unwrap();
    canned
        .store
        .touch_key(&hash, sample::at(1))
        .await
        .unwrap_err();
}

/// DynamoDB Local says so itself.
#[tokio::test]
async fn a_missing_table_is_named() {
    let database = Database::new().await;
    let store = runvoy_aws::DynamoStore::new(database.client.clone(), "elsewhere");
    let error = store
        .find_execution(&sample::execution_id(1))
        .await
        .unwrap_err();
    assert!(
        chain(&error).contains("is the project deployed"),
        "{}",
        chain(&error)
    );
    let error = store.commit(&sample::batch(Vec::new())).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}
