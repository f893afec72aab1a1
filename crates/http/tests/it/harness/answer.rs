//! What was answered, and how snapshots show it.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// The body; null where it is empty.
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error} in {bytes:?}"))
        };
        let answer = Self {
            status: head.status.as_u16(),
            headers: head.headers,
            bytes,
            json,
        };
        answer.check();
        answer
    }

    /// What holds of every answer: it names its request, and an error says what, by which code and in which request.
    fn check(&self) {
        let id = self.header("x-request-id");
        assert_eq!(id.map(str::len), Some(32), "{self:?}");
        if self.status >= 400 {
            assert_eq!(self.json["request_id"].as_str(), id, "{self:?}");
            assert!(self.json["error"].is_string(), "{self:?}");
            assert!(self.json["code"].is_string(), "{self:?}");
            let details = &self.json["details"];
            assert!(details.is_string() || details.is_null(), "{self:?}");
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.shown());
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.text("code"))
    }

    /// A text of the body.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &str {
        let text = self.json[field].as_str();
        text.unwrap_or_else(|| panic!("no text {field} in {}", self.shown()))
    }

    /// Status and body. Ids are blanked out, and the request's own, which every error carries, is left out.
    pub(crate) fn shown(&self) -> String {
        let body = match &self.json {
            Value::Null => String::new(),
            Value::Object(fields) => {
                let mut fields = fields.clone();
                fields.remove("request_id");
                format!(" {}", Value::Object(fields))
            }
            other => format!(" {other}"),
        };
        format!("{}{}", self.status, without_ids(&body))
    }
}

/// The text with every run of 32 hex digits replaced.
pub(crate) fn without_ids(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(rest.len());
        shown.push_str(if end == 32 { "[id]" } else { &rest[..end] });
        rest = &rest[end..];
    }
    shown + rest
}
