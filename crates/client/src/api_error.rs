//! Why a call brought no answer that can be used.

use runvoy_wire::error::{ErrorBody, ErrorCode};
use thiserror::Error;

use crate::transport::TransportError;

/// A call that failed.
#[derive(Debug, Error)]
pub enum ApiError {
    /// No answer came.
    #[error("{server} {}", if is_connect(source) { "cannot be reached" } else { "did not answer" })]
    Transport {
        /// What the server is called.
        server: String,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// The server said no.
    #[error("{}", body.error)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its reasons.
        body: Box<ErrorBody>,
    },
    /// What answered does not speak this API.
    #[error("the answer (HTTP {status}) is not runvoy's: {excerpt}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// How the answer begins.
        excerpt: String,
    },
    /// The request could not be written.
    #[error("the request cannot be sent")]
    BadRequest(#[source] http::Error),
}

impl ApiError {
    /// The stable name of a refusal.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.body().map(|body| &body.code)
    }

    /// The whole refusal.
    pub fn body(&self) -> Option<&ErrorBody> {
        match self {
            Self::Refused { body, .. } => Some(body),
            Self::Transport { .. } | Self::Unreadable { .. } | Self::BadRequest(_) => None,
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Unreadable { status, .. } => Some(*status),
            Self::Transport { .. } | Self::BadRequest(_) => None,
        }
    }

    /// The request as the server's log names it.
    pub fn request_id(&self) -> Option<&str> {
        self.body()?.request_id.as_deref()
    }

    /// Nobody was reached, so nothing was done.
    pub fn is_unreached(&self) -> bool {
        matches!(self, Self::Transport { source, .. } if is_connect(source))
    }

    /// The server refused because it was asked too often, before it did anything.
    pub fn is_rate_limit(&self) -> bool {
        self.code() == Some(&ErrorCode::RateLimited)
    }

    /// Whether the same call may succeed a little later: the answer was lost, or the server is busy or away.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport { source, .. } => match source {
                TransportError::Connect(_) | TransportError::NoAnswer(_) => true,
                TransportError::BadAddress { .. } | TransportError::BadCaFile(..) => false,
            },
            Self::BadRequest(_) => false,
            // Room for another run comes when one ends, which may be in hours.
            Self::Refused { body, .. } if body.code == ErrorCode::TooManyRuns => false,
            Self::Refused { status, .. } | Self::Unreadable { status, .. } => {
                matches!(status, 429 | 502 | 503 | 504)
            }
        }
    }
}

fn is_connect(error: &TransportError) -> bool {
    matches!(error, TransportError::Connect(_))
}
