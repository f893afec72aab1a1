//! Function URL payloads, format 2.0: an HTTP request as an event, and a result as an HTTP response.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Reply;
use crate::sync::now;

/// An HTTP request as an event.
pub(crate) fn event(parts: &Parts, body: &Bytes, source: IpAddr, request_id: &str) -> Value {
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let domain = text(parts.headers.get(header::HOST)).unwrap_or_default();
    let now = now();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&parts.headers, source),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source.to_string(),
                "userAgent": text(parts.headers.get(header::USER_AGENT)).unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(parameters(query));
    }
    if !body.is_empty() {
        let plain = std::str::from_utf8(body)
            .ok()
            .filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = json!(plain.is_none());
        event["body"] = plain.map_or_else(|| json!(STANDARD.encode(body)), Value::from);
    }
    event
}

/// Lower-case names, repeated ones joined with commas; cookies apart; what the front itself adds.
fn headers(headers: &HeaderMap, source: IpAddr) -> Map<String, Value> {
    let left_out = [
        header::COOKIE,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
    ];
    let names = headers.keys().filter(|name| !left_out.contains(name));
    let joined = names.map(|name| {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .filter_map(|value| text(Some(value)))
            .collect();
        (name.as_str().to_owned(), Value::from(values.join(",")))
    });
    let mut fields: Map<String, Value> = joined.collect();
    fields.insert(
        "x-forwarded-for".to_owned(),
        Value::from(source.to_string()),
    );
    fields.insert("x-forwarded-port".to_owned(), Value::from("443"));
    fields.insert("x-forwarded-proto".to_owned(), Value::from("https"));
    fields
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| text(Some(value)));
    lines
        .flat_map(|line| {
            line.split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Decoded parameters, repeated ones joined with commas.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    let Ok(url) = reqwest::Url::parse(&format!("http://localhost/?{query}")) else {
        return parameters;
    };
    for (name, value) in url.query_pairs() {
        let joined: &mut String = parameters.entry(name.into_owned()).or_default();
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(&value);
    }
    parameters
}

/// Whether a body of these headers travels as it is; all others are base64.
fn is_text(headers: &HeaderMap) -> bool {
    let is_encoded = headers.contains_key(header::CONTENT_ENCODING);
    let kind = text(headers.get(header::CONTENT_TYPE))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let plain = [
        "application/json",
        "application/javascript",
        "application/xml",
    ];
    !is_encoded && (kind.starts_with("text/") || kind.ends_with("+json") || plain.contains(&kind))
}

fn text(value: Option<&HeaderValue>) -> Option<String> {
    value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What a function answers when it says how it wants to be understood.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    #[serde(default)]
    cookies: Vec<String>,
}

/// A result as an HTTP response; none where it cannot be understood.
pub(crate) fn response(result: &Bytes) -> Option<Reply> {
    let value: Value = serde_json::from_slice(result).ok()?;
    if value.get("statusCode").is_none() {
        return Some(inferred(&value));
    }
    let answer: Answer = serde_json::from_value(value).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded {
        STANDARD.decode(body).ok()?
    } else {
        body.into_bytes()
    };
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    let fields = reply.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    for (name, value) in &answer.headers {
        let name: HeaderName = name.parse().ok()?;
        // The front frames the body itself.
        if [
            header::CONTENT_LENGTH,
            header::CONNECTION,
            header::TRANSFER_ENCODING,
        ]
        .contains(&name)
        {
            continue;
        }
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        fields.insert(name, HeaderValue::from_str(&value).ok()?);
    }
    for cookie in &answer.cookies {
        fields.append(header::SET_COOKIE, HeaderValue::from_str(cookie).ok()?);
    }
    Some(reply)
}

/// A result without a status is the body of a 200.
fn inferred(value: &Value) -> Reply {
    let body = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let mut reply = Response::new(Bytes::from(body));
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    reply
}
