//! Who calls: the extractor that every route of the users' API takes first.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use runvoy_app::{Actor, App, OpContext};
use runvoy_core::id::RequestId;
use runvoy_wire::API_KEY_HEADER;
use runvoy_wire::error::ErrorCode;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::ApiError;
use crate::proof::Proof;

/// How callers prove who they are.
#[derive(Debug, Clone)]
pub enum Gate {
    /// By an API key with every request.
    Key,
    /// Not at all: the one person who can reach this router, under `--local`.
    Only(Actor),
}

/// What the users' routes share.
#[derive(Debug, Clone)]
pub(crate) struct UserState {
    pub(crate) app: App,
    pub(crate) gate: Gate,
}

impl FromRef<UserState> for App {
    fn from_ref(state: &UserState) -> Self {
        state.app.clone()
    }
}

/// A person who has proved who they are, and the request.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) OpContext);

/// Somebody who has not proved anything yet. For a route that looks something up while that is checked.
#[derive(Debug)]
pub(crate) struct Stranger {
    app: App,
    shown: Shown,
    request_id: RequestId,
    proof: Option<Proof>,
}

/// What somebody shows to prove who they are.
#[derive(Debug)]
enum Shown {
    /// Nothing needs to be shown.
    Nothing(Actor),
    /// An API key.
    Key(SecretString),
}

impl Stranger {
    /// The person, proved.
    pub(crate) async fn authenticate(self) -> Result<OpContext, ApiError> {
        let actor = match self.shown {
            Shown::Nothing(actor) => actor,
            Shown::Key(key) => {
                let proved = self.app.prove(key.expose_secret()).await?;
                if let Some(proof) = self.proof {
                    proof.fill(proved.key_ends_at);
                }
                proved.actor
            }
        };
        Ok(OpContext {
            actor,
            request_id: self.request_id,
        })
    }
}

impl FromRequestParts<UserState> for Stranger {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &UserState) -> Result<Self, ApiError> {
        let shown = match &state.gate {
            Gate::Only(actor) => Shown::Nothing(actor.clone()),
            Gate::Key => Shown::Key(key(&parts.headers)?.into()),
        };
        Ok(Self {
            shown,
            request_id: request_id(parts, &state.app),
            proof: parts.extensions.get().cloned(),
            app: state.app.clone(),
        })
    }
}

impl FromRequestParts<UserState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &UserState) -> Result<Self, ApiError> {
        let stranger = Stranger::from_request_parts(parts, state).await?;
        Ok(Self(stranger.authenticate().await?))
    }
}

/// The id that the middleware gave; routers without it (none) would get a fresh one.
fn request_id(parts: &Parts, app: &App) -> RequestId {
    parts
        .extensions
        .get::<RequestId>()
        .cloned()
        .unwrap_or_else(|| app.ids().request(app.now()))
}

fn key(headers: &HeaderMap) -> Result<&str, ApiError> {
    shown_key(headers).ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::Unauthorized,
            "no API key was sent",
        )
        .with_details("send it in the header X-API-Key, or set it up: runvoy configure")
    })
}

/// The key that a request shows, in either header.
pub(crate) fn shown_key(headers: &HeaderMap) -> Option<&str> {
    let bearer = || bearer_token(headers);
    headers
        .get(API_KEY_HEADER)
        .and_then(|value| value.to_str().ok())
        .or_else(bearer)
}

/// The token of an `Authorization: Bearer` header; the scheme's case does not matter (RFC 9110, 11.1).
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}
