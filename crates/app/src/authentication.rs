//! Tells who calls, from the request's own key, anew for each request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use runvoy_core::key::{ApiKey, ApiKeyHash};
use runvoy_core::role::Action;

use crate::app::App;
use crate::context::{Actor, OpContext};
use crate::error::{AppError, ErrorKind};

/// How exactly a key's last use is noted.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Keys whose last use is remembered at most; beyond it the memory starts anew.
const REMEMBERED_KEYS: usize = 10_000;

/// How long before its end a key's owner is told of it.
const WARNED_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Somebody whose key is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// Who it is.
    pub actor: Actor,
    /// When the key ends by itself, where that is within 14 days.
    pub key_ends_at: Option<Timestamp>,
}

/// When keys were last noted as used by this process. Spares writes; decides nothing.
#[derive(Debug, Default)]
pub(crate) struct KeyTouches {
    touched: Mutex<HashMap<ApiKeyHash, Timestamp>>,
    /// Uses that are still to be noted.
    owed: Mutex<Vec<(ApiKeyHash, Timestamp)>>,
}

/// When the use of a key is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUseStyle {
    /// Before the request goes on.
    AtOnce,
    /// When [`App::note_key_uses`] is called, beside other work: no request waits for it alone.
    Later,
}

impl KeyTouches {
    fn is_due(&self, hash: &ApiKeyHash, now: Timestamp) -> bool {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if touched
            .get(hash)
            .is_some_and(|last| now.duration_since(*last) < TOUCH_EVERY)
        {
            return false;
        }
        if touched.len() >= REMEMBERED_KEYS {
            touched.clear();
        }
        touched.insert(*hash, now);
        true
    }

    fn owe(&self, hash: ApiKeyHash, at: Timestamp) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        owed.push((hash, at));
    }

    fn take_owed(&self) -> Vec<(ApiKeyHash, Timestamp)> {
        std::mem::take(&mut self.owed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl App {
    /// When the asking person's key ends by itself.
    pub async fn who_am_i(&self, ctx: &OpContext) -> Result<Option<Timestamp>, AppError> {
        ctx.require(Action::WhoAmI)?;
        let Some(hash) = &ctx.actor.key else {
            return Ok(None);
        };
        Ok(self
            .store()
            .find_key(hash)
            .await?
            .and_then(|found| found.value.expires_at))
    }

    /// Writes down the uses of keys that are owed. One that cannot be is lost: it decides nothing.
    pub async fn note_key_uses(&self) {
        for (hash, at) in self.touches.take_owed() {
            if let Err(error) = self.store().touch_key(&hash, at).await {
                tracing::warn!(%error, "a key's last use cannot be noted");
            }
        }
    }

    /// The person whose key this is, if it is live now.
    pub async fn authenticate(&self, typed: &str) -> Result<Actor, AppError> {
        Ok(self.prove(typed).await?.actor)
    }

    /// [`authenticate`](Self::authenticate), and whether the key ends soon.
    pub async fn prove(&self, typed: &str) -> Result<Proved, AppError> {
        let ask = "ask an admin for a new one: runvoy users rotate EMAIL";
        let key = ApiKey::from_typed(typed)
            .map_err(|error| AppError::new(ErrorKind::InvalidKey, error.to_string()))?;
        let hash = key.hash();
        let found = self
            .store()
            .find_key(&hash)
            .await?
            .filter(|found| found.value.hash.is_same_as(&hash));
        let Some(record) = found.map(|found| found.value) else {
            return Err(AppError::new(ErrorKind::InvalidKey, "the API key is unknown").with_details(
                "check api_key in ~/.runvoy/config.yaml and that the endpoint is the one it belongs to",
            ));
        };
        let now = self.now();
        if let Some(at) = record.revoked_at {
            return Err(AppError::new(
                ErrorKind::KeyRevoked,
                format!("the API key was revoked at {at:.0}"),
            )
            .with_details(ask));
        }
        if let Some(at) = record.expires_at.filter(|at| *at <= now) {
            return Err(AppError::new(
                ErrorKind::KeyExpired,
                format!("the API key expired at {at:.0}"),
            )
            .with_details(ask));
        }
        if self.touches.is_due(&hash, now) {
            self.touches.owe(hash, now);
            if self.parts.tuning.key_use_style == KeyUseStyle::AtOnce {
                self.note_key_uses().await;
            }
        }
        let actor = Actor {
            email: record.email,
            role: record.role,
            key: Some(hash),
        };
        let key_ends_at = record
            .expires_at
            .filter(|at| at.duration_since(now) <= WARNED_BEFORE);
        Ok(Proved { actor, key_ends_at })
    }
}
