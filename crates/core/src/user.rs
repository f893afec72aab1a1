//! People and their addresses.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::ApiKeyHash;
use crate::role::Role;
use crate::text::{Invalid, excerpt};

checked_text! {
    /// A person's address, lower-case: one `@`, no white space or control characters, at most 254 bytes (RFC 5321).
    UserEmail, |text| {
        let parts = text.split_once('@');
        let plain = |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"@<>,;\"\\/".contains(c));
        match parts {
            Some((local, domain)) if plain(local) && plain(domain) && text.len() <= 254 && text.to_lowercase() == *text => Ok(()),
            _ => Err(Invalid::new("e-mail address", format!("must look like alice@example.com in lower case, not {}", excerpt(text)))),
        }
    }
}

impl UserEmail {
    /// Reads an address as people type it: surrounding white space dropped, lower-cased.
    pub fn from_typed(text: &str) -> Result<Self, Invalid> {
        text.trim().to_lowercase().parse()
    }
}

/// A person who may use the API. Revoked people stay, for the audit's sake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The address; unique.
    pub email: UserEmail,
    /// What the person may do; every key of the person carries the same role.
    pub role: Role,
    /// When the person was created, or created again after a revocation.
    pub created_at: Timestamp,
    /// Who created the person.
    pub created_by: Option<UserEmail>,
    /// When the person was revoked, if so.
    pub revoked_at: Option<Timestamp>,
    /// The live keys, oldest first; at most [`MAX_LIVE_KEYS`].
    pub keys: Vec<ApiKeyHash>,
}

/// Live keys a user may hold at once: the one in use and the one it is being replaced by.
pub const MAX_LIVE_KEYS: usize = 2;

impl User {
    /// Whether the person may use the API at all.
    pub fn is_active(&self) -> bool {
        self.revoked_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_addresses_are_folded() {
        assert_eq!(
            UserEmail::from_typed(" Alice@Example.com ")
                .unwrap()
                .as_str(),
            "alice@example.com"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "alice",
            "@example.com",
            "alice@",
            "a@b@c",
            "a b@c.d",
            "alice@exa\nmple.com",
            "<a@b.c>",
        ] {
            assert!(UserEmail::from_typed(bad).is_err(), "{bad:?}");
        }
    }
}
