//! Who asks, and by which request.

use runvoy_core::id::RequestId;
use runvoy_core::key::ApiKeyHash;
use runvoy_core::role::{Access, Action, Owner, Role};
use runvoy_core::user::UserEmail;

use crate::error::AppError;

/// A person who has proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The address.
    pub email: UserEmail,
    /// What they may do, read with this very request.
    pub role: Role,
    /// The key they showed; `None` for the local user.
    pub key: Option<ApiKeyHash>,
}

/// The first parameter of every use case that a person starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpContext {
    /// Who asks.
    pub actor: Actor,
    /// By which request.
    pub request_id: RequestId,
}

impl OpContext {
    /// The gate: every use case passes here before it does anything.
    pub(crate) fn require(&self, action: Action) -> Result<(), AppError> {
        match self.actor.role.may(action) {
            Access::Allowed => Ok(()),
            Access::Forbidden => Err(AppError::forbidden(self.actor.role, action)),
            Access::Hidden => Err(AppError::not_found("execution")),
        }
    }

    /// Whether a thing of `email` is the asking person's own.
    pub(crate) fn owner(&self, email: &UserEmail) -> Owner {
        if *email == self.actor.email {
            Owner::Own
        } else {
            Owner::Other
        }
    }
}
