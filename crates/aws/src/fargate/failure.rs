//! What a failed call to ECS means.

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

/// Codes of refusals that say nothing about the request itself: later it may be taken.
const NOT_NOW: [&str; 9] = [
    "InternalFailure",
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestTimeout",
    "ServerException",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
/// How ECS words a throttled call that it answers as a client's fault.
const THROTTLED: &str = "Rate exceeded";

/// A call to ECS that did not succeed.
#[derive(Debug, Error)]
#[error("{words}")]
pub(crate) struct EcsError {
    /// ECS's own, with the code before them.
    pub(super) words: String,
    /// ECS's code, where it answered.
    pub(super) code: Option<String>,
    /// Whether nothing came of the call, for certain.
    pub(super) is_definite: bool,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl EcsError {
    /// Reads the error of any operation.
    pub(super) fn of<E, R>(error: SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let message = error.message().unwrap_or_default();
        let is_definite = match &error {
            SdkError::ServiceError(_) => {
                let is_named = code.as_deref().is_some_and(|code| !NOT_NOW.contains(&code));
                is_named && !message.contains(THROTTLED)
            }
            SdkError::ConstructionFailure(_) => true,
            _ => false,
        };
        let words = match &code {
            Some(code) if message.is_empty() => code.clone(),
            Some(code) => format!("{code}: {message}"),
            None => "ECS did not answer".to_owned(),
        };
        Self {
            words,
            code,
            is_definite,
            source: Box::new(error),
        }
    }

    /// Whether this is how ECS says that there is no such task definition, or that it was deregistered.
    pub(super) fn is_unknown_definition(&self) -> bool {
        let is_of_definition =
            self.words.contains("TaskDefinition") || self.words.contains("task definition");
        let is_missing = ["not found", "inactive", "Unable to describe"]
            .iter()
            .any(|words| self.words.contains(words));
        self.code.as_deref() == Some("ClientException") && is_of_definition && is_missing
    }
}
