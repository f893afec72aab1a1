//! Refuses those who ask too often, before anything is looked up for them.
//!
//! A key that has worked is counted by itself at the networks where it last did. Everything else is counted by the
//! network that it comes from: requests without a key, with one that is not known to work, or with one that worked
//! elsewhere; and their failures once more, so that a guess costs more than a question. What comes from a network that
//! has used up either is refused, but for a few looks at keys and claim tokens that were not looked at lately: one
//! colleague's outdated key, however often it comes, keeps nobody's good one out. All that is remembered is bounded,
//! whoever asks.

mod seen;
mod visit;

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::{Either, select};
use runvoy_wire::error::ErrorCode;
use tokio::time::Instant;

use self::seen::Seen;
use self::visit::Visit;
use crate::error::ApiError;
use crate::logs::StillLive;
use crate::proof::Proof;
use crate::rate::Rate;

/// An answer to a reader that came sooner than this came at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How often anybody may ask, in requests a second over ten seconds; `None` for as often as they like.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimits {
    /// With one key.
    pub per_key: Option<NonZeroU32>,
    /// From one address without a key that works.
    pub per_address: Option<NonZeroU32>,
    /// The client's address is the last in `X-Forwarded-For`: a proxy in front of the server wrote it.
    pub is_behind_proxy: bool,
}

/// Who has asked how often.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_key: Option<Rate>,
    per_address: Option<Rate>,
    is_behind_proxy: bool,
    seen: Mutex<Seen>,
}

/// Too often, and how long to wait.
#[derive(Debug, PartialEq, Eq)]
enum TooOften {
    WithKey(Duration),
    FromAddress(Duration),
}

/// Lets a request pass, holds it, or refuses it; and learns from its answer.
pub(crate) async fn limit(
    State(limiter): State<Arc<Limiter>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(visit) = Visit::of(&request, limiter.is_behind_proxy) else {
        return next.run(request).await;
    };
    match limiter.admit(&visit, Instant::now()) {
        Ok(Duration::ZERO) => {}
        Ok(delay) => tokio::time::sleep(delay).await,
        Err(too_often) => return too_often.into_error(),
    }
    let began = Instant::now();
    let response = limiter.watch(&visit, request, next).await;
    if !visit.is_reader() || began.elapsed() >= AT_ONCE {
        return response;
    }
    if response.extensions().get::<StillLive>().is_none() {
        limiter.seen().charge_reader(&visit, limiter.per_key, began);
    }
    response
}

impl Limiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            per_key: limits.per_key.map(Rate::per_second),
            per_address: limits.per_address.map(Rate::per_second),
            is_behind_proxy: limits.is_behind_proxy,
            seen: Mutex::new(Seen::new()),
        }
    }

    /// How long to hold the request, if it may pass.
    fn admit(&self, visit: &Visit, now: Instant) -> Result<Duration, TooOften> {
        self.seen()
            .admit(visit, self.per_key, self.per_address, now)
    }

    /// Answers, and remembers a key as soon as it is proved: an answer may take long after that.
    async fn watch(&self, visit: &Visit, mut request: Request, next: Next) -> Response {
        let extensions = request.extensions_mut();
        let proof = extensions.get_or_insert_default::<Proof>().clone();
        let answer = pin!(next.run(request));
        let early = match select(pin!(proof.filled()), answer).await {
            Either::Left(((), answer)) => Either::Left(answer),
            Either::Right((response, _)) => Either::Right(response),
        };
        if proof.is_there() {
            self.seen().prove(visit, Instant::now());
        }
        let response = match early {
            Either::Left(answer) => answer.await,
            Either::Right(response) => response,
        };
        if !proof.is_there() {
            self.learn(visit, response.status());
        }
        response
    }

    /// Learns from the answer to who has proved nothing by a key.
    fn learn(&self, visit: &Visit, status: StatusCode) {
        let now = Instant::now();
        if status == StatusCode::UNAUTHORIZED || (visit.is_claim() && status.is_client_error()) {
            self.seen().fail(visit, self.per_address, now);
        } else if visit.is_claim() && status.is_success() {
            self.seen().prove(visit, now);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TooOften {
    fn into_error(self) -> Response {
        let (wait, message) = match self {
            Self::WithKey(wait) => (wait, "too many requests with this key"),
            Self::FromAddress(wait) => (wait, "too many requests from this address"),
        };
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let plural = if seconds == 1 { "" } else { "s" };
        let error = ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::RateLimited,
            message,
        )
        .with_details(format!(
            "nothing was done; try again in {seconds} second{plural}"
        ));
        ([(RETRY_AFTER, HeaderValue::from(seconds))], error).into_response()
    }
}
