//! Why a use case refused: a stable kind, a sentence for the caller, and a private cause for the log.

use std::error::Error;
use std::fmt;

use runvoy_core::Invalid;
use runvoy_core::error::chain;
use runvoy_core::role::{Action, Role};
use runvoy_ports::StoreError;

/// What kind of refusal; each has one status and one code on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name says it; docs/api.md has the table")]
pub enum ErrorKind {
    Invalid,
    InvalidKey,
    KeyRevoked,
    KeyExpired,
    Forbidden,
    NotFound,
    Conflict,
    LockBusy,
    LockHeld,
    TooLarge,
    Unsupported,
    IdempotencyMismatch,
    ClaimUsed,
    ClaimExpired,
    Leave,
    TooManyRuns,
    Unavailable,
    Full,
    Internal,
}

/// A refusal. `Display` is the public sentence and never the cause.
#[derive(Debug)]
pub struct AppError {
    kind: ErrorKind,
    message: String,
    details: Option<String>,
    context: Vec<(&'static str, String)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl AppError {
    /// A refusal of this kind with a public sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            details: None,
            context: Vec::new(),
            cause: None,
        }
    }

    /// Adds why, and what to do.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Adds a datum for programs.
    #[must_use]
    pub fn with_context(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((name, value.to_string()));
        self
    }

    /// A thing that is not there, or that the caller may not know of.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("no such {what}"))
    }

    pub(crate) fn forbidden(role: Role, action: Action) -> Self {
        let what = match action {
            Action::Run => "run commands",
            Action::KillExecution(_) => "stop this execution",
            Action::ReleaseLock(_) => "release this lock",
            Action::ListUsers => "list users",
            Action::ManageUsers => "manage users",
            Action::ReadAudit => "read the audit trail",
            Action::ReadExecution(_)
            | Action::ReadLocks
            | Action::WhoAmI
            | Action::RotateOwnKey => "do this",
        };
        Self::new(
            ErrorKind::Forbidden,
            format!("the role {role} may not {what}"),
        )
        .with_details("ask an admin to do it, or to change your role: runvoy users role EMAIL ROLE")
    }

    pub(crate) fn leave(why: &str) -> Self {
        Self::new(ErrorKind::Leave, why)
    }

    /// Whether somebody else's change came first, so that reading and deciding again may help.
    pub(crate) fn is_overtaken(&self) -> bool {
        let cause = self
            .cause
            .as_deref()
            .and_then(|cause| cause.downcast_ref::<StoreError>());
        matches!(cause, Some(StoreError::Conflict))
    }

    /// The public sentence and every private cause, for the log.
    pub fn chain(&self) -> String {
        chain(self)
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Why, and what to do.
    pub fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// Data for programs.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.context
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for AppError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn Error + 'static))
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let (kind, message) = match error {
            StoreError::Conflict => (ErrorKind::Conflict, "too many changes at once; try again"),
            StoreError::Unavailable(_) => (
                ErrorKind::Unavailable,
                "the store is unavailable; try again",
            ),
            StoreError::Full(_) => (
                ErrorKind::Full,
                "the server's disk is full; nothing was changed",
            ),
            StoreError::Corrupt(_) => (ErrorKind::Internal, "a stored record cannot be read"),
        };
        let full = "make room in the server's data directory, then try again";
        let details = (kind == ErrorKind::Full).then(|| full.to_owned());
        Self {
            cause: Some(Box::new(error)),
            details,
            ..Self::new(kind, message)
        }
    }
}

impl From<Invalid> for AppError {
    fn from(error: Invalid) -> Self {
        Self::new(ErrorKind::Invalid, error.to_string())
    }
}
