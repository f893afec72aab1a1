//! One signed call to AWS as the gateway received it.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};

/// One call; services take it and answer a response.
#[derive(Debug, Clone)]
pub struct Call {
    /// The access key id that signed it: who calls.
    pub caller: String,
    /// The service in the signature's scope: `dynamodb`, `ecs`, `lambda`, `cloudformation`, …
    pub service: String,
    /// The operation: `RunTask`, `PutItem`, … For REST services the method and path stand for it.
    pub action: String,
    /// The region in the signature's scope.
    pub region: String,
    /// HTTP method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// What a service answers.
pub type Reply = Response<Bytes>;

/// A reply with a JSON body.
pub fn json(status: u16, content_type: &'static str, body: &serde_json::Value) -> Reply {
    let mut reply = Response::new(Bytes::from(body.to_string()));
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let content_type = http::HeaderValue::from_static(content_type);
    reply
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, content_type);
    reply
}

/// A failure in the manner of the JSON protocols (DynamoDB, ECS, Logs, SSM).
pub fn json_error(status: u16, kind: &str, message: &str) -> Reply {
    let body = serde_json::json!({ "__type": kind, "message": message });
    let mut reply = json(status, "application/x-amz-json-1.1", &body);
    if let Ok(kind) = http::HeaderValue::from_str(kind) {
        reply.headers_mut().insert("x-amzn-errortype", kind);
    }
    reply
}
