//! Permissions that callers are said to lack.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::ACCOUNT;
use super::query::{Failure, refuse, refuse_ec2, refuse_s3};
use crate::sync::lock;
use crate::{Call, Reply, json, json_error};

/// What is denied to whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Denials(Arc<Mutex<BTreeSet<(String, String)>>>);

impl Denials {
    /// Denies the action to the caller.
    pub(crate) fn deny(&self, caller: &str, action: &str) {
        lock(&self.0).insert((caller.to_owned(), action.to_owned()));
    }

    /// Denies nothing any more.
    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The refusal, if the call is denied.
    pub(crate) fn judge(&self, call: &Call) -> Option<Reply> {
        let action = format!("{}:{}", prefix(&call.service), operation(call));
        let whole_service = format!("{}:*", prefix(&call.service));
        let denied = lock(&self.0);
        let is_denied = [&action, &whole_service]
            .iter()
            .any(|action| denied.contains(&(call.caller.clone(), (*action).clone())));
        is_denied.then(|| refusal(call, &action))
    }
}

/// Who the caller is.
pub(crate) fn identity(caller: &str) -> String {
    match caller {
        "AKIALOCALADMIN" => format!("arn:aws:iam::{ACCOUNT}:user/admin"),
        "AKIALOCALAPI" => assumed("api"),
        "AKIALOCALAGENT" => assumed("agent"),
        "AKIALOCALEVENTS" => assumed("event-processor"),
        _ => format!("arn:aws:iam::{ACCOUNT}:user/unknown"),
    }
}

fn assumed(function: &str) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{function}/{function}")
}

fn refusal(call: &Call, action: &str) -> Reply {
    let resource = format!(
        "arn:aws:{}:{}:{ACCOUNT}:*",
        prefix(&call.service),
        call.region
    );
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action",
        identity(&call.caller)
    );
    let failure = |code: &'static str| Failure {
        status: 403,
        code,
        message: message.clone(),
    };
    match call.service.as_str() {
        "ec2" => refuse_ec2(&Failure {
            message: format!("You are not authorized to perform this operation. {message}"),
            ..failure("UnauthorizedOperation")
        }),
        "s3" => refuse_s3(&failure("AccessDenied")),
        "cloudformation" | "sts" | "iam" | "sns" => refuse(&failure("AccessDenied")),
        "lambda" => {
            let mut reply = json(
                403,
                "application/json",
                &serde_json::json!({ "Message": message }),
            );
            let kind = http::HeaderValue::from_static("AccessDeniedException");
            reply.headers_mut().insert("x-amzn-errortype", kind);
            reply
        }
        _ => json_error(400, "AccessDeniedException", &message),
    }
}

/// The service as IAM names it.
fn prefix(service: &str) -> &str {
    match service {
        "monitoring" => "cloudwatch",
        other => other,
    }
}

/// The operation; S3's and Lambda's follow from method and path.
fn operation(call: &Call) -> String {
    let segments: Vec<_> = call
        .uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let name = match (
        call.service.as_str(),
        call.method.as_str(),
        segments.as_slice(),
    ) {
        ("s3", "PUT", [_]) => "CreateBucket",
        ("s3", "GET" | "HEAD", [_]) => "ListBucket",
        ("s3", "DELETE", [_]) => "DeleteBucket",
        ("s3", "PUT", _) => "PutObject",
        ("s3", "GET" | "HEAD", _) => "GetObject",
        ("s3", _, _) => "DeleteObject",
        ("lambda", "POST", [.., "invocations"]) => "InvokeFunction",
        ("lambda", "GET", [.., "account-settings"]) => "GetAccountSettings",
        ("lambda", "GET", [_, "functions", _]) => "GetFunction",
        _ => return call.action.clone(),
    };
    name.to_owned()
}
