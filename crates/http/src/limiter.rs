//! Refuses those who ask too often, before anything is looked up for them.
//!
//! A key that has worked is counted by itself. Everything else is counted by the network that it comes from: requests
//! without a key, with one that is not known to work, or with one that worked elsewhere. So a made-up key gains nothing
//! and leaves nothing behind, and many people behind one address do not hinder each other.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use runvoy_core::key::{ApiKey, ApiKeyHash};
use runvoy_wire::BASE_PATH;
use runvoy_wire::error::ErrorCode;
use tokio::time::Instant;

use crate::address::Network;
use crate::bounded::Bounded;
use crate::caller::shown_key;
use crate::error::ApiError;
use crate::proof::Proof;
use crate::rate::{Rate, Spent};

/// Requests that a key or claim token which does not fit counts for, beside the one that it is.
const FAILURE: u32 = 49;
/// How many times the rate of a key its waiting readers may ask: they are answered as lines come, often many at once.
const READERS: u32 = 20;
/// The longest that a reader's request is held.
const LONGEST_HOLD: Duration = Duration::from_secs(30);
/// Networks that are remembered at least, and twice as many at most; a few megabytes.
const NETWORKS: usize = 16_384;
/// Keys that are remembered at least, and twice as many at most. Only keys that work are.
const KEYS: usize = 8_192;

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

/// What is known of a key that works.
#[derive(Debug)]
struct Known {
    from: Network,
    requests: Spent,
    polls: Spent,
}

/// Who has asked how often.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_key: Option<Rate>,
    per_address: Option<Rate>,
    is_behind_proxy: bool,
    keys: Mutex<Bounded<ApiKeyHash, Known>>,
    networks: Mutex<Bounded<Network, Spent>>,
}

/// What is seen of a request before anything is looked up.
#[derive(Debug)]
struct Visit {
    network: Network,
    key: Option<ApiKeyHash>,
    /// How long it wants to wait for lines of a log.
    wait: Duration,
    is_claim: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Proved,
    Failed,
    Neither,
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
    let Some(visit) = limiter.visit(&request) else {
        return next.run(request).await;
    };
    match limiter.admit(&visit, Instant::now()) {
        Ok(Duration::ZERO) => {}
        Ok(delay) => tokio::time::sleep(delay).await,
        Err(too_often) => return too_often.into_error(),
    }
    let proof: Option<Proof> = request.extensions().get().cloned();
    let response = next.run(request).await;
    let is_proved = proof.is_some_and(|proof| proof.is_there());
    let outcome = Outcome::of(is_proved, visit.is_claim, response.status());
    limiter.learn(&visit, outcome, Instant::now());
    response
}

impl Limiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            per_key: limits.per_key.map(Rate::per_second),
            per_address: limits.per_address.map(Rate::per_second),
            is_behind_proxy: limits.is_behind_proxy,
            keys: Mutex::new(Bounded::new(KEYS)),
            networks: Mutex::new(Bounded::new(NETWORKS)),
        }
    }

    /// `None` for a caller on this machine, without an address: nobody counts those.
    fn visit(&self, request: &Request) -> Option<Visit> {
        let headers = request.headers();
        let network = Network::of_client(request.extensions(), headers, self.is_behind_proxy)?;
        let key = shown_key(headers).and_then(|key| ApiKey::from_typed(key).ok());
        Some(Visit {
            network,
            key: key.map(|key| key.hash()),
            wait: wait(request.uri()),
            is_claim: is_claim(request.uri().path()),
        })
    }

    /// How long to hold the request, if it may pass.
    fn admit(&self, visit: &Visit, now: Instant) -> Result<Duration, TooOften> {
        let mut keys = lock(&self.keys);
        let known = visit.key.and_then(|key| keys.known(&key));
        let is_known_here = known
            .as_ref()
            .is_some_and(|known| known.from == visit.network);
        let held = match (known, self.per_key) {
            (Some(known), Some(rate)) if visit.wait.is_zero() => {
                known.requests.take(rate, now, Duration::ZERO)
            }
            (Some(known), Some(rate)) => known.polls.take(rate.times(READERS), now, visit.wait),
            (None, _) | (_, None) => Ok(Duration::ZERO),
        };
        let held = held.map_err(TooOften::WithKey)?;
        drop(keys);
        if let (false, Some(rate)) = (is_known_here, self.per_address) {
            let mut networks = lock(&self.networks);
            networks
                .entry(visit.network, || Spent::nothing(now))
                .take(rate, now, Duration::ZERO)
                .map_err(TooOften::FromAddress)?;
        }
        Ok(held)
    }

    fn learn(&self, visit: &Visit, outcome: Outcome, now: Instant) {
        match (outcome, visit.key) {
            (Outcome::Proved, Some(key)) => {
                let mut keys = lock(&self.keys);
                let known = keys.entry(key, || Known {
                    from: visit.network,
                    requests: Spent::nothing(now),
                    polls: Spent::nothing(now),
                });
                known.from = visit.network;
            }
            (Outcome::Failed, key) => {
                if let Some(key) = key {
                    lock(&self.keys).remove(&key);
                }
                if let Some(rate) = self.per_address {
                    lock(&self.networks)
                        .entry(visit.network, || Spent::nothing(now))
                        .charge(rate, now, FAILURE);
                }
            }
            (Outcome::Proved, None) | (Outcome::Neither, _) => {}
        }
    }
}

impl Outcome {
    fn of(is_proved: bool, is_claim: bool, status: StatusCode) -> Self {
        if is_proved {
            Self::Proved
        } else if status == StatusCode::UNAUTHORIZED || (is_claim && status.is_client_error()) {
            Self::Failed
        } else {
            Self::Neither
        }
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

/// How long a reader of a log wants to wait for lines.
fn wait(uri: &Uri) -> Duration {
    if !uri.path().ends_with("/logs") {
        return Duration::ZERO;
    }
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let wait = parameters.find_map(|parameter| parameter.strip_prefix("wait=")?.parse().ok());
    Duration::from_secs(wait.unwrap_or_default()).min(LONGEST_HOLD)
}

fn is_claim(path: &str) -> bool {
    path.strip_prefix(BASE_PATH)
        .is_some_and(|path| path.starts_with("/claim/"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
