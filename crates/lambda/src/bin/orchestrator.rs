//! The orchestrator: one program, deployed twice. As `api` it answers people, as `agent` the agents of their runs.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::response::Response;
use lambda_http::Request;
use lambda_http::tower::{ServiceExt as _, service_fn};
use runvoy_app::App;
use runvoy_http::{Gate, agent_router, user_router};
use runvoy_lambda::{Config, HandOn, Serves, compose, log_as_json};
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    log_as_json();
    let config = Config::from_env()?;
    let serves = config.serves.context("RUNVOY_FUNCTION is not set")?;
    let function = compose(config).await?;
    let invoker = function
        .invoker
        .context("RUNVOY_EVENT_PROCESSOR is not set")?;
    let app = function.app;
    let router = match serves {
        Serves::People => user_router(app.clone(), Gate::Key),
        Serves::Agents => agent_router(app.clone()),
    };
    let hand_on = Arc::new(Mutex::new(HandOn::new(function.moved, invoker)));
    lambda_http::run(service_fn(move |request: Request| {
        answer(router.clone(), app.clone(), Arc::clone(&hand_on), request)
    }))
    .await
}

/// Answers one request, once what it moved is done or handed on.
async fn answer(
    router: Router,
    app: App,
    hand_on: Arc<Mutex<HandOn>>,
    request: Request,
) -> Result<Response, std::convert::Infallible> {
    let answer = router.oneshot(request).await?;
    hand_on.lock().await.finish(&app).await;
    Ok(answer)
}
