//! `GET /health`.

use axum::Json;
use axum::extract::State;
use runvoy_app::App;
use runvoy_wire::execution::HealthView;

pub(crate) async fn health(State(app): State<App>) -> Json<HealthView> {
    Json(HealthView {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: app.provider().to_owned(),
    })
}
