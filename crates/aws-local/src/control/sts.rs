//! STS: who calls.

use serde_json::json;

use super::ACCOUNT;
use super::denial::identity;
use super::query::{Failure, Form, answer, refuse};
use crate::{Call, Reply};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers a call to STS.
pub(crate) fn handle(call: &Call) -> Reply {
    let form = Form::parse(&call.body);
    if form.get("Action") != Some("GetCallerIdentity") {
        return refuse(&Failure::new("InvalidAction", "Could not find operation"));
    }
    if call.caller == "unknown" || call.caller.is_empty() {
        let message = "The security token included in the request is invalid.";
        return refuse(&Failure {
            status: 403,
            ..Failure::new("InvalidClientTokenId", message)
        });
    }
    let result = json!({
        "Account": ACCOUNT,
        "Arn": identity(&call.caller),
        "UserId": format!("AIDA{}", call.caller),
    });
    answer(NAMESPACE, "GetCallerIdentity", &result)
}
