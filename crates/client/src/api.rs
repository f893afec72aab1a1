//! The users' API as typed calls, one for each route.

mod exchange;
mod executions;
mod locks;
mod people;

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LINK, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use runvoy_wire::error::ErrorBody;
use runvoy_wire::{
    API_KEY_HEADER, BASE_PATH, IDEMPOTENCY_HEADER, KEY_EXPIRES_HEADER, REQUEST_ID_HEADER,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::api::exchange::{Exchange, Observer};
pub use crate::api::executions::{ListQuery, LogsQuery};
pub use crate::api::people::AuditQuery;
use crate::api_error::ApiError;
use crate::backoff::Backoff;
use crate::path;
use crate::transport::Transport;

/// How long an answer may take where the server is not asked to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a call that may be repeated is sent at most.
const TRIES: usize = 6;
/// The longest pause that a server may ask for; who is told to stay away longer says so at once.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The users' API of one control plane. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    transport: Transport,
    key: Option<SecretString>,
    user_agent: String,
    server: String,
    observer: Option<Observer>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its elements.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A call that brought nothing.
struct Miss {
    error: ApiError,
    /// How long the server asked to stay away.
    pause: Duration,
}

/// A call before it is sent.
struct Call {
    method: Method,
    path: String,
    body: Bytes,
    idempotency_key: Option<String>,
    timeout: Duration,
    may_repeat: bool,
}

impl Api {
    /// The API behind `transport`, asked by `user_agent`.
    pub fn new(transport: Transport, key: Option<SecretString>, user_agent: &str) -> Self {
        Self {
            transport,
            key,
            user_agent: user_agent.to_owned(),
            server: "the server".to_owned(),
            observer: None,
        }
    }

    /// Calls the server `name` in errors.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.server);
        self
    }

    /// Shows every exchange to `observer`.
    #[must_use]
    pub fn watched_by(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    async fn get<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<T, ApiError> {
        let call = Call::get(path);
        let (status, _, body) = self.send(&call).await?;
        decode(status, &body)
    }

    async fn get_page<T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
    ) -> Result<Page<T>, ApiError> {
        let (status, headers, body) = self.send(&Call::get(path)).await?;
        let link = headers.get(LINK).and_then(|link| link.to_str().ok());
        Ok(Page {
            items: decode(status, &body)?,
            next: link.and_then(path::next_cursor),
        })
    }

    async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, ApiError> {
        let (status, _, body) = self.send(&call).await?;
        decode(status, &body)
    }

    /// Sends, again where the call may be repeated and its answer was lost, and where the server did nothing because
    /// it was asked too often. A server that was never reached is not waited for: most likely the address is wrong.
    async fn send(&self, call: &Call) -> Result<(u16, HeaderMap, Bytes), ApiError> {
        let mut delays = Backoff::new().take(TRIES - 1);
        let mut was_lost = false;
        loop {
            let Miss { error, pause } = match self.send_once(call).await {
                Ok(answer) => return Ok(answer),
                Err(miss) => miss,
            };
            was_lost |= error.is_passing() && !error.is_unreached();
            let may_repeat = call.may_repeat || error.is_rate_limit();
            if !(may_repeat && was_lost && error.is_passing()) || pause > LONGEST_PAUSE {
                return Err(error);
            }
            match delays.next() {
                Some(delay) => tokio::time::sleep(delay.max(pause)).await,
                None => return Err(error),
            }
        }
    }

    async fn send_once(&self, call: &Call) -> Result<(u16, HeaderMap, Bytes), Miss> {
        let request = self.request(call).map_err(ApiError::BadRequest)?;
        let began = Instant::now();
        let answer = self.transport.send(request, call.timeout).await;
        self.observe(call, &answer, began.elapsed());
        let answer = answer.map_err(|source| ApiError::Transport {
            server: self.server.clone(),
            source,
        })?;
        let (parts, body) = answer.into_parts();
        let status = parts.status.as_u16();
        if parts.status.is_success() {
            return Ok((status, parts.headers, body));
        }
        let error = match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => ApiError::Refused {
                status,
                body: Box::new(body),
            },
            Err(_) => unreadable(status, &body),
        };
        let pause = parts.headers.get(RETRY_AFTER).and_then(seconds);
        Err(Miss {
            error,
            pause: pause.unwrap_or_default(),
        })
    }

    fn request(&self, call: &Call) -> Result<Request<Bytes>, http::Error> {
        let mut builder = Request::builder()
            .method(call.method.clone())
            .uri(format!("{BASE_PATH}{}", call.path))
            .header(USER_AGENT, &self.user_agent)
            .header(ACCEPT, "application/json");
        if !call.body.is_empty() || call.method == Method::POST {
            builder = builder.header(CONTENT_TYPE, "application/json");
        }
        if let Some(key) = &self.key {
            let mut value = HeaderValue::from_str(key.expose_secret())?;
            value.set_sensitive(true);
            builder = builder.header(API_KEY_HEADER, value);
        }
        if let Some(key) = &call.idempotency_key {
            builder = builder.header(IDEMPOTENCY_HEADER, key);
        }
        builder.body(call.body.clone())
    }

    fn observe(
        &self,
        call: &Call,
        answer: &Result<http::Response<Bytes>, crate::transport::TransportError>,
        took: Duration,
    ) {
        let Some(observer) = &self.observer else {
            return;
        };
        let response = answer.as_ref().ok();
        let header = |name| response.and_then(|answer| answer.headers().get(name)?.to_str().ok());
        observer(&Exchange {
            method: call.method.as_str(),
            path: &format!("{BASE_PATH}{}", call.path),
            request: &call.body,
            result: answer
                .as_ref()
                .map(|answer| answer.status().as_u16())
                .map_err(ToString::to_string),
            request_id: header(REQUEST_ID_HEADER),
            key_expires: header(KEY_EXPIRES_HEADER),
            response: response.map_or(&[], |answer| answer.body()),
            took,
        });
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api({:?})", self.transport)
    }
}

impl From<ApiError> for Miss {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            pause: Duration::ZERO,
        }
    }
}

impl Call {
    fn get(path: impl Into<String>) -> Self {
        Self {
            may_repeat: true,
            ..Self::new(Method::GET, path)
        }
    }

    fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: Bytes::new(),
            idempotency_key: None,
            timeout: ANSWER_TIMEOUT,
            may_repeat: false,
        }
    }

    fn json(method: Method, path: impl Into<String>, body: &impl Serialize) -> Self {
        // The bodies of `runvoy-wire` are plain structs with text keys, which always serialize.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self {
            body: body.into(),
            ..Self::new(method, path)
        }
    }

    fn repeatable(self) -> Self {
        Self {
            may_repeat: true,
            ..self
        }
    }
}

/// A pause in whole seconds, as runvoy asks for it; a date, which others may send, asks for none.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn decode<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|_| unreadable(status, body))
}

fn unreadable(status: u16, body: &[u8]) -> ApiError {
    let text = String::from_utf8_lossy(&body[..body.len().min(400)]);
    let excerpt: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    ApiError::Unreadable {
        status,
        excerpt: match excerpt.chars().take(80).collect::<String>() {
            empty if empty.is_empty() => "(empty)".to_owned(),
            excerpt => excerpt,
        },
    }
}

#[cfg(test)]
mod tests;
