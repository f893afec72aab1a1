//! The REST API of Lambda, as far as it is called.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::function::Code;
use super::host::Host;
use super::invocation::{Invocation, invoke};
use super::slot::Slot;
use super::{InvokeError, asynchronous};
use crate::{Call, Reply};

/// Answers one call.
pub(crate) async fn handle(host: &Arc<Host>, call: Call) -> Reply {
    let path = call.uri.path().trim_matches('/').to_owned();
    let path: Vec<&str> = path.split('/').collect();
    let is_get = call.method == Method::GET;
    let answered = match path.as_slice() {
        [_, "functions", name, "invocations"] if call.method == Method::POST => {
            return invocation(host, decoded(name), &call).await;
        }
        [_, "account-settings"] if is_get => Ok(account_settings(host)),
        [_, "functions"] if is_get => Ok(list(host)),
        [_, "functions", name] if is_get => {
            host.slot(&decoded(name)).map(|slot| function(host, &slot))
        }
        [_, "functions", name, "configuration"] if is_get => host
            .slot(&decoded(name))
            .map(|slot| configuration(host, &slot.code())),
        [_, "functions", name, "concurrency"] if is_get => {
            host.slot(&decoded(name)).map(|slot| concurrency(&slot))
        }
        [_, "functions", name, "url"] if is_get => {
            host.slot(&decoded(name)).and_then(|slot| url(host, &slot))
        }
        _ => {
            return error(
                404,
                "UnknownOperationException",
                &format!("{} {}", call.method, call.uri),
            );
        }
    };
    answered.map_or_else(|failure| refusal(&failure), |body| reply(200, &body))
}

async fn invocation(host: &Arc<Host>, function: String, call: &Call) -> Reply {
    let request_id = Uuid::new_v4().to_string();
    let invocation = Invocation {
        function,
        request_id: request_id.clone(),
        payload: call.body.clone(),
    };
    let kind = call
        .headers
        .get("x-amz-invocation-type")
        .and_then(|value| value.to_str().ok());
    let mut reply = match kind {
        Some("Event") => asynchronous::enqueue(host, invocation).map_or_else(
            |failure| refusal(&failure),
            |()| bare(StatusCode::ACCEPTED, Bytes::new()),
        ),
        Some("DryRun") => host.slot(&invocation.function).map_or_else(
            |failure| refusal(&failure),
            |_| bare(StatusCode::NO_CONTENT, Bytes::new()),
        ),
        _ => synchronous(host, invocation).await,
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        reply.headers_mut().insert("x-amzn-requestid", value);
    }
    reply
}

async fn synchronous(host: &Arc<Host>, invocation: Invocation) -> Reply {
    let (body, is_error) = match invoke(host, invocation).await {
        Ok(body) => (body, false),
        Err(InvokeError::Failed(document)) => (document, true),
        Err(failure) => return refusal(&failure),
    };
    let mut reply = bare(StatusCode::OK, body);
    reply
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    reply.headers_mut().insert(
        "x-amz-executed-version",
        HeaderValue::from_static("$LATEST"),
    );
    if is_error {
        reply.headers_mut().insert(
            "x-amz-function-error",
            HeaderValue::from_static("Unhandled"),
        );
    }
    reply
}

fn account_settings(host: &Host) -> Value {
    let limit = host.settings().account_concurrency;
    let slots = host.slots();
    let reserved: usize = slots
        .iter()
        .filter_map(|slot| slot.options().reserved)
        .sum();
    let size: usize = slots.iter().map(|slot| slot.code().size).sum();
    json!({
        "AccountLimit": {
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": limit.saturating_sub(reserved),
            "TotalCodeSize": 80_530_636_800_u64,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
        },
        "AccountUsage": { "FunctionCount": slots.len(), "TotalCodeSize": size },
    })
}

fn list(host: &Host) -> Value {
    let functions: Vec<_> = host
        .slots()
        .iter()
        .map(|slot| configuration(host, &slot.code()))
        .collect();
    json!({ "Functions": functions })
}

fn function(host: &Host, slot: &Slot) -> Value {
    let code = slot.code();
    let location = format!("file://{}", code.directory.path().display());
    let mut function = json!({
        "Configuration": configuration(host, &code),
        "Code": { "RepositoryType": "S3", "Location": location },
        "Tags": {},
    });
    if slot.options().reserved.is_some() {
        function["Concurrency"] = concurrency(slot);
    }
    function
}

fn configuration(host: &Host, code: &Code) -> Value {
    json!({
        "FunctionName": code.name,
        "FunctionArn": host.function_arn(&code.name),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "CodeSize": code.size,
        "CodeSha256": code.sha256,
        "Timeout": code.timeout.as_secs(),
        "MemorySize": code.memory_mb,
        "LastModified": code.modified_at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string(),
        "Version": "$LATEST",
        "Environment": { "Variables": code.environment },
        "PackageType": "Zip",
        "Architectures": ["arm64"],
        "EphemeralStorage": { "Size": 512 },
        "State": "Active",
        "LastUpdateStatus": "Successful",
    })
}

fn concurrency(slot: &Slot) -> Value {
    slot.options().reserved.map_or_else(
        || json!({}),
        |reserved| json!({ "ReservedConcurrentExecutions": reserved }),
    )
}

fn url(host: &Host, slot: &Slot) -> Result<Value, InvokeError> {
    let arn = host.function_arn(&slot.name);
    let url = slot
        .url()
        .ok_or_else(|| InvokeError::NotFound(format!("{arn} has no URL")))?;
    let created = slot.code().modified_at.to_string();
    Ok(json!({
        "FunctionUrl": url,
        "FunctionArn": arn,
        "AuthType": "NONE",
        "InvokeMode": "BUFFERED",
        "CreationTime": created,
        "LastModifiedTime": created,
    }))
}

/// A name in a path is percent-encoded when it is an ARN.
fn decoded(name: &str) -> String {
    name.replace("%3A", ":")
        .replace("%3a", ":")
        .replace("%24", "$")
}

fn refusal(failure: &InvokeError) -> Reply {
    let message = failure.to_string();
    match failure {
        InvokeError::NotFound(_) => error(404, "ResourceNotFoundException", &message),
        InvokeError::Throttled => error(429, "TooManyRequestsException", &message),
        InvokeError::TooLarge(_) => error(413, "RequestTooLargeException", &message),
        InvokeError::Failed(_) => error(502, "InvalidRuntimeException", &message),
    }
}

fn error(status: u16, kind: &'static str, message: &str) -> Reply {
    let mut reply = reply(status, &json!({ "Type": "User", "Message": message }));
    reply
        .headers_mut()
        .insert("x-amzn-errortype", HeaderValue::from_static(kind));
    reply
}

fn reply(status: u16, body: &Value) -> Reply {
    crate::json(status, "application/json", body)
}

fn bare(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}
