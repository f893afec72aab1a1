//! Exchanges a claim token for a key, once.

use jiff::Timestamp;
use runvoy_core::audit::{AuditAction, Principal};
use runvoy_core::claim::{Claim, ClaimUse};
use runvoy_core::key::{ApiKey, ApiKeyHash, ClaimToken};
use runvoy_ports::{Versioned, Write};

use crate::app::App;
use crate::change::Cause;
use crate::error::{AppError, ErrorKind};
use crate::keys::{given_or_made, key_record};

impl App {
    /// Registers the key with this hash for the token's person, or makes a key where none is given.
    /// Asking again with the same hash gets the same answer; anything else finds the token used.
    pub async fn claim(
        &self,
        typed: &str,
        hash: Option<ApiKeyHash>,
    ) -> Result<(Claim, Option<ApiKey>), AppError> {
        let token = ClaimToken::from_typed(typed)?;
        let (hash, made) = given_or_made(hash)?;
        let claim = self.until_committed(|| async {
            let found = self
                .store()
                .find_claim(&token.hash())
                .await?
                .ok_or_else(unknown)?;
            let now = self.now();
            match &found.value.used {
                Some(used) if used.key == hash => Ok(found.value),
                Some(used) => Err(used_before(used.at)),
                None if found.value.expires_at <= now => Err(expired(found.value.expires_at)),
                None => self.claim_once(&found, hash, now).await,
            }
        });
        Ok((claim.await?, made))
    }

    async fn claim_once(
        &self,
        found: &Versioned<Claim>,
        hash: ApiKeyHash,
        now: Timestamp,
    ) -> Result<Claim, AppError> {
        let email = &found.value.email;
        let user = self
            .store()
            .find_user(email)
            .await?
            .filter(|user| user.value.is_active());
        // A token from before a revocation does not come back to life with its person.
        let user = user.filter(|user| user.value.created_at <= found.value.created_at);
        let Some(user) = user else {
            let error = AppError::new(ErrorKind::Forbidden, "this claim token was withdrawn");
            return Err(error.with_details(ASK));
        };
        if !user.value.keys.is_empty() || self.store().find_key(&hash).await?.is_some() {
            let error = AppError::new(ErrorKind::Conflict, "this person has a key already");
            return Err(error.with_details(ASK));
        }
        let claim = Claim {
            used: Some(ClaimUse { at: now, key: hash }),
            role: user.value.role,
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
        self.commit_user(
            &cause,
            AuditAction::KeyClaimed,
            email,
            String::new(),
            writes,
        )
        .await?;
        Ok(claim)
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
