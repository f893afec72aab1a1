//! Transactions: sent again while something only stands in the way, and judged by all the reasons of a refusal.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use runvoy_ports::StoreError;

use super::DynamoStore;
use super::error::{DynamoError, classify, is_too_large};

/// Times that a transaction is sent in all.
pub(super) const TRIES: u32 = 6;
/// The longest wait before the second time; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Why a transaction wrote nothing, or may not have.
#[derive(Debug)]
pub(super) enum Refused {
    /// Conditions do not hold; one reason for each item, in order.
    Conditions(Vec<CancellationReason>),
    /// Anything else.
    Otherwise(StoreError),
}

impl DynamoStore {
    /// Writes all items or nothing.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Refused> {
        let mut tries = 1;
        loop {
            let transaction = self.client.transact_write_items();
            let transaction = transaction.set_transact_items(Some(items.clone()));
            let Err(error) = transaction.send().await else {
                return Ok(());
            };
            match judge(error) {
                Verdict::InTheWay(_) if tries < TRIES => pause(tries).await,
                Verdict::InTheWay(error) => return Err(Refused::Otherwise(error)),
                Verdict::Final(refused) => return Err(refused),
            }
            tries += 1;
        }
    }
}

enum Verdict {
    InTheWay(StoreError),
    Final(Refused),
}

/// A failed condition outweighs whatever else was in the way: sent again, it would fail again.
fn judge(error: SdkError<TransactWriteItemsError>) -> Verdict {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().to_vec()
        }
        _ => return Verdict::Final(Refused::Otherwise(classify(error))),
    };
    let has = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
    if has("ConditionalCheckFailed") {
        return Verdict::Final(Refused::Conditions(reasons));
    }
    let words = describe(&reasons);
    let is_full = has("ItemCollectionSizeLimitExceeded");
    let is_malformed = has("ValidationError");
    let is_large = is_malformed && is_too_large(&words);
    let error = Box::new(DynamoError::Cancelled(words));
    if is_full || is_large {
        return Verdict::Final(Refused::Otherwise(StoreError::Full(error)));
    }
    if is_malformed {
        return Verdict::Final(Refused::Otherwise(StoreError::Corrupt(error)));
    }
    Verdict::InTheWay(StoreError::Unavailable(error))
}

fn describe(reasons: &[CancellationReason]) -> String {
    let words: Vec<String> = (1..)
        .zip(reasons)
        .filter(|(_, reason)| reason.code().is_some_and(|code| code != "None"))
        .map(|(place, reason)| {
            let (code, message) = (reason.code().unwrap_or_default(), reason.message());
            format!("item {place}: {code} {}", message.unwrap_or_default())
        })
        .collect();
    words.join("; ")
}

/// Waits a random time, longer after each try, so that rivals do not meet again.
pub(super) async fn pause(tries: u32) {
    let longest = FIRST_WAIT.saturating_mul(1 << (tries - 1).min(6));
    // A hasher with keys of its own is as good as dice, and costs no dependency.
    let dice = RandomState::new().build_hasher().finish();
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    let wait = micros / 2 + dice % (micros / 2 + 1);
    tokio::time::sleep(Duration::from_micros(wait)).await;
}
