//! Which address leads where.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use runvoy_app::App;
use runvoy_wire::error::ErrorCode;
use runvoy_wire::{BASE_PATH, MAX_BODY_BYTES};

use crate::caller::{Gate, UserState};
use crate::error::ApiError;
use crate::{agent, audit, executions, health, locks, logs, people, request_id, run};

/// The users' API.
pub fn user_router(app: App, gate: Gate) -> Router {
    let state = UserState {
        app: app.clone(),
        gate,
    };
    let api = Router::new()
        .route("/health", get(health::health))
        .route("/run", post(run::run))
        .route("/executions", get(executions::list))
        .route(
            "/executions/{id}",
            get(executions::show).delete(executions::kill),
        )
        .route("/executions/{id}/status", get(executions::show))
        .route("/executions/{id}/logs", get(logs::logs))
        .route("/executions/{id}/kill", post(executions::kill))
        .route("/locks", get(locks::list))
        .route("/locks/{name}", get(locks::show).delete(locks::release))
        .route("/users", get(people::list))
        .route("/users/create", post(people::create))
        .route("/users/revoke", post(people::revoke))
        .route("/users/role", post(people::set_role))
        .route("/users/rotate", post(people::rotate))
        .route("/whoami", get(people::whoami))
        .route(
            "/claim/{token}",
            post(people::claim).get(people::claim_by_get),
        )
        .route("/audit", get(audit::list))
        .with_state(state);
    finished(Router::new().nest(BASE_PATH, api), app)
}

/// What agents call.
pub fn agent_router(app: App) -> Router {
    let api = Router::new()
        .route("/agent/v1/{attempt}/start", post(agent::start))
        .route("/agent/v1/{attempt}/logs", post(agent::logs))
        .route("/agent/v1/{attempt}/heartbeat", post(agent::heartbeat))
        .route("/agent/v1/{attempt}/finish", post(agent::finish))
        .with_state(app.clone());
    finished(api, app)
}

fn finished(router: Router, app: App) -> Router {
    let router = router
        .fallback(|| async {
            ApiError::new(
                StatusCode::NOT_FOUND,
                ErrorCode::NotFound,
                "no such address",
            )
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorCode::InvalidRequest,
                "this address does not take that method",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(
            app,
            request_id::name_request,
        ));
    // Outermost, before routing: an address with a trailing slash is the same address.
    Router::new().fallback_service(
        tower::ServiceBuilder::new()
            .layer(middleware::from_fn(drop_trailing_slash))
            .service(router),
    )
}

async fn drop_trailing_slash(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.len() > 1 && path.ends_with('/') {
        let trimmed = path.trim_end_matches('/');
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        if let Ok(uri) = format!("{trimmed}{query}").parse() {
            *request.uri_mut() = uri;
        }
    }
    next.run(request).await
}
