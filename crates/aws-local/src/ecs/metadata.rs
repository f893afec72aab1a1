//! The task metadata endpoint, version 4, as far as it names the task.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use super::Ecs;

/// Tells a container where its metadata is.
pub(super) const VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";

/// The address for the containers of a task.
pub(super) fn address(base: &str, id: &str) -> String {
    format!("{base}/v4/{id}")
}

/// What the environment of every process of the task has; of every task with an empty id.
pub(super) fn mark(base: &str, id: &str) -> String {
    format!("{VARIABLE}={}", address(base, id))
}

/// Answers until the simulator ends.
pub(super) async fn serve(listener: TcpListener, ecs: Ecs) {
    let stop = ecs.stop().clone();
    let router = Router::new()
        .route("/v4/{id}/task", get(task))
        .with_state(ecs);
    tokio::select! {
        () = stop.cancelled() => {}
        ended = async { axum::serve(listener, router).await } => tracing::error!(?ended, "no metadata any more"),
    }
}

async fn task(State(ecs): State<Ecs>, Path(id): Path<String>) -> (StatusCode, String) {
    let state = ecs.state();
    let Some(task) = state.tasks.get(&id) else {
        return (StatusCode::NOT_FOUND, String::new());
    };
    let metadata = json!({
        "Cluster": task.cluster_arn,
        "TaskARN": task.arn,
        "Family": task.definition["family"],
        "Revision": task.definition["revision"].to_string(),
        "DesiredStatus": task.desired,
        "KnownStatus": task.status,
        "LaunchType": "FARGATE",
        "Containers": [],
    });
    (StatusCode::OK, metadata.to_string())
}
