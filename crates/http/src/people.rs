//! `/users…`, `/whoami` and `/claim/{token}`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use runvoy_app::{App, Created, Credential, NewUser};
use runvoy_core::key::{ApiKey, ApiKeyHash};
use runvoy_core::role::Role;
use runvoy_core::user::UserEmail;
use runvoy_wire::secret::Secret;
use runvoy_wire::user::{
    ClaimRequest, ClaimResponse, CreateUserRequest, CreateUserResponse, RevokeRequest,
    RevokeResponse, RoleRequest, RotateRequest, RotateResponse, UserView, UsersView, WhoAmIView,
};

use crate::body::{JsonBody, MAX_STRANGERS_BYTES};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::view;

pub(crate) async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    JsonBody(request): JsonBody<CreateUserRequest>,
) -> Result<(StatusCode, Json<CreateUserResponse>), ApiError> {
    let role = match request.role.as_deref() {
        None | Some("") => Role::Developer,
        Some(role) => role.parse()?,
    };
    let credential = match request.api_key.filter(|key| !key.expose().is_empty()) {
        Some(key) => Credential::Given(ApiKey::from_typed(key.expose())?),
        None if request.show_key => Credential::Made,
        None => Credential::Claim(
            request
                .claim_ttl
                .filter(|ttl| *ttl > 0)
                .map(Duration::from_secs),
        ),
    };
    let new = NewUser {
        email: UserEmail::from_typed(&request.email)?,
        role,
        credential,
    };
    let (detail, created) = app.create_user(&ctx, &new).await?;
    let (claim_token, claim_expires_at, api_key) = match created {
        Created::Claim(token, at) => (Some(Secret::new(token.expose())), Some(at), None),
        Created::Key(key) => (None, None, Some(Secret::new(key.expose()))),
        Created::Given => (None, None, None),
    };
    let response = CreateUserResponse {
        user: view::user(&detail),
        claim_token,
        claim_expires_at,
        api_key,
    };
    Ok((StatusCode::CREATED, Json(response)))
}

pub(crate) async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
) -> Result<Json<UsersView>, ApiError> {
    let users = app.users(&ctx).await?;
    Ok(Json(UsersView {
        users: users.iter().map(view::user).collect(),
    }))
}

pub(crate) async fn revoke(
    State(app): State<App>,
    Caller(ctx): Caller,
    JsonBody(request): JsonBody<RevokeRequest>,
) -> Result<Json<RevokeResponse>, ApiError> {
    let email = UserEmail::from_typed(&request.email)?;
    let revoked = app.revoke_user(&ctx, &email, request.kill).await?;
    let names =
        |ids: Vec<runvoy_core::id::ExecutionId>| ids.into_iter().map(String::from).collect();
    Ok(Json(RevokeResponse {
        message: format!("{email} was revoked"),
        email: email.to_string(),
        cancelled: names(revoked.cancelled),
        running: names(revoked.running),
    }))
}

pub(crate) async fn set_role(
    State(app): State<App>,
    Caller(ctx): Caller,
    JsonBody(request): JsonBody<RoleRequest>,
) -> Result<Json<UserView>, ApiError> {
    let detail = app
        .set_role(
            &ctx,
            &UserEmail::from_typed(&request.email)?,
            request.role.parse()?,
        )
        .await?;
    Ok(Json(view::user(&detail)))
}

pub(crate) async fn rotate(
    State(app): State<App>,
    Caller(ctx): Caller,
    JsonBody(request): JsonBody<RotateRequest>,
) -> Result<Json<RotateResponse>, ApiError> {
    let email = request
        .email
        .as_deref()
        .map(UserEmail::from_typed)
        .transpose()?;
    let overlap = Duration::from_secs(request.overlap.unwrap_or_default());
    let rotated = app
        .rotate_key(
            &ctx,
            email.as_ref(),
            key_hash(request.api_key_sha256)?,
            overlap,
        )
        .await?;
    Ok(Json(RotateResponse {
        email: rotated.email.to_string(),
        api_key: rotated.key.map(|key| Secret::new(key.expose())),
        old_keys_end_at: rotated.old_keys_end_at,
    }))
}

pub(crate) async fn whoami(
    State(app): State<App>,
    Caller(ctx): Caller,
) -> Result<Json<WhoAmIView>, ApiError> {
    let key_expires_at = app.who_am_i(&ctx).await?;
    Ok(Json(WhoAmIView {
        email: ctx.actor.email.to_string(),
        role: ctx.actor.role.to_string(),
        key_expires_at,
    }))
}

pub(crate) async fn claim(
    State(app): State<App>,
    Path(token): Path<String>,
    JsonBody(request): JsonBody<ClaimRequest, MAX_STRANGERS_BYTES>,
) -> Result<Json<ClaimResponse>, ApiError> {
    let (claim, made) = app.claim(&token, key_hash(request.api_key_sha256)?).await?;
    Ok(Json(ClaimResponse {
        api_key: made.map(|key| Secret::new(key.expose())),
        user_email: claim.email.to_string(),
        role: claim.role.to_string(),
        message: "keep the key: it is not shown again".to_owned(),
    }))
}

/// The old client claims with `GET`. Link previews and browsers do too, so only one that speaks JSON may burn a token.
pub(crate) async fn claim_by_get(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Json<ClaimResponse>, ApiError> {
    let speaks_json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !speaks_json {
        return Err(ApiError::invalid("a claim is not a page to look at")
            .with_details("use the command line: runvoy claim TOKEN --endpoint URL"));
    }
    claim(State(app), Path(token), JsonBody(ClaimRequest::default())).await
}

fn key_hash(text: Option<String>) -> Result<Option<ApiKeyHash>, ApiError> {
    Ok(text.map(ApiKeyHash::try_from).transpose()?)
}
