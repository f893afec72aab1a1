//! Why an order has not become a container that runs.

use runvoy_ports::LaunchError;
use thiserror::Error;

use crate::call::CallError;

/// What stands between an order and a container that runs.
#[derive(Debug, Error)]
pub(crate) enum Obstacle {
    /// The engine has not got the image; these are its words.
    #[error("{0}")]
    NoImage(String),
    /// A definite no.
    #[error("{0}")]
    Refused(String),
    /// A definite no, which another try would bring again.
    #[error("{0}")]
    Impossible(String),
    /// No answer.
    #[error("{}", runvoy_core::error::chain(.0))]
    Unknown(CallError),
    /// Somebody else makes or removes a container of this name all the time.
    #[error("the container's name is taken, but not by a container")]
    InTheWay,
}

impl Obstacle {
    /// Somebody has asked to stop meanwhile.
    pub(crate) fn stopped() -> Self {
        Self::Refused("it was stopped before it was started".to_owned())
    }
}

impl From<CallError> for Obstacle {
    fn from(error: CallError) -> Self {
        match error.refusal() {
            Some(words) if error.says("no such image") => Self::NoImage(words),
            Some(words) => Self::Refused(words),
            None => Self::Unknown(error),
        }
    }
}

impl From<Obstacle> for LaunchError {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Refused(words) => Self::Refused(words),
            // What can be pulled never comes here; an identity cannot.
            Obstacle::NoImage(words) | Obstacle::Impossible(words) => Self::Impossible(words),
            Obstacle::Unknown(error) => Self::Unknown(error.into()),
            Obstacle::InTheWay => Self::Unknown(obstacle.into()),
        }
    }
}
