//! People in the users' API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// `POST /users/create`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateUserRequest {
    /// The address.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::email"))]
    pub email: String,
    /// `viewer`, `developer`, `operator` or `admin`; `developer` where absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::role_wish"))]
    pub role: Option<String>,
    /// A key that the admin brings; nothing has to be claimed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// Seconds for which the claim token works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_ttl: Option<u64>,
    /// Make a key now and answer it, instead of a claim token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub show_key: bool,
}

/// The answer to `POST /users/create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateUserResponse {
    /// The person.
    pub user: UserView,
    /// The token to claim a key with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_token: Option<Secret>,
    /// When the token stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_expires_at: Option<Timestamp>,
    /// The key, shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserView {
    /// The address.
    pub email: String,
    /// What they may do.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::role"))]
    pub role: String,
    /// Since when they exist.
    pub created_at: Timestamp,
    /// Whether they may no longer use the API.
    pub revoked: bool,
    /// When one of their keys was last used.
    pub last_used: Option<Timestamp>,
}

/// `GET /users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UsersView {
    /// Everybody, by address.
    pub users: Vec<UserView>,
}

/// `POST /users/revoke`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// The address.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::email"))]
    pub email: String,
    /// Stop their running executions too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kill: bool,
}

/// The answer to `POST /users/revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevokeResponse {
    /// What happened, for people.
    pub message: String,
    /// The address.
    pub email: String,
    /// Queued executions that were cancelled.
    pub cancelled: Vec<String>,
    /// Executions that were running; stopped where that was asked for.
    pub running: Vec<String>,
}

/// `POST /users/role`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// The address.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::email"))]
    pub email: String,
    /// The new role.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::role"))]
    pub role: String,
}

/// `POST /users/rotate`: registers a further key; the older live ones end after `overlap` seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    /// Whose key; one's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "crate::schema::email_or_null")
    )]
    pub email: Option<String>,
    /// Hash of the new key, standard base64 of SHA-256, where the caller made the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "crate::schema::hash_or_null")
    )]
    pub api_key_sha256: Option<String>,
    /// Seconds for which the old keys go on working; 0 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<u64>,
}

/// The answer to `POST /users/rotate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotateResponse {
    /// Whose key.
    pub email: String,
    /// The new key, where the server made it; shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// When the old keys stop working.
    pub old_keys_end_at: Timestamp,
}

/// `POST /claim/{token}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Hash of the key that the caller made; the server makes one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "crate::schema::hash_or_null")
    )]
    pub api_key_sha256: Option<String>,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClaimResponse {
    /// The key, where the server made it; shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// Whose key it is.
    pub user_email: String,
    /// Their role.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::role"))]
    pub role: String,
    /// What to do next.
    pub message: String,
}

/// `GET /whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WhoAmIView {
    /// The address.
    pub email: String,
    /// The role.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::role"))]
    pub role: String,
    /// When the key ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_expires_at: Option<Timestamp>,
}
