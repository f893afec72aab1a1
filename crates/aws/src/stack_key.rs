//! The deployment's secret, kept in Systems Manager.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// Why the stack key could not be had.
#[derive(Debug, Error)]
pub enum StackKeyError {
    /// Systems Manager did not give it.
    #[error("the stack key {name} cannot be read; `runvoy infra apply` makes it")]
    Unread {
        /// The parameter.
        name: String,
        /// What the SDK says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is not 32 bytes in base64.
    #[error("the stack key {name} is not 32 bytes in base64; was it changed by hand?")]
    Malformed {
        /// The parameter.
        name: String,
    },
}

/// Reads the 32 bytes of the stack key from the `SecureString` called `name`.
pub async fn stack_key(ssm: &aws_sdk_ssm::Client, name: &str) -> Result<[u8; 32], StackKeyError> {
    let answer = ssm.get_parameter().name(name).with_decryption(true).send();
    let answer = answer.await.map_err(|error| StackKeyError::Unread {
        name: name.to_owned(),
        source: Box::new(error.into_service_error()),
    })?;
    let text = answer.parameter.and_then(|parameter| parameter.value);
    let text = SecretString::from(text.unwrap_or_default());
    parse(&text).ok_or_else(|| StackKeyError::Malformed {
        name: name.to_owned(),
    })
}

fn parse(text: &SecretString) -> Option<[u8; 32]> {
    let bytes = STANDARD.decode(text.expose_secret().trim()).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_base64_and_nothing_else() {
        let parse = |text: &str| parse(&SecretString::from(text.to_owned()));
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        assert_eq!(parse(&format!("{key}\n")).unwrap()[31], 31);
        for bad in ["", "AAEC", "not base64!", &key[..40]] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
