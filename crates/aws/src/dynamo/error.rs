//! What an answer of DynamoDB means to a caller.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use runvoy_ports::StoreError;
use thiserror::Error;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, in words that say what to look at.
#[derive(Debug, Error)]
pub(super) enum DynamoError {
    #[error("no answer from DynamoDB")]
    NoAnswer(#[source] Cause),
    #[error("a table is missing: is the project deployed in this account and region? ({message})")]
    NoTable {
        message: String,
        #[source]
        source: Cause,
    },
    #[error("DynamoDB denies access: {message}")]
    Denied {
        message: String,
        #[source]
        source: Cause,
    },
    #[error("DynamoDB answered {code}: {message}")]
    Answered {
        code: String,
        message: String,
        #[source]
        source: Cause,
    },
    #[error("DynamoDB cancelled the transaction: {0}")]
    Cancelled(String),
    #[error("DynamoDB left keys of a batch unread")]
    Unread,
}

/// Says by kind what went wrong; what is neither too large nor malformed may work when asked again.
pub(super) fn classify<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let SdkError::ServiceError(_) = &error else {
        return StoreError::Unavailable(Box::new(DynamoError::NoAnswer(Box::new(error))));
    };
    let code = error.code().unwrap_or("an error without a code").to_owned();
    let message = error.message().unwrap_or("no message").to_owned();
    let source: Cause = match error.into_source() {
        Ok(inner) => inner,
        Err(error) => Box::new(error),
    };
    match code.as_str() {
        "ResourceNotFoundException" => {
            StoreError::Unavailable(Box::new(DynamoError::NoTable { message, source }))
        }
        "AccessDeniedException" => {
            StoreError::Unavailable(Box::new(DynamoError::Denied { message, source }))
        }
        _ => of_code(code, message, source),
    }
}

fn of_code(code: String, message: String, source: Cause) -> StoreError {
    let is_full = code == "ItemCollectionSizeLimitExceededException" || is_too_large(&message);
    let is_malformed = code == "ValidationException";
    let error = Box::new(DynamoError::Answered {
        code,
        message,
        source,
    });
    match (is_full, is_malformed) {
        (true, _) => StoreError::Full(error),
        (false, true) => StoreError::Corrupt(error),
        (false, false) => StoreError::Unavailable(error),
    }
}

/// Whether a refusal speaks of an item or a transaction that is larger than DynamoDB takes.
pub(super) fn is_too_large(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("size") && (message.contains("exceed") || message.contains("maximum"))
}
