//! Hands work to the event processor without waiting for it.

use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use thiserror::Error;

/// The event processor did not take the work. What is lost here is found by its next tick.
#[derive(Debug, Error)]
#[error("the event processor cannot be asked: {0}")]
pub struct InvokeError(String);

/// Invokes one function asynchronously.
#[derive(Debug, Clone)]
pub struct Invoker {
    client: aws_sdk_lambda::Client,
    function: String,
}

impl Invoker {
    /// Invokes the function of this name.
    pub fn new(client: aws_sdk_lambda::Client, function: String) -> Self {
        Self { client, function }
    }

    /// Queues one invocation with this JSON.
    pub async fn invoke(&self, payload: &serde_json::Value) -> Result<(), InvokeError> {
        let call = self
            .client
            .invoke()
            .function_name(&self.function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload.to_string()));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(InvokeError(DisplayErrorContext(error).to_string())),
        }
    }
}
