//! What is remembered of those who asked.

use std::time::Duration;

use runvoy_core::key::ApiKeyHash;
use tokio::time::Instant;

use super::TooOften;
use super::visit::{Credential, Visit};
use crate::address::Network;
use crate::bounded::Bounded;
use crate::rate::{Rate, Spent};

/// Requests that a failure counts for.
const FAILURE: u32 = 50;
/// Requests that a look counts for at a network that has used up its requests or its failures.
const LOOK: u32 = 100;
/// For how long a key or claim token that has failed, or had a look, gets none of those looks.
const LATELY: Duration = Duration::from_secs(30);
/// How many times the rate of a key its waiting readers may ask: they are answered as lines come, often many at once.
const READERS: u32 = 20;
/// Networks that are remembered at least, and twice as many at most; a few megabytes.
const NETWORKS: usize = 16_384;
/// Keys that are remembered at least, and twice as many at most. Only keys that work are.
const KEYS: usize = 8_192;
/// Keys and claim tokens that have failed that are remembered at least, and twice as many at most.
const FAILED: usize = 8_192;
/// Networks that are remembered of one key: home, office and two builders.
const PLACES: usize = 4;

/// Everything that is remembered.
#[derive(Debug)]
pub(super) struct Seen {
    keys: Bounded<ApiKeyHash, Known>,
    networks: Bounded<Network, Used>,
    failed: Bounded<Credential, Instant>,
}

/// What is known of a key that works.
#[derive(Debug)]
struct Known {
    /// Where it worked last, the newest first.
    places: [Option<Network>; PLACES],
    requests: Spent,
    polls: Spent,
}

/// What a network has used of its allowances.
#[derive(Debug)]
struct Used {
    requests: Spent,
    failures: Spent,
    looks: Spent,
}

/// By which of its network's allowances a request passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Request,
    Look,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self {
            keys: Bounded::new(KEYS),
            networks: Bounded::new(NETWORKS),
            failed: Bounded::new(FAILED),
        }
    }

    /// How long to hold the request, if it may pass; nothing is spent where it may not.
    pub(super) fn admit(
        &mut self,
        visit: &Visit,
        per_key: Option<Rate>,
        per_address: Option<Rate>,
        now: Instant,
    ) -> Result<Duration, TooOften> {
        let may_have_a_look = visit
            .credential
            .is_some_and(|shown| !failed_lately(&mut self.failed, &shown, now));
        let known = visit.key().and_then(|key| self.keys.known(&key));
        let is_known_here = known
            .as_ref()
            .is_some_and(|known| known.was_at(visit.network));
        let mut from = None;
        if let (false, Some(rate)) = (is_known_here, per_address) {
            let used = self.networks.entry(visit.network, || Used::nothing(now));
            let pass = used.pass(rate, now, may_have_a_look);
            from = Some((rate, pass.map_err(TooOften::FromAddress)?, used));
        }
        let mut held = Duration::ZERO;
        if let (Some(known), Some(rate)) = (known, per_key) {
            let taken = known.take(rate, now, visit);
            held = taken.map_err(TooOften::WithKey)?;
        }
        if let Some((rate, pass, used)) = from {
            used.spend(rate, now, pass);
            if let (Pass::Look, Some(shown)) = (pass, visit.credential) {
                // Before it is known what comes of it, so that one key never has two at once.
                *self.failed.entry(shown, || now) = now;
            }
        }
        Ok(held)
    }

    /// What the request showed works.
    pub(super) fn prove(&mut self, visit: &Visit, now: Instant) {
        if let Some(shown) = visit.credential {
            self.failed.remove(&shown);
        }
        if let Some(key) = visit.key() {
            self.keys
                .entry(key, || Known::nowhere(now))
                .come_from(visit.network);
        }
    }

    /// What the request showed, if anything, does not work.
    pub(super) fn fail(&mut self, visit: &Visit, per_address: Option<Rate>, now: Instant) {
        if let Some(key) = visit.key() {
            self.keys.remove(&key);
        }
        let Some(rate) = per_address else {
            return;
        };
        if let Some(shown) = visit.credential {
            *self.failed.entry(shown, || now) = now;
        }
        self.networks
            .entry(visit.network, || Used::nothing(now))
            .failures
            .charge(rate, now, FAILURE);
    }

    /// A reader's request turned out to be like any other.
    pub(super) fn charge_reader(&mut self, visit: &Visit, per_key: Option<Rate>, now: Instant) {
        let known = visit.key().and_then(|key| self.keys.known(&key));
        if let (Some(known), Some(rate)) = (known, per_key) {
            known.requests.charge(rate, now, 1);
        }
    }
}

impl Known {
    fn nowhere(now: Instant) -> Self {
        Self {
            places: [None; PLACES],
            requests: Spent::nothing(now),
            polls: Spent::nothing(now),
        }
    }

    fn was_at(&self, network: Network) -> bool {
        self.places.contains(&Some(network))
    }

    /// Puts the network first; where it is new, the one that was used the longest ago is forgotten.
    fn come_from(&mut self, network: Network) {
        let was = self.places.iter().position(|place| *place == Some(network));
        self.places[..=was.unwrap_or(PLACES - 1)].rotate_right(1);
        self.places[0] = Some(network);
    }

    /// Takes one request's worth, and answers how long it must be held first; the error is how long it would have to
    /// be. A reader takes of its own allowance, and is held for what is owed of the other.
    fn take(&mut self, rate: Rate, now: Instant, visit: &Visit) -> Result<Duration, Duration> {
        let owed = self.requests.delay(rate, now);
        let (spent, rate, delay) = if visit.is_reader() {
            let rate = rate.times(READERS);
            let delay = self.polls.delay(rate, now).max(owed);
            (&mut self.polls, rate, delay)
        } else {
            (&mut self.requests, rate, owed)
        };
        if delay > visit.patience {
            return Err(delay);
        }
        spent.take(rate, now);
        Ok(delay)
    }
}

impl Used {
    fn nothing(now: Instant) -> Self {
        Self {
            requests: Spent::nothing(now),
            failures: Spent::nothing(now),
            looks: Spent::nothing(now),
        }
    }

    /// Whether one more request may pass, or how long it must wait.
    fn pass(&self, rate: Rate, now: Instant, may_have_a_look: bool) -> Result<Pass, Duration> {
        let requests = self.requests.delay(rate, now);
        let delay = requests.max(self.failures.delay(rate, now));
        if delay.is_zero() {
            return Ok(Pass::Request);
        }
        if !may_have_a_look {
            return Err(delay);
        }
        match self.looks.delay(rate, now) {
            Duration::ZERO => Ok(Pass::Look),
            look => Err(look.min(delay)),
        }
    }

    fn spend(&mut self, rate: Rate, now: Instant, pass: Pass) {
        match pass {
            Pass::Request => self.requests.take(rate, now),
            Pass::Look => self.looks.charge(rate, now, LOOK),
        }
    }
}

/// Whether the key or claim token failed, or had its look, not long ago.
fn failed_lately(
    failed: &mut Bounded<Credential, Instant>,
    shown: &Credential,
    now: Instant,
) -> bool {
    failed
        .known(shown)
        .is_some_and(|at| now.saturating_duration_since(*at) < LATELY)
}
