//! API keys and claim tokens: how they look, and the hash that is all a store ever sees.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::role::Role;
use crate::text::Invalid;
use crate::user::UserEmail;

/// Random bytes in a key or claim token (160 bits).
pub const RANDOM_BYTES: usize = 20;

/// Lower-case Crockford base32: no letter that reads as another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A person's key in clear. Cannot be cloned, serialized or printed; only its hash is ever stored.
#[derive(Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    const PREFIX: &'static str = "rvy_";

    /// Makes a key of `random`: `rvy_`, 32 characters of base32, 4 of checksum.
    pub fn from_random(random: [u8; RANDOM_BYTES]) -> Self {
        Self(encode(Self::PREFIX, &random).into())
    }

    /// Reads a key as somebody gave it: any 20–200 printable ASCII characters, so that keys of other systems can be kept.
    /// One that begins with `rvy_` must also have the right checksum, which tells a typing mistake from a revoked key.
    pub fn from_typed(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if !(20..=200).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::new(
                "API key",
                "must be 20 to 200 printable characters without spaces",
            ));
        }
        if text.starts_with(Self::PREFIX) && !checksum_holds(Self::PREFIX, text) {
            return Err(Invalid::new(
                "API key",
                "is mistyped or cut off (its checksum does not match)",
            ));
        }
        Ok(Self(text.into()))
    }

    /// The hash that a store knows the key by.
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(Sha256::digest(self.0.expose_secret()).into())
    }

    /// The key itself, to send it or to show it to its owner once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// SHA-256 of a key, written as standard base64. Enough to recognise a key, useless to make one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKeyHash([u8; 32]);

impl ApiKeyHash {
    /// Compares in constant time.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The first characters, to tell keys apart in lists.
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl fmt::Display for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyHash(…)")
    }
}

impl TryFrom<String> for ApiKeyHash {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let bad = || Invalid::new("API key hash", "must be the standard base64 of a SHA-256");
        let bytes = STANDARD.decode(&text).map_err(|_| bad())?;
        Ok(Self(bytes.try_into().map_err(|_| bad())?))
    }
}

impl From<ApiKeyHash> for String {
    fn from(hash: ApiKeyHash) -> Self {
        hash.to_string()
    }
}

/// What a store keeps of a key: everything one lookup needs to decide a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Which key.
    pub hash: ApiKeyHash,
    /// Whose it is.
    pub email: UserEmail,
    /// The owner's role, changed together with the owner's.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if so.
    pub revoked_at: Option<Timestamp>,
}

/// A one-time token with which a new person fetches a key.
#[derive(Debug)]
pub struct ClaimToken(SecretString);

impl ClaimToken {
    const PREFIX: &'static str = "rvc_";

    /// Makes a token of `random`: `rvc_`, 32 characters of base32, 4 of checksum.
    pub fn from_random(random: [u8; RANDOM_BYTES]) -> Self {
        Self(encode(Self::PREFIX, &random).into())
    }

    /// Reads a token as somebody pasted it.
    pub fn from_typed(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if checksum_holds(Self::PREFIX, text) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new(
                "claim token",
                "is mistyped or cut off: it begins with rvc_ and has 40 characters",
            ))
        }
    }

    /// The hash that a store knows the token by.
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(Sha256::digest(self.0.expose_secret()).into())
    }

    /// The token itself, to show it to the person who passes it on.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn encode(prefix: &str, random: &[u8]) -> String {
    let body = base32(random);
    let sum = checksum(prefix, &body);
    format!("{prefix}{body}{sum}")
}

fn checksum(prefix: &str, body: &str) -> String {
    let digest = Sha256::new()
        .chain_update(prefix)
        .chain_update(body)
        .finalize();
    let mut sum = base32(&digest[..5]);
    sum.truncate(4);
    sum
}

fn checksum_holds(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .filter(|rest| rest.len() == 36 && rest.is_ascii())
        .is_some_and(|rest| checksum(prefix, &rest[..32]) == rest[32..])
}

/// Encodes whole groups of five bytes as eight characters each.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks_exact(5) {
        let bits = group
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            let digit = usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET[digit]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_reads_back() {
        let key = ApiKey::from_random([7; RANDOM_BYTES]);
        assert_eq!(key.expose().len(), 40);
        assert_eq!(ApiKey::from_typed(key.expose()).unwrap().hash(), key.hash());
    }

    #[test]
    fn a_mistyped_key_is_told_from_a_wrong_one() {
        let key = ApiKey::from_random([7; RANDOM_BYTES]);
        let typo = key.expose().replacen('w', "x", 1);
        assert!(typo != key.expose() && ApiKey::from_typed(&typo).is_err());
        assert!(ApiKey::from_typed("a-key-of-another-system-0123").is_ok());
        assert!(ApiKey::from_typed("short").is_err());
    }

    #[test]
    fn the_hash_is_the_published_one() {
        let key = ApiKey::from_typed("abcdefghijklmnopqrstuvwxyz").unwrap();
        assert_eq!(
            key.hash().to_string(),
            "ccSA35PWri8e+tFEfGbJUl4xYhjPUfyNntgy8trxi3M="
        );
    }

    #[test]
    fn neither_key_nor_token_can_be_printed() {
        let key = ApiKey::from_random([7; RANDOM_BYTES]);
        let token = ClaimToken::from_random([9; RANDOM_BYTES]);
        let shown = format!("{key:?} {token:?} {:?}", key.hash());
        assert!(
            !shown.contains(key.expose())
                && !shown.contains(token.expose())
                && !shown.contains(&key.hash().to_string())
        );
    }

    #[test]
    fn a_claim_token_needs_its_checksum() {
        let token = ClaimToken::from_random([9; RANDOM_BYTES]);
        assert!(ClaimToken::from_typed(token.expose()).is_ok());
        assert!(ClaimToken::from_typed(&token.expose()[..39]).is_err());
        assert!(ClaimToken::from_typed("rvc_é").is_err());
    }
}
