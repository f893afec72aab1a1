//! The one secret of a deployment, and what is derived from it: agents' tokens and the sealing of values.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use runvoy_core::execution::Sealed;
use runvoy_core::id::{AttemptId, BootNonce, ExecutionId, SessionId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

const NONCE_BYTES: usize = 24;

/// Keys derived from the stack key by HKDF-SHA-256 (RFC 5869), one for each purpose.
#[derive(ZeroizeOnDrop)]
pub struct StackKey {
    bootstrap: [u8; 32],
    session: [u8; 32],
    sealing: [u8; 32],
}

/// Values of an execution's variables in clear, on their way to its agent.
#[derive(Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecValues {
    /// Plain variables.
    pub env: BTreeMap<String, String>,
    /// Secret variables.
    pub secrets: BTreeMap<String, String>,
}

impl SpecValues {
    /// Whether there is nothing to seal.
    pub fn is_empty(&self) -> bool {
        self.env.is_empty() && self.secrets.is_empty()
    }

    /// Bytes of all names and values together.
    pub fn size(&self) -> usize {
        self.env
            .iter()
            .chain(&self.secrets)
            .map(|(name, value)| name.len() + value.len() + 2)
            .sum()
    }
}

impl fmt::Debug for SpecValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpecValues(…)")
    }
}

impl Drop for SpecValues {
    fn drop(&mut self) {
        self.env
            .values_mut()
            .chain(self.secrets.values_mut())
            .for_each(Zeroize::zeroize);
    }
}

impl StackKey {
    /// Derives all keys from the 32 bytes of the stack key.
    pub fn new(secret: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        let derive = |purpose: &str| {
            let mut key = [0; 32];
            // 32 bytes are always within HKDF's limit of 255 blocks.
            let _filled = hkdf.expand(purpose.as_bytes(), &mut key);
            key
        };
        Self {
            bootstrap: derive("runvoy agent bootstrap v1"),
            session: derive("runvoy agent session v1"),
            sealing: derive("runvoy sealing v1"),
        }
    }

    /// The token with which an agent of this attempt may start, once.
    pub fn bootstrap_token(&self, attempt: &AttemptId) -> SecretString {
        mac(&self.bootstrap, &[&attempt.to_string()]).into()
    }

    /// Whether `token` is the attempt's bootstrap token; compared in constant time.
    pub fn is_bootstrap_token(&self, attempt: &AttemptId, token: &str) -> bool {
        self.bootstrap_token(attempt)
            .expose_secret()
            .as_bytes()
            .ct_eq(token.as_bytes())
            .into()
    }

    /// The token of all further calls of one boot of an agent.
    pub fn session_token(&self, attempt: &AttemptId, nonce: &BootNonce) -> SecretString {
        let mac = mac(&self.session, &[&attempt.to_string(), nonce.as_str()]);
        format!("{}.{mac}", nonce.as_str()).into()
    }

    /// Whether `token` is the session token of some boot of the attempt's agent; compared in constant time. Costs no
    /// look at the store, so that strangers cost none.
    pub fn is_session_token(&self, attempt: &AttemptId, token: &str) -> bool {
        let nonce = token
            .split_once('.')
            .and_then(|(nonce, _)| nonce.parse().ok());
        nonce.is_some_and(|nonce| {
            let expected = self.session_token(attempt, &nonce);
            expected
                .expose_secret()
                .as_bytes()
                .ct_eq(token.as_bytes())
                .into()
        })
    }

    /// Encrypts values for one execution: XChaCha20-Poly1305 with a random nonce, bound to the execution's id.
    pub fn seal(&self, id: &ExecutionId, values: &SpecValues) -> Option<Sealed> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).ok()?;
        let mut clear = serde_json::to_vec(values).ok()?;
        let payload = Payload {
            msg: &clear,
            aad: id.as_str().as_bytes(),
        };
        let ciphertext = self.cipher().encrypt(XNonce::from_slice(&nonce), payload);
        clear.zeroize();
        Some(Sealed::new(
            STANDARD.encode([&nonce[..], &ciphertext.ok()?].concat()),
        ))
    }

    /// Decrypts what [`seal`](Self::seal) made for the same execution under the same stack key.
    pub fn unseal(&self, id: &ExecutionId, sealed: &Sealed) -> Option<SpecValues> {
        let bytes = STANDARD.decode(sealed.ciphertext()).ok()?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES)?;
        let payload = Payload {
            msg: ciphertext,
            aad: id.as_str().as_bytes(),
        };
        let mut clear = self
            .cipher()
            .decrypt(XNonce::from_slice(nonce), payload)
            .ok()?;
        let values = serde_json::from_slice(&clear).ok();
        clear.zeroize();
        values
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(&self.sealing))
    }
}

/// What a store may know of a session token: its SHA-256.
pub(crate) fn session_id(token: &str) -> SessionId {
    digest_id(&STANDARD.encode(Sha256::digest(token)))
}

#[expect(
    clippy::expect_used,
    reason = "the base64 of 32 bytes has 44 characters"
)]
fn digest_id(text: &str) -> SessionId {
    text.parse().expect("44 characters of base64")
}

/// HMAC-SHA-256 over the parts, each preceded by its length, as URL-safe base64.
fn mac(key: &[u8; 32], parts: &[&str]) -> String {
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of any length (RFC 2104)"
    )]
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("any key length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

impl fmt::Debug for StackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StackKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> ExecutionId {
        digit.to_string().repeat(32).parse().unwrap()
    }

    fn values() -> SpecValues {
        SpecValues {
            env: [("A".to_owned(), "1".to_owned())].into(),
            secrets: [("B".to_owned(), "s3cret".to_owned())].into(),
        }
    }

    #[test]
    fn sealed_values_open_only_for_their_execution_and_key() {
        let key = StackKey::new(&[1; 32]);
        let sealed = key.seal(&id('a'), &values()).unwrap();
        assert!(!sealed.ciphertext().contains("s3cret"));
        assert_eq!(key.unseal(&id('a'), &sealed), Some(values()));
        assert_eq!(key.unseal(&id('b'), &sealed), None);
        assert_eq!(StackKey::new(&[2; 32]).unseal(&id('a'), &sealed), None);
        assert_eq!(key.unseal(&id('a'), &Sealed::new("AAAA".to_owned())), None);
    }

    #[test]
    fn tokens_belong_to_one_attempt_and_one_boot() {
        let key = StackKey::new(&[1; 32]);
        let (first, second) = (AttemptId::new(id('a'), 1), AttemptId::new(id('a'), 2));
        let token = key.bootstrap_token(&first);
        assert!(key.is_bootstrap_token(&first, token.expose_secret()));
        assert!(!key.is_bootstrap_token(&second, token.expose_secret()));
        let nonce = |digit: &str| digit.repeat(32).parse::<BootNonce>().unwrap();
        let session = key.session_token(&first, &nonce("1"));
        assert_ne!(
            session.expose_secret(),
            key.session_token(&first, &nonce("2")).expose_secret()
        );
        assert_ne!(session.expose_secret(), token.expose_secret());
        assert!(key.is_session_token(&first, session.expose_secret()));
        assert!(!key.is_session_token(&second, session.expose_secret()));
        for stranger in ["", ".", "x.y", token.expose_secret(), &"1".repeat(32)] {
            assert!(!key.is_session_token(&first, stranger), "{stranger}");
        }
    }
}
