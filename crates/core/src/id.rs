//! Identities of things that are not people.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{Invalid, excerpt};

checked_text! {
    /// An execution: 32 lower-case hex digits (a `UUIDv7` without dashes), so that ids sort by creation.
    ExecutionId, |text| {
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(())
        } else {
            Err(Invalid::new("execution id", format!("must be 32 lower-case hex digits, not {}", excerpt(text))))
        }
    }
}

checked_text! {
    /// One request to the API, as logs and audit records name it: 1–64 letters, digits or dashes.
    RequestId, |text| {
        if (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            Ok(())
        } else {
            Err(Invalid::new("request id", "must be 1 to 64 letters, digits or dashes"))
        }
    }
}

checked_text! {
    /// One batch of writes, so that its writer recognises it after a lost reply.
    OperationId, |text| {
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(())
        } else {
            Err(Invalid::new("operation id", "must be 32 hex digits"))
        }
    }
}

checked_text! {
    /// A command line process that runs its own control plane; it holds a lock file of this name while it lives.
    OwnerId, |text| {
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(())
        } else {
            Err(Invalid::new("owner id", "must be 32 hex digits"))
        }
    }
}

checked_text! {
    /// The random number of one boot of an agent: 32–64 hex digits. Only the agent and its record know it.
    BootNonce, |text| {
        if (32..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(())
        } else {
            Err(Invalid::new("nonce", "must be 32 to 64 hex digits"))
        }
    }
}

checked_text! {
    /// Names an agent's session without being it: the standard base64 of the session token's SHA-256.
    SessionId, |text| {
        if text.len() == 44 { Ok(()) } else { Err(Invalid::new("session id", "must be 44 characters of base64")) }
    }
}

checked_text! {
    /// Where an agent runs, in its launcher's words: a task ARN, a container id, a process. At most 512 printable characters.
    Place, |text| {
        if (1..=512).contains(&text.len()) && text.chars().all(|c| !c.is_control()) {
            Ok(())
        } else {
            Err(Invalid::new("place", "must be 1 to 512 printable characters"))
        }
    }
}

/// One try to place an agent for an execution, written `{id}-{n}`, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId {
    execution: ExecutionId,
    number: u32,
}

impl AttemptId {
    /// The `number`-th attempt of `execution`.
    pub fn new(execution: ExecutionId, number: u32) -> Self {
        Self { execution, number }
    }

    /// The execution that the attempt is for.
    pub fn execution(&self) -> &ExecutionId {
        &self.execution
    }

    /// Which attempt of the execution it is, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl FromStr for AttemptId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || {
            Invalid::new(
                "attempt",
                format!(
                    "must be an execution id, a dash and a number, not {}",
                    excerpt(text)
                ),
            )
        };
        let (execution, number) = text.split_once('-').ok_or_else(bad)?;
        let canonical = !number.is_empty()
            && !number.starts_with('0')
            && number.bytes().all(|b| b.is_ascii_digit());
        if !canonical {
            return Err(bad());
        }
        Ok(Self {
            execution: execution.parse().map_err(|_| bad())?,
            number: number.parse().map_err(|_| bad())?,
        })
    }
}

impl TryFrom<String> for AttemptId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<AttemptId> for String {
    fn from(attempt: AttemptId) -> Self {
        attempt.to_string()
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.execution, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempt_prints_as_it_parses() {
        let text = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-12";
        assert_eq!(text.parse::<AttemptId>().unwrap().to_string(), text);
    }

    #[test]
    fn attempt_has_one_spelling() {
        for bad in [
            "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-01",
            "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-+1",
            "x-1",
            "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-",
        ] {
            assert!(bad.parse::<AttemptId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn execution_id_is_lower_case_hex() {
        assert!(
            "0197F2A4C1D27C3E8B6A5D4E3F2A1B0C"
                .parse::<ExecutionId>()
                .is_err()
        );
        assert!("short".parse::<ExecutionId>().is_err());
    }
}
