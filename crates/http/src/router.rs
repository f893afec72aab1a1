//! Which address leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use runvoy_app::App;
use runvoy_wire::error::ErrorCode;
use runvoy_wire::{BASE_PATH, MAX_BODY_BYTES};

use crate::caller::{Gate, UserState};
use crate::error::ApiError;
use crate::limiter::{self, Limiter, RateLimits};
use crate::routes::{Route, Routes};
use crate::{
    agent, audit, executions, health, locks, logs, openapi, people, proof, request_id, run,
};

/// The users' API.
pub fn user_router(app: App, gate: Gate) -> Router {
    let state = UserState {
        app: app.clone(),
        gate,
    };
    finished(users().router().with_state(state), app, told)
}

/// The users' API, refusing those who ask too often before anything is looked up for them.
pub fn limited_user_router(app: App, gate: Gate, limits: RateLimits) -> Router {
    let state = UserState {
        app: app.clone(),
        gate,
    };
    let limiter = Arc::new(Limiter::new(limits));
    finished(users().router().with_state(state), app, |router| {
        told(router.layer(middleware::from_fn_with_state(limiter, limiter::limit)))
    })
}

/// What agents call.
pub fn agent_router(app: App) -> Router {
    finished(agents().router().with_state(app.clone()), app, |router| {
        router
    })
}

/// Every route of the users' API.
pub fn user_routes() -> Vec<Route> {
    users().list()
}

/// Every route that agents call.
pub fn agent_routes() -> Vec<Route> {
    agents().list()
}

fn users() -> Routes<UserState> {
    Routes::below(BASE_PATH)
        .get("/health", health::health)
        .get("/openapi.json", openapi::document)
        .post("/run", run::run)
        .get("/executions", executions::list)
        .get("/executions/{id}", executions::show)
        .delete("/executions/{id}", executions::kill)
        .get("/executions/{id}/status", executions::show)
        .get("/executions/{id}/logs", logs::logs)
        .post("/executions/{id}/kill", executions::kill)
        .get("/locks", locks::list)
        .get("/locks/{name}", locks::show)
        .delete("/locks/{name}", locks::release)
        .get("/users", people::list)
        .post("/users/create", people::create)
        .post("/users/revoke", people::revoke)
        .post("/users/role", people::set_role)
        .post("/users/rotate", people::rotate)
        .get("/whoami", people::whoami)
        .post("/claim/{token}", people::claim)
        .get("/claim/{token}", people::claim_by_get)
        .get("/audit", audit::list)
}

fn agents() -> Routes<App> {
    Routes::below("/agent/v1/{attempt}")
        .post("/start", agent::start)
        .post("/logs", agent::logs)
        .post("/heartbeat", agent::heartbeat)
        .post("/finish", agent::finish)
}

/// Answers say when a key ends soon.
fn told(router: Router) -> Router {
    router.layer(middleware::from_fn(proof::tell_of_its_end))
}

/// The routes, with what is around each of them and around addresses that lead nowhere.
fn finished(router: Router, app: App, around: impl FnOnce(Router) -> Router) -> Router {
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
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    let router = around(router).layer(middleware::from_fn_with_state(
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
