//! What went wrong with an account, in words that say what to do.

use std::error::Error;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use runvoy_core::error::causes;
use thiserror::Error;

/// The file of everything that a deploying admin must be allowed to do.
pub const ADMIN_POLICY: &str = "deployments/aws/admin-policy.json";

/// What the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something that was given cannot be used.
    Input,
    /// The credentials are missing, have ended, or do not permit it.
    Denied,
    /// AWS or the network failed, or the deployment did.
    Failed,
}

/// Why something was not done, the nearest cause first, and what to type next.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct InfraError {
    /// What happened.
    pub message: String,
    /// Why.
    pub causes: Vec<String>,
    /// What to do, a line each.
    pub hints: Vec<String>,
    /// What the caller can do about it.
    pub kind: ErrorKind,
}

impl InfraError {
    /// AWS, the network or the deployment failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// Something that was given cannot be used.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// The credentials do not permit it.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds an error and all that it comes from.
    #[must_use]
    pub fn because_of(mut self, error: &(dyn Error + 'static)) -> Self {
        self.causes.extend(causes(error));
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn hint(mut self, line: impl Into<String>) -> Self {
        self.hints.push(line.into());
        self
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            kind,
        }
    }
}

/// Says what could not be done, by which action, and why AWS refused.
pub(crate) fn failed<E>(
    what: impl Into<String>,
    action: &'static str,
) -> impl FnOnce(SdkError<E>) -> InfraError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let what = what.into();
    move |error| match error.as_service_error() {
        Some(refusal) => explain(
            what,
            action,
            refusal.meta().code().unwrap_or_default(),
            refusal.meta().message().unwrap_or_default(),
        ),
        None => unanswered(what, &error),
    }
}

/// Whether AWS refused with this code.
pub(crate) fn has_code<E>(error: &SdkError<E>, codes: &[&str]) -> bool
where
    E: ProvideErrorMetadata,
{
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    code.is_some_and(|code| codes.contains(&code))
}

/// No credentials could be found or fetched.
pub(crate) fn no_credentials(error: &(dyn Error + 'static), profile: Option<&str>) -> InfraError {
    let profile = profile.map_or_else(String::new, |name| format!(" --profile {name}"));
    InfraError::denied("no AWS credentials can be used")
        .because_of(error)
        .hint(format!("sign in:         aws sso login{profile}"))
        .hint(format!("or set up a key: aws configure{profile}"))
        .hint("another profile: the same command with --profile NAME")
}

/// What AWS's refusal means to a person.
pub(crate) fn explain(
    what: impl Into<String>,
    action: &str,
    code: &str,
    message: &str,
) -> InfraError {
    let said = if message.is_empty() { code } else { message };
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            InfraError::denied("the AWS session has expired")
                .because(said)
                .hint("sign in again:  aws sso login     (or fetch new credentials, however you got these)")
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch"
        | "InvalidSignatureException" | "AuthFailure" | "IncompleteSignature" => {
            InfraError::denied("AWS does not accept the credentials")
                .because(said)
                .hint("are they of this account, and is the region switched on in it?  aws sts get-caller-identity")
        }
        "OptInRequired" => InfraError::denied("this region is not switched on in the account")
            .because(said)
            .hint("switch it on in the console under Account, or choose another:  --region REGION"),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "UnauthorizedException" => {
            let missing = missing_action(message).unwrap_or(action);
            InfraError::denied(what)
                .because(said)
                .hint(format!("these credentials lack {missing}; all that is needed stands in {ADMIN_POLICY}"))
        }
        "Throttling" | "ThrottlingException" | "TooManyRequestsException" => {
            InfraError::failed(what).because(said).hint("AWS is busy with this account; try again in a minute")
        }
        _ => InfraError::failed(what).because(said),
    }
}

/// The action that AWS names when it says that one is not permitted.
fn missing_action(message: &str) -> Option<&str> {
    let rest = message.split_once("not authorized to perform: ")?.1;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != ':' && c != '-');
    rest.get(..end.unwrap_or(rest.len()))
        .filter(|action| action.contains(':'))
}

fn unanswered<E: Error + 'static>(what: String, error: &SdkError<E>) -> InfraError {
    InfraError::failed(what)
        .because_of(error)
        .hint("is the network up, and the region right?  --region REGION")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_named_with_the_policy_that_has_it() {
        let error = explain(
            "the stack cannot be read",
            "cloudformation:DescribeStacks",
            "AccessDenied",
            "User: arn:aws:iam::1:user/a is not authorized to perform: ecs:RunTask on resource: x",
        );
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.hints[0].contains("ecs:RunTask") && error.hints[0].contains(ADMIN_POLICY));
        let silent = explain("x", "s3:PutObject", "AccessDenied", "Access Denied");
        assert!(silent.hints[0].contains("s3:PutObject"));
    }

    #[test]
    fn an_expired_session_says_how_to_sign_in_again() {
        for code in ["ExpiredToken", "ExpiredTokenException", "RequestExpired"] {
            let error = explain("x", "sts:GetCallerIdentity", code, "the token is expired");
            assert!(error.hints[0].contains("aws sso login"), "{code}");
        }
    }

    #[test]
    fn other_refusals_keep_the_words_of_aws() {
        let error = explain(
            "the bucket cannot be filled",
            "s3:PutObject",
            "NoSuchBucket",
            "no such bucket",
        );
        assert_eq!(error.kind, ErrorKind::Failed);
        assert_eq!(error.causes, ["no such bucket"]);
    }
}
