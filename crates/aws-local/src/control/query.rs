//! The query protocols: forms in, XML out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::Reply;

/// What a service says no with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// HTTP status.
    pub(crate) status: u16,
    /// The error's code: `ValidationError`, …
    pub(crate) code: &'static str,
    /// What is wrong, in the service's words.
    pub(crate) message: String,
}

impl Failure {
    /// A failure of the caller's making.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code,
            message: message.into(),
        }
    }

    /// The most common one.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }
}

/// A decoded form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Decodes `application/x-www-form-urlencoded`.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (decode(key), decode(value)))
                .collect(),
        )
    }

    /// The field, when it was sent and is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.as_str();
        (!value.is_empty()).then_some(value)
    }

    /// The field as it was sent, empty or not.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The field; a validation error without it.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| {
            Failure::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// Whether the field says `true`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// `prefix.1`, `prefix.2`, … in their order.
    pub(crate) fn list(&self, prefix: &str) -> Vec<String> {
        let each = (1..).map(|index| self.0.get(&format!("{prefix}.{index}")));
        each.map_while(Option::<&String>::cloned).collect()
    }

    /// The forms under `prefix.1.`, `prefix.2.`, … in their order.
    pub(crate) fn records(&self, prefix: &str) -> Vec<Self> {
        let record = |index: usize| {
            let start = format!("{prefix}.{index}.");
            let fields = self.0.range(start.clone()..);
            let fields = fields.take_while(|(key, _)| key.starts_with(&start));
            Self(
                fields
                    .map(|(key, value)| (key[start.len()..].to_owned(), value.clone()))
                    .collect(),
            )
        };
        (1..=self.0.len())
            .map(record)
            .take_while(|form| !form.0.is_empty())
            .collect()
    }
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3);
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                decoded.push(value);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (other, _) => decoded.push(*other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A success of the query protocol: lists are `<member>`s.
pub(crate) fn answer(namespace: &str, action: &str, result: &Value) -> Reply {
    let inner = elements(result, "member");
    xml(
        200,
        format!(
            "<{action}Response xmlns=\"{namespace}\"><{action}Result>{inner}</{action}Result>\
             <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{action}Response>"
        ),
    )
}

/// A failure of the query protocol.
pub(crate) fn refuse(failure: &Failure) -> Reply {
    let kind = if failure.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    let (code, message) = (failure.code, escape(&failure.message));
    xml(
        failure.status,
        format!(
            "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        ),
    )
}

/// A success in EC2's manner: lists are `<item>`s, and there is no result element.
pub(crate) fn answer_ec2(action: &str, result: &Value) -> Reply {
    let inner = elements(result, "item");
    xml(
        200,
        format!(
            "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>{REQUEST_ID}</requestId>{inner}</{action}Response>"
        ),
    )
}

/// A failure in EC2's manner.
pub(crate) fn refuse_ec2(failure: &Failure) -> Reply {
    let (code, message) = (failure.code, escape(&failure.message));
    xml(
        failure.status,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>{REQUEST_ID}</RequestID></Response>"
        ),
    )
}

/// A failure in S3's manner.
pub(crate) fn refuse_s3(failure: &Failure) -> Reply {
    let (code, message) = (failure.code, escape(&failure.message));
    xml(
        failure.status,
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    )
}

const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

fn xml(status: u16, body: String) -> Reply {
    let mut reply = Reply::new(Bytes::from(body));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let kind = HeaderValue::from_static("text/xml");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

fn elements(value: &Value, each: &str) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escape(text),
        Value::Object(fields) => {
            let mut out = String::new();
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                write_element(&mut out, name, &elements(value, each));
            }
            out
        }
        Value::Array(values) => {
            let mut out = String::new();
            for value in values {
                write_element(&mut out, each, &elements(value, each));
            }
            out
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn write_element(out: &mut String, name: &str, inner: &str) {
    if write!(out, "<{name}>{inner}</{name}>").is_err() {
        // Writing to a string cannot fail.
        out.clear();
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
