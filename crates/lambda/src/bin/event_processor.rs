//! The event processor: hears what becomes of tasks, looks after everything that is not closed once a minute, and
//! does what the orchestrator hands on.

use std::sync::Arc;

use anyhow::Context as _;
use lambda_runtime::{LambdaEvent, service_fn};
use runvoy_lambda::{Config, Function, Processor, compose, log_as_json, process};
use serde_json::Value;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log_as_json();
    let function = compose(Config::from_env()?).await?;
    let function = Arc::new(Mutex::new(function));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        work(Arc::clone(&function), event)
    }))
    .await
}

async fn work(
    function: Arc<Mutex<Function>>,
    event: LambdaEvent<Value>,
) -> Result<(), lambda_runtime::Error> {
    let mut function = function.lock().await;
    let Function {
        app,
        moved,
        launcher,
        ..
    } = &mut *function;
    let launcher = launcher.as_ref().context("RUNVOY_CLUSTER is not set")?;
    let mut processor = Processor {
        app,
        launcher,
        moved,
    };
    process(&mut processor, event.payload)
        .await
        .map_err(|error| {
            tracing::error!(
                error = format!("{error:#}"),
                "an event could not be processed"
            );
            error.into()
        })
}
