//! What went wrong, why, what to type next, and the exit code.

use std::fmt::Display;

use runvoy_client::api_error::ApiError;
use runvoy_core::Invalid;
use runvoy_core::error::{causes, without_repeats};
use runvoy_wire::error::ErrorCode;

use crate::exit::ExitStatus;

const SERVER_LOG: &str = "the server's log says more under request";

/// The end of a command that did not work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What happened.
    pub(crate) message: String,
    /// Why, the nearest cause first.
    pub(crate) causes: Vec<String>,
    /// What to type next, a line each.
    pub(crate) hints: Vec<String>,
    /// What the process exits with.
    pub(crate) status: ExitStatus,
}

impl Failure {
    /// runvoy itself, the network or the place failed.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            status: ExitStatus::FAILED,
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(message).exits(ExitStatus::USAGE)
    }

    /// Adds an error and all that it comes from.
    pub(crate) fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        self.causes.extend(causes(error));
        self
    }

    /// Adds a reason in words.
    pub(crate) fn because_of(mut self, reason: impl Into<String>) -> Self {
        self.causes.push(reason.into());
        self
    }

    /// Adds a line that says what to type next.
    pub(crate) fn hint(mut self, line: impl Into<String>) -> Self {
        self.hints.push(line.into());
        self
    }

    /// Leaves out what only a server has: under `--local` nobody keeps its log.
    pub(crate) fn without_server(mut self) -> Self {
        self.causes.retain(|cause| !cause.starts_with(SERVER_LOG));
        self
    }

    /// Sets the exit code.
    pub(crate) fn exits(mut self, status: ExitStatus) -> Self {
        self.status = status;
        self
    }
}

/// Nothing says which server to ask.
pub(crate) fn no_server() -> Failure {
    Failure::new("no server is configured")
        .hint("try it here:  runvoy --local run \"echo hello world\"")
        .hint("join a team:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)")
        .hint("deploy it:    runvoy infra apply")
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::usage(format!("the {invalid}"))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let mut failure = Self::new(error.to_string());
        failure.causes = error.chain().skip(1).map(ToString::to_string).collect();
        without_repeats(&mut failure.causes);
        failure
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let ApiError::Refused { status, body } = &error else {
            return unanswered(&error);
        };
        let mut failure = Self::new(body.error.clone()).exits(exit_of(*status, &body.code));
        if *status >= 500
            && let Some(id) = &body.request_id
        {
            failure.causes.push(format!("{SERVER_LOG} {id}"));
        }
        // The server says best why it refused and what to do; what it does not say is said here.
        match &body.details {
            Some(details) => failure.hints.push(details.clone()),
            None => failure
                .hints
                .extend(hints_for(&body.code).iter().map(|line| (*line).to_owned())),
        }
        failure
    }
}

fn unanswered(error: &ApiError) -> Failure {
    let mut failure = Failure::new(error.to_string());
    // Between the message and the root there are only the layers of the HTTP client.
    let source = std::error::Error::source(error);
    failure.causes = source
        .and_then(|source| causes(source).pop())
        .into_iter()
        .collect();
    if let ApiError::Unreadable { .. } = error {
        return failure.hint("is the endpoint right?  runvoy context list");
    }
    failure
        .hint("is it running, and can it be reached from here?  runvoy health")
        .hint("is the endpoint right?                           runvoy context list")
}

fn exit_of(status: u16, code: &ErrorCode) -> ExitStatus {
    match (status, code) {
        (_, ErrorCode::LockBusy | ErrorCode::TooManyRuns) => ExitStatus::BUSY,
        (_, ErrorCode::InvalidRequest) | (413, _) => ExitStatus::USAGE,
        (401 | 403, _) => ExitStatus::NOT_PERMITTED,
        _ => ExitStatus::FAILED,
    }
}

fn hints_for(code: &ErrorCode) -> &'static [&'static str] {
    match code {
        ErrorCode::Unauthorized | ErrorCode::InvalidApiKey => &[
            "which key is used?   runvoy context list",
            "get one:             runvoy claim TOKEN --endpoint URL     (ask your admin for the line)",
        ],
        ErrorCode::ApiKeyRevoked | ErrorCode::ApiKeyExpired => {
            &["get a new key:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)"]
        }
        ErrorCode::Forbidden => &["see your role:  runvoy whoami"],
        ErrorCode::ClaimUsed | ErrorCode::ClaimExpired => {
            &["ask your admin for a new line; they type:  runvoy users create YOUR-ADDRESS"]
        }
        ErrorCode::LockBusy => &[
            "wait in line:  the same command without --no-wait",
            "see who:       runvoy locks list",
        ],
        ErrorCode::PayloadTooLarge => {
            &["put a long script into a file that the command can fetch, and run that"]
        }
        _ => &[],
    }
}

/// A file that could not be read or written.
pub(crate) fn file(what: &str, path: impl Display, error: &std::io::Error) -> Failure {
    Failure::new(format!("{path} cannot be {what}")).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_server_its_log_is_not_mentioned() {
        let failure = Failure::new("it failed")
            .because_of(format!("{SERVER_LOG} r"))
            .because_of("no space");
        assert_eq!(failure.without_server().causes, ["no space"]);
    }
}
