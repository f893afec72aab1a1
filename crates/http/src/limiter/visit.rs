//! What is seen of a request before anything is looked up.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::Uri;
use runvoy_core::key::{ApiKey, ApiKeyHash, ClaimToken};
use runvoy_wire::BASE_PATH;

use crate::address::Network;
use crate::caller::shown_key;

/// The longest that a reader's request is held: with the half minute that it may wait for lines it stays below the 40
/// seconds that a proxy must grant.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// One request.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) network: Network,
    /// What it shows, where that can be real at all.
    pub(super) credential: Option<Credential>,
    /// How long it may be held; nothing for what is no reader of a log.
    pub(super) patience: Duration,
    route: Route,
}

/// What somebody shows to be let in. Of what is shown only a hash is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Credential {
    Key(ApiKeyHash),
    Claim(ApiKeyHash),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Claim,
    Logs,
    Other,
}

impl Visit {
    /// `None` for a caller on this machine, without an address: nobody counts those.
    pub(super) fn of(request: &Request, is_behind_proxy: bool) -> Option<Self> {
        let headers = request.headers();
        let network = Network::of_client(request.extensions(), headers, is_behind_proxy)?;
        let route = Route::of(request);
        let uri = request.uri();
        let credential = match route {
            // A key has no say there.
            Route::Claim => claim_token(uri.path()).map(|token| Credential::Claim(token.hash())),
            Route::Logs | Route::Other => {
                let key = shown_key(headers).and_then(|key| ApiKey::from_typed(key).ok());
                key.map(|key| Credential::Key(key.hash()))
            }
        };
        let patience = match route {
            Route::Logs => wait(uri).min(LONGEST_HOLD),
            Route::Claim | Route::Other => Duration::ZERO,
        };
        Some(Self {
            network,
            credential,
            patience,
            route,
        })
    }

    /// The key that it shows.
    pub(super) fn key(&self) -> Option<ApiKeyHash> {
        match self.credential? {
            Credential::Key(key) => Some(key),
            Credential::Claim(_) => None,
        }
    }

    /// Whether it waits for lines of a log.
    pub(super) fn is_reader(&self) -> bool {
        !self.patience.is_zero()
    }

    /// Whether it shows a claim token.
    pub(super) fn is_claim(&self) -> bool {
        self.route == Route::Claim
    }
}

impl Route {
    fn of(request: &Request) -> Self {
        let matched = request.extensions().get::<MatchedPath>();
        let path = matched.and_then(|path| path.as_str().strip_prefix(BASE_PATH));
        match path {
            Some("/claim/{token}") => Self::Claim,
            Some("/executions/{id}/logs") => Self::Logs,
            Some(_) | None => Self::Other,
        }
    }
}

fn claim_token(path: &str) -> Option<ClaimToken> {
    ClaimToken::from_typed(path.rsplit('/').next()?).ok()
}

/// How long a reader of a log wants to wait for lines.
fn wait(uri: &Uri) -> Duration {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let wait = parameters.find_map(|parameter| parameter.strip_prefix("wait=")?.parse().ok());
    Duration::from_secs(wait.unwrap_or_default())
}
