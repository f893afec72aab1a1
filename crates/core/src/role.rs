//! Roles, and the one table of who may do what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{Invalid, excerpt};

/// What a person may do. See [`Role::may`] for the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads executions, logs and locks.
    Viewer,
    /// Runs, and reads and kills what is their own.
    Developer,
    /// Runs, reads, kills and releases for all; lists users, reads the audit trail.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role, least powerful first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Operator, Self::Admin];

    /// The name on the wire and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Answers whether this role may do `action`.
    pub const fn may(self, action: Action) -> Access {
        match action {
            Action::WhoAmI | Action::RotateOwnKey | Action::ReadLocks => Access::Allowed,
            Action::Run => match self {
                Self::Viewer => Access::Forbidden,
                Self::Developer | Self::Operator | Self::Admin => Access::Allowed,
            },
            Action::ReadExecution(owner) => match (self, owner) {
                (Self::Developer, Owner::Other) => Access::Hidden,
                (Self::Developer, Owner::Own)
                | (Self::Viewer | Self::Operator | Self::Admin, _) => Access::Allowed,
            },
            Action::KillExecution(owner) => match (self, owner) {
                (Self::Viewer, _) => Access::Forbidden,
                (Self::Developer, Owner::Other) => Access::Hidden,
                (Self::Developer, Owner::Own) | (Self::Operator | Self::Admin, _) => {
                    Access::Allowed
                }
            },
            Action::ReleaseLock(owner) => match (self, owner) {
                (Self::Viewer, _) | (Self::Developer, Owner::Other) => Access::Forbidden,
                (Self::Developer, Owner::Own) | (Self::Operator | Self::Admin, _) => {
                    Access::Allowed
                }
            },
            Action::ListUsers | Action::ReadAudit => match self {
                Self::Viewer | Self::Developer => Access::Forbidden,
                Self::Operator | Self::Admin => Access::Allowed,
            },
            Action::ManageUsers => match self {
                Self::Viewer | Self::Developer | Self::Operator => Access::Forbidden,
                Self::Admin => Access::Allowed,
            },
        }
    }
}

/// Something a person asks to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See who one is.
    WhoAmI,
    /// Replace one's own key.
    RotateOwnKey,
    /// Start an execution.
    Run,
    /// See an execution and its log.
    ReadExecution(Owner),
    /// Stop an execution.
    KillExecution(Owner),
    /// See locks. Those who may not read the holder's execution see only its id and since when.
    ReadLocks,
    /// Free a lock that somebody holds.
    ReleaseLock(Owner),
    /// List people.
    ListUsers,
    /// Create and revoke people, change their roles, replace their keys.
    ManageUsers,
    /// Read the audit trail.
    ReadAudit,
}

/// Whose the thing is that an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The asking person's own.
    Own,
    /// Somebody else's.
    Other,
}

/// The answer to "may they?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Allowed,
    /// No, and they may know that it exists (HTTP 403).
    Forbidden,
    /// No, and they may not even know that it exists (HTTP 404).
    Hidden,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| {
                Invalid::new(
                    "role",
                    format!(
                        "must be viewer, developer, operator or admin, not {}",
                        excerpt(text)
                    ),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn developers_see_and_stop_only_their_own() {
        assert_eq!(
            Role::Developer.may(Action::ReadExecution(Owner::Own)),
            Access::Allowed
        );
        assert_eq!(
            Role::Developer.may(Action::ReadExecution(Owner::Other)),
            Access::Hidden
        );
        assert_eq!(
            Role::Developer.may(Action::KillExecution(Owner::Other)),
            Access::Hidden
        );
    }

    #[test]
    fn viewers_change_nothing() {
        for action in [
            Action::Run,
            Action::KillExecution(Owner::Own),
            Action::ReleaseLock(Owner::Own),
            Action::ManageUsers,
        ] {
            assert_eq!(Role::Viewer.may(action), Access::Forbidden);
        }
    }

    #[test]
    fn roles_print_as_they_parse() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse::<Role>().unwrap(), role);
        }
        assert!("root".parse::<Role>().is_err());
    }
}
