//! `/locks` and `/locks/{name}`.

use axum::Json;
use axum::extract::{Path, State};
use runvoy_app::{App, Release};
use runvoy_core::lock::LockName;
use runvoy_wire::lock::{LockView, ReleaseRequest, ReleaseResponse};

use crate::body::JsonBody;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::view;

pub(crate) async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
) -> Result<Json<Vec<LockView>>, ApiError> {
    let locks = app.locks(&ctx).await?;
    let views = locks.into_iter().map(|detail| LockView {
        queue: Vec::new(),
        ..view::lock(detail)
    });
    Ok(Json(views.collect()))
}

pub(crate) async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Path(name): Path<String>,
) -> Result<Json<LockView>, ApiError> {
    Ok(Json(view::lock(app.lock(&ctx, &name.parse()?).await?)))
}

pub(crate) async fn release(
    State(app): State<App>,
    Caller(ctx): Caller,
    Path(name): Path<String>,
    JsonBody(request): JsonBody<ReleaseRequest>,
) -> Result<Json<ReleaseResponse>, ApiError> {
    let name: LockName = name.parse()?;
    let release = Release {
        force: request.force,
        even_if_running: request.even_if_running,
        reason: request.reason,
    };
    let released = app.release(&ctx, &name, &release).await?;
    let message = if released.may_still_run {
        "released; its holder may still run, and the next in line may run beside it"
    } else {
        "released"
    };
    Ok(Json(ReleaseResponse {
        name: name.to_string(),
        released_from: released.holder.to_string(),
        message: message.to_owned(),
    }))
}
