//! What became of a call to the engine.

use bollard::errors::Error;
use thiserror::Error;

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
    pub(crate) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Answer {
                status: 400..=500,
                message,
            } => Some(message),
            Self::Answer { .. } | Self::Silence(_) => None,
        }
    }

    /// Whether the engine's words have these in them.
    pub(crate) fn says(&self, words: &str) -> bool {
        match self {
            Self::Answer { message, .. } => message.to_lowercase().contains(words),
            Self::Silence(_) => false,
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => Self::Answer {
                status: status_code,
                message: message.trim().to_owned(),
            },
            // The engine says these in the middle of an answer that began well.
            Error::DockerStreamError { error } => Self::Answer {
                status: 500,
                message: error.trim().to_owned(),
            },
            other => Self::Silence(other),
        }
    }
}
