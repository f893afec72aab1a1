//! Calls to the control plane.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, StatusCode, header};
use runvoy_client::transport::{Transport, TransportError};
use runvoy_core::id::AttemptId;
use runvoy_wire::agent::{
    FinishRequest, FinishResponse, HeartbeatRequest, HeartbeatResponse, LogsResponse, StartRequest,
    StartResponse,
};
use runvoy_wire::error::{ErrorBody, ErrorCode};
use runvoy_wire::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::time::sleep;

use crate::clock;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The first pause after a failed call.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A call that did not succeed.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    /// The control plane wants nothing more of this agent: kill everything, exit, never retry.
    #[error("the control plane refused: {0}")]
    Final(String),
    /// Worth another try.
    #[error("the control plane could not answer: {0}")]
    Failed(String),
    /// Nobody answered; worth another try.
    #[error(transparent)]
    Unreached(#[from] TransportError),
}

/// The control plane, as one attempt sees it.
#[derive(Debug, Clone)]
pub(crate) struct ControlPlane {
    transport: Transport,
    attempt: AttemptId,
    compresses: bool,
}

/// The control plane once it has taken this agent for the attempt's.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    plane: ControlPlane,
    token: Secret,
}

impl ControlPlane {
    /// `compresses`: whether log chunks are worth it on the way there.
    pub(crate) fn new(transport: Transport, attempt: AttemptId, compresses: bool) -> Self {
        Self {
            transport,
            attempt,
            compresses,
        }
    }

    /// Asks to run the attempt, until there is an answer that stands; tells when, since the machine's boot, the
    /// answered call was sent.
    pub(crate) async fn start(
        &self,
        token: &Secret,
        request: &StartRequest,
    ) -> Result<(StartResponse, Duration), CallError> {
        let mut backoff = Backoff::default();
        loop {
            let sent_at = clock::since_boot();
            match self.call("start", token, encode(request)?, false).await {
                Ok(answer) => return Ok((answer, sent_at)),
                Err(CallError::Final(why)) => return Err(CallError::Final(why)),
                Err(CallError::Failed(_) | CallError::Unreached(_)) => backoff.pause().await,
            }
        }
    }

    /// Goes on with the token of a start's answer.
    pub(crate) fn session(&self, token: Secret) -> Session {
        Session {
            plane: self.clone(),
            token,
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        verb: &str,
        token: &Secret,
        body: Bytes,
        is_gzip: bool,
    ) -> Result<T, CallError> {
        let path = format!("/agent/v1/{}/{verb}", self.attempt);
        let mut request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(header::CONTENT_TYPE, "application/json");
        if is_gzip {
            request = request.header(header::CONTENT_ENCODING, "gzip");
        }
        let request = request.body(body);
        let request = request.map_err(|error| CallError::Final(error.to_string()))?;
        let answer = self.transport.send(request, CALL_TIMEOUT).await?;
        if !answer.status().is_success() {
            return Err(refusal(answer.status(), answer.body()));
        }
        let body = serde_json::from_slice(answer.body());
        body.map_err(|error| CallError::Failed(format!("its answer cannot be read: {error}")))
    }
}

impl Session {
    /// Whether log chunks are compressed.
    pub(crate) fn compresses(&self) -> bool {
        self.plane.compresses
    }

    /// Sends a chunk, one try; compressed where [`Self::compresses`] says so.
    pub(crate) async fn logs(&self, body: Bytes) -> Result<LogsResponse, CallError> {
        let is_gzip = self.plane.compresses;
        self.plane.call("logs", &self.token, body, is_gzip).await
    }

    /// Sends a sign of life, one try.
    pub(crate) async fn heartbeat(
        &self,
        request: &HeartbeatRequest,
    ) -> Result<HeartbeatResponse, CallError> {
        let body = encode(request)?;
        self.plane.call("heartbeat", &self.token, body, false).await
    }

    /// Reports the end, until it is recorded.
    pub(crate) async fn finish(&self, request: &FinishRequest) -> Result<(), CallError> {
        let mut backoff = Backoff::default();
        loop {
            let body = encode(request)?;
            let answer = self.plane.call("finish", &self.token, body, false).await;
            match answer {
                Ok(FinishResponse { accepted: true, .. }) => return Ok(()),
                Err(CallError::Final(why)) => return Err(CallError::Final(why)),
                Ok(_) | Err(CallError::Failed(_) | CallError::Unreached(_)) => {
                    backoff.pause().await;
                }
            }
        }
    }
}

/// Growing pauses with jitter.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Backoff {
    /// Waits, longer each time.
    pub(crate) async fn pause(&mut self) {
        sleep(self.next_pause()).await;
    }

    /// How long to wait now: half to all of a time that doubles.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let mut random = [0];
        // Without randomness there is no jitter, which harms nobody.
        let jitter = getrandom::fill(&mut random).map_or(0, |()| u32::from(random[0]));
        let pause = self.next / 2 + self.next / 2 * jitter / 255;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// Compresses a chunk.
pub(crate) fn compress(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(body);
    debug_assert!(written.is_ok(), "a vector takes every byte");
    encoder.finish().unwrap_or_default()
}

fn encode(request: &impl Serialize) -> Result<Bytes, CallError> {
    let body = serde_json::to_vec(request);
    body.map(Bytes::from)
        .map_err(|error| CallError::Final(error.to_string()))
}

fn refusal(status: StatusCode, body: &[u8]) -> CallError {
    let body: Option<ErrorBody> = serde_json::from_slice(body).ok();
    let says_leave = body
        .as_ref()
        .is_some_and(|body| body.code == ErrorCode::Leave);
    let why = body.map_or_else(
        || status.to_string(),
        |body| format!("{status}: {}", body.error),
    );
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => CallError::Final(why),
        StatusCode::CONFLICT | StatusCode::GONE if says_leave => CallError::Final(why),
        _ => CallError::Failed(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_final(status: u16, code: &str) -> bool {
        let body = format!(r#"{{"error":"no","code":"{code}"}}"#);
        let error = refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        matches!(error, CallError::Final(_))
    }

    #[test]
    fn only_leave_and_refused_tokens_are_final() {
        assert!(is_final(409, "LEAVE") && is_final(410, "LEAVE"));
        assert!(is_final(401, "UNAUTHORIZED") && is_final(403, "FORBIDDEN"));
        for (status, code) in [
            (409, "CONFLICT"),
            (500, "LEAVE"),
            (404, "NOT_FOUND"),
            (429, "RATE_LIMITED"),
            (503, "X"),
        ] {
            assert!(!is_final(status, code), "{status} {code}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..20).map(|_| backoff.next_pause()).collect();
        assert!(pauses[0] >= FIRST_PAUSE / 2 && pauses[0] <= FIRST_PAUSE);
        assert!(pauses[19] >= LONGEST_PAUSE / 2 && pauses[19] <= LONGEST_PAUSE);
    }
}
