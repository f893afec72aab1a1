//! What a store keeps of a claim token.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::ApiKeyHash;
use crate::role::Role;
use crate::user::UserEmail;

/// An invitation: whoever holds the token may fetch one key for `email`, once, before `expires_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// SHA-256 of the token.
    pub token: ApiKeyHash,
    /// Whom it is for.
    pub email: UserEmail,
    /// The role of the key.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The key it was exchanged for, and when.
    pub used: Option<ClaimUse>,
}

/// The one use of a claim token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimUse {
    /// When.
    pub at: Timestamp,
    /// The key that was handed out; asking again with the same key gets the same answer.
    pub key: ApiKeyHash,
}
