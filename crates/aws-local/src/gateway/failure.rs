//! Failures in the manner of each protocol.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::call::{self, Call, Reply};

/// The answer that the call's service gives when it refuses with the code.
pub(crate) fn failure(call: &Call, code: &str, message: &str) -> Reply {
    let status = status_of(code);
    match call.service.as_str() {
        "lambda" | "scheduler" => {
            let mut reply = call::json(
                status,
                "application/json",
                &json!({ "message": message, "Type": "User" }),
            );
            if let Ok(code) = HeaderValue::from_str(code) {
                reply.headers_mut().insert("x-amzn-errortype", code);
            }
            reply
        }
        "s3" => xml(
            status,
            &format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        ),
        "ec2" => {
            let errors = format!(
                "<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            );
            xml(
                status,
                &format!("<Response>{errors}<RequestID>0</RequestID></Response>"),
            )
        }
        "cloudformation" | "sts" | "iam" | "sqs" => {
            let error = format!(
                "<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            );
            xml(
                status,
                &format!("<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"),
            )
        }
        _ => call::json_error(status, code, message),
    }
}

/// The code with which the service says that it is asked too often.
pub(crate) fn throttling_code(service: &str) -> &'static str {
    match service {
        "lambda" => "TooManyRequestsException",
        "s3" => "SlowDown",
        "ec2" => "RequestLimitExceeded",
        "cloudformation" | "sts" | "iam" => "Throttling",
        _ => "ThrottlingException",
    }
}

fn status_of(code: &str) -> u16 {
    match code {
        "AccessDenied" => 403,
        "TooManyRequestsException" => 429,
        "SlowDown"
        | "RequestLimitExceeded"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => 503,
        "InternalServerError"
        | "InternalFailure"
        | "InternalError"
        | "ServerException"
        | "ServiceException" => 500,
        _ => 400,
    }
}

fn xml(status: u16, body: &str) -> Reply {
    let mut reply = Response::new(Bytes::from(body.to_owned()));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let kind = HeaderValue::from_static("text/xml");
    reply.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    reply
}
