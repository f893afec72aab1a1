//! The orchestrator: one program, deployed twice. As `api` it answers people, as `agent` the agents of their runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use lambda_http::tower::{ServiceExt as _, service_fn};
use lambda_http::{Request, RequestExt as _};
use runvoy_app::App;
use runvoy_http::{Gate, agent_router, user_router};
use runvoy_lambda::{Config, HandOn, Serves, compose, log_as_json};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::timeout;

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

/// Time kept back at the end of an invocation, to answer in words what Lambda would answer with none.
const KEPT_BACK: Duration = Duration::from_secs(3);

/// Answers one request, once what it moved is done or handed on. Cut off like any other death, and repaired like it.
async fn answer(
    router: Router,
    app: App,
    hand_on: Arc<Mutex<HandOn>>,
    request: Request,
) -> Result<Response, std::convert::Infallible> {
    let left = left(&request, &app);
    let work = async {
        let answer = router.oneshot(request).await?;
        hand_on.lock().await.finish(&app).await;
        Ok(answer)
    };
    timeout(left, work).await.unwrap_or_else(|_| Ok(too_late()))
}

/// How long the invocation may still work.
fn left(request: &Request, app: &App) -> Duration {
    let now = u64::try_from(app.now().as_millisecond()).unwrap_or_default();
    let deadline = request
        .lambda_context_ref()
        .map_or(now, |context| context.deadline);
    Duration::from_millis(deadline.saturating_sub(now)).saturating_sub(KEPT_BACK)
}

fn too_late() -> Response {
    tracing::error!("a request could not be answered in time");
    let body = json!({
        "error": "AWS did not answer in time; what was asked for may or may not have been done",
        "code": "SERVICE_UNAVAILABLE",
        "details": "try again: runvoy repeats a run under the same Idempotency-Key",
    });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}
