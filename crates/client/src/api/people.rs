//! People, their keys, and the audit trail.

use http::Method;
use runvoy_wire::audit::AuditView;
use runvoy_wire::user::{
    ClaimRequest, ClaimResponse, CreateUserRequest, CreateUserResponse, RevokeRequest,
    RevokeResponse, RoleRequest, RotateRequest, RotateResponse, UserView, UsersView, WhoAmIView,
};

use super::{Api, Call, Page};
use crate::api_error::ApiError;
use crate::path::{PathWithQuery, encode};

/// Which part of the audit trail to read, newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only what concerns this person.
    pub user: Option<String>,
    /// Only what concerns this execution.
    pub execution: Option<String>,
    /// Only from this moment on, in RFC 3339.
    pub since: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
    /// Where the page begins.
    pub cursor: Option<String>,
}

impl Api {
    /// `POST /users/create`.
    pub async fn create_user(
        &self,
        request: &CreateUserRequest,
    ) -> Result<CreateUserResponse, ApiError> {
        self.call(Call::json(Method::POST, "/users/create", request))
            .await
    }

    /// `GET /users`.
    pub async fn users(&self) -> Result<Vec<UserView>, ApiError> {
        let view: UsersView = self.get("/users").await?;
        Ok(view.users)
    }

    /// `POST /users/revoke`.
    pub async fn revoke_user(&self, request: &RevokeRequest) -> Result<RevokeResponse, ApiError> {
        self.call(Call::json(Method::POST, "/users/revoke", request))
            .await
    }

    /// `POST /users/role`.
    pub async fn set_role(&self, request: &RoleRequest) -> Result<UserView, ApiError> {
        self.call(Call::json(Method::POST, "/users/role", request).repeatable())
            .await
    }

    /// `POST /users/rotate`.
    pub async fn rotate_key(&self, request: &RotateRequest) -> Result<RotateResponse, ApiError> {
        self.call(Call::json(Method::POST, "/users/rotate", request))
            .await
    }

    /// `POST /claim/{token}`; repeated when its answer is lost where the caller made the key, for then the answer is the same.
    pub async fn claim(
        &self,
        token: &str,
        request: &ClaimRequest,
    ) -> Result<ClaimResponse, ApiError> {
        let path = format!("/claim/{}", encode(token));
        let call = Call {
            may_repeat: request.api_key_sha256.is_some(),
            ..Call::json(Method::POST, path, request)
        };
        self.call(call).await
    }

    /// `GET /whoami`.
    pub async fn whoami(&self) -> Result<WhoAmIView, ApiError> {
        self.get("/whoami").await
    }

    /// `GET /audit`.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditView>, ApiError> {
        let path = PathWithQuery::new("/audit")
            .with("user", query.user.as_ref())
            .with("execution", query.execution.as_ref())
            .with("since", query.since.as_ref())
            .with("limit", query.limit)
            .with("cursor", query.cursor.as_ref());
        self.get_page(path.into_string()).await
    }
}
