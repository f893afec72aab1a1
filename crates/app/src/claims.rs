//! Exchanges a claim token for a key, once.

use jiff::Timestamp;
use runvoy_core::audit::{AuditAction, Principal};
use runvoy_core::claim::{Claim, ClaimUse};
use runvoy_core::key::{ApiKey, ApiKeyHash, ClaimToken};
use runvoy_core::user::MAX_LIVE_KEYS;
use runvoy_ports::{StoreError, Versioned, Write};

use crate::app::App;
use crate::change::Cause;
use crate::error::{AppError, ErrorKind};
use crate::users::key_record;

impl App {
    /// Registers the key with this hash for the token's person, or makes a key where none is given.
    /// Asking again with the same hash gets the same answer; anything else finds the token used.
    pub async fn claim(
        &self,
        typed: &str,
        hash: Option<ApiKeyHash>,
    ) -> Result<(Claim, Option<ApiKey>), AppError> {
        let token = ClaimToken::from_typed(typed)?;
        let made = if hash.is_none() {
            Some(ApiKey::from_random(self.random()?))
        } else {
            None
        };
        let Some(hash) = hash.or_else(|| made.as_ref().map(ApiKey::hash)) else {
            return Self::gave_up();
        };
        for attempt in 0..Self::conflict_tries() {
            let found = self.store().find_claim(&token.hash()).await?;
            let Some(found) = found else {
                return Err(unknown());
            };
            let now = self.now();
            if let Some(used) = &found.value.used {
                return if used.key == hash {
                    Ok((found.value, None))
                } else {
                    Err(used_before(used.at))
                };
            }
            if found.value.expires_at <= now {
                return Err(expired(found.value.expires_at));
            }
            match self.claim_once(&found, hash, now).await? {
                Some(claim) => return Ok((claim, made)),
                None => self.step_aside(attempt).await,
            }
        }
        Self::gave_up()
    }

    async fn claim_once(
        &self,
        found: &Versioned<Claim>,
        hash: ApiKeyHash,
        now: Timestamp,
    ) -> Result<Option<Claim>, AppError> {
        let email = &found.value.email;
        let user = self
            .store()
            .find_user(email)
            .await?
            .filter(|user| user.value.is_active());
        let Some(user) = user else {
            return Err(
                AppError::new(ErrorKind::Forbidden, format!("{email} was revoked"))
                    .with_details(ASK),
            );
        };
        if user.value.keys.len() >= MAX_LIVE_KEYS || self.store().find_key(&hash).await?.is_some() {
            return Err(AppError::new(
                ErrorKind::Conflict,
                "this key is registered already, or there are two",
            )
            .with_details(ASK));
        }
        let claim = Claim {
            used: Some(ClaimUse { at: now, key: hash }),
            ..found.value.clone()
        };
        let mut next = user.value;
        next.keys.push(hash);
        let writes = vec![
            Write::ReplaceClaim(claim.clone(), found.version),
            Write::InsertKey(key_record(&hash, &next, now)),
            Write::ReplaceUser(next, user.version),
        ];
        let cause = Cause {
            principal: Principal::User(email.clone()),
            request: None,
        };
        match self
            .commit_user(
                &cause,
                AuditAction::KeyClaimed,
                email,
                String::new(),
                writes,
            )
            .await
        {
            Ok(()) => Ok(Some(claim)),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

const ASK: &str =
    "ask your admin for a new line: runvoy users create EMAIL, or runvoy users rotate EMAIL";

fn unknown() -> AppError {
    AppError::new(ErrorKind::NotFound, "no such claim token")
        .with_details("check that the endpoint is the one in the line that your admin sent")
}

fn used_before(at: Timestamp) -> AppError {
    AppError::new(
        ErrorKind::ClaimUsed,
        format!("this claim token was used at {at:.0}"),
    )
    .with_details(format!(
        "if that was not you, tell your admin at once; {ASK}"
    ))
}

fn expired(at: Timestamp) -> AppError {
    AppError::new(
        ErrorKind::ClaimExpired,
        format!("this claim token expired at {at:.0}"),
    )
    .with_details(ASK)
}
