//! What became of a call to the engine.

use std::time::Duration;

use bollard::errors::Error;
use thiserror::Error;
use tokio::time::timeout;

use crate::words::fit;

/// How long the engine may be silent in the middle of a log.
const SILENCE: Duration = Duration::from_secs(20);

/// What is said in an answer whose status, 500, does not tell: by names, by registries, and where users are looked up.
const FINAL: [&str; 7] = [
    "no such host",
    "manifest unknown",
    "unauthorized",
    "no basic auth credentials",
    "no matching manifest",
    "unable to find user",
    "unable to find group",
];

/// Why a call did not do what it should.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    /// The engine said no, in its own words.
    #[error("{message}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The agent's volume holds something that cannot be replaced.
    #[error("the agent cannot be put into the volume {0}; remove it with: docker volume rm {0}")]
    Unusable(String),
    /// No answer, or none that makes sense: it may have happened or not.
    #[error("the Docker Engine did not answer")]
    Silence(#[source] Error),
}

impl CallError {
    /// Whether there is no such thing.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Answer { status: 404, .. })
    }

    /// Whether it is in the way of something else.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Answer { status: 409, .. })
    }

    /// The engine's words, where it is a definite no. A proxy's 502 or 503 is none.
    pub(crate) fn refusal(&self) -> Option<String> {
        match self {
            Self::Answer {
                status: 400..=500, ..
            }
            | Self::Unusable(_) => Some(self.to_string()),
            Self::Answer { .. } | Self::Silence(_) => None,
        }
    }

    /// Whether asking again would bring the same answer: the request is wrong, or asks for what is not there or
    /// not for everybody.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Answer { status, .. } => {
                matches!(status, 400 | 401 | 403 | 404)
                    || FINAL.iter().any(|words| self.says(words))
            }
            Self::Unusable(_) | Self::Silence(_) => false,
        }
    }

    /// No answer in time.
    pub(crate) fn late() -> Self {
        Self::Silence(Error::RequestTimeoutError)
    }

    /// Whether the engine's words have these in them.
    pub(crate) fn says(&self, words: &str) -> bool {
        match self {
            Self::Answer { message, .. } => message.to_lowercase().contains(words),
            Self::Unusable(_) | Self::Silence(_) => false,
        }
    }
}

/// The next part of a log, unless the engine is silent for too long.
pub(crate) async fn in_time<T>(next: impl Future<Output = T>) -> Result<T, CallError> {
    timeout(SILENCE, next).await.map_err(|_| CallError::late())
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => Self::Answer {
                status: status_code,
                message: fit(&message),
            },
            // The engine says these in the middle of an answer that began well.
            Error::DockerStreamError { error } => Self::Answer {
                status: 500,
                message: fit(&error),
            },
            other => Self::Silence(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asking_again_would_not_change_is_final() {
        let answer = |status, message: &str| {
            let message = message.to_owned();
            CallError::Answer { status, message }.is_final()
        };
        assert!(answer(400, "invalid reference format"));
        assert!(answer(404, "pull access denied for x"));
        assert!(answer(
            500,
            "dial tcp: lookup ghrc.io on 1.1.1.1:53: no such host"
        ));
        assert!(answer(
            500,
            "unable to find user stranger: no matching entries"
        ));
        assert!(!answer(500, "no space left on device"));
        assert!(!answer(
            500,
            "dial tcp 192.0.2.1:443: connect: connection refused"
        ));
        assert!(!answer(
            429,
            "toomanyrequests: you have reached your pull rate limit"
        ));
        assert!(!CallError::late().is_final());
    }
}
