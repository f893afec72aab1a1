//! What became of a call to the engine.

use std::time::Duration;

use bollard::errors::Error;
use thiserror::Error;
use tokio::time::timeout;

use crate::words::fit;

/// How long the engine may be silent in the middle of a log.
const SILENCE: Duration = Duration::from_secs(20);

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

    /// Whether the request itself is wrong, as the engine says.
    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, Self::Answer { status: 400, .. })
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
