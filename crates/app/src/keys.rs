//! Keys: replacing one's own or somebody's, and the way back in for an admin who lost theirs.

use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::later;
use runvoy_core::key::{ApiKey, ApiKeyHash, KeyRecord, RANDOM_BYTES};
use runvoy_core::role::{Action, Role};
use runvoy_core::user::{MAX_LIVE_KEYS, User, UserEmail};
use runvoy_ports::{StoreError, Write};

use crate::app::App;
use crate::change::Cause;
use crate::context::OpContext;
use crate::error::{AppError, ErrorKind};
use crate::users::new_user;

/// The longest that an old key may go on working beside its successor.
const MAX_OVERLAP: Duration = Duration::from_hours(30 * 24);

/// A replaced key.
#[derive(Debug)]
pub struct Rotated {
    /// Whose.
    pub email: UserEmail,
    /// The new key, where the server made it.
    pub key: Option<ApiKey>,
    /// When the old keys stop working.
    pub old_keys_end_at: Timestamp,
}

impl App {
    /// Makes a new key for an admin who lost theirs; the old keys end at once. For the machine's own operator.
    pub async fn reset_admin(&self, email: &UserEmail) -> Result<ApiKey, AppError> {
        let key = ApiKey::from_random(random()?);
        self.until_committed(|| self.reset_once(email, key.hash()))
            .await?;
        Ok(key)
    }

    async fn reset_once(&self, email: &UserEmail, hash: ApiKeyHash) -> Result<(), AppError> {
        let now = self.now();
        let mut user = new_user(email, Role::Admin, None, now, vec![hash]);
        let mut writes = vec![Write::InsertKey(key_record(&hash, &user, now))];
        if let Some(found) = self.store().find_user(email).await? {
            writes.extend(self.end_keys(&found.value, now, now).await?);
            user.created_at = found.value.created_at;
            writes.push(Write::ReplaceUser(user, found.version));
        } else {
            writes.push(Write::InsertUser(user));
        }
        Ok(self
            .commit_user(
                &Cause::system(),
                AuditAction::AdminReset,
                email,
                String::new(),
                writes,
            )
            .await?)
    }

    /// Registers a further key; the older ones end after `overlap`. One's own, or anybody's for an admin.
    pub async fn rotate_key(
        &self,
        ctx: &OpContext,
        email: Option<&UserEmail>,
        hash: Option<ApiKeyHash>,
        overlap: Duration,
    ) -> Result<Rotated, AppError> {
        let email = email.unwrap_or(&ctx.actor.email);
        ctx.require(if *email == ctx.actor.email {
            Action::RotateOwnKey
        } else {
            Action::ManageUsers
        })?;
        if overlap > MAX_OVERLAP {
            return Err(AppError::new(
                ErrorKind::Invalid,
                "overlap is at most 30 days",
            ));
        }
        let (hash, key) = given_or_made(hash)?;
        let old_keys_end_at = self
            .until_committed(|| self.rotate_once(ctx, email, hash, overlap))
            .await?;
        Ok(Rotated {
            email: email.clone(),
            key,
            old_keys_end_at,
        })
    }

    async fn rotate_once(
        &self,
        ctx: &OpContext,
        email: &UserEmail,
        hash: ApiKeyHash,
        overlap: Duration,
    ) -> Result<Timestamp, AppError> {
        let found = self.active_user(email).await?;
        if self.store().find_key(&hash).await?.is_some() {
            return Err(AppError::new(
                ErrorKind::Conflict,
                "this key is registered already",
            ));
        }
        let now = self.now();
        let end = later(now, overlap);
        let mut writes = self.end_keys(&found.value, now, end).await?;
        let mut user = found.value;
        let newest_old = user.keys.pop().filter(|_| !overlap.is_zero());
        user.keys = newest_old.into_iter().chain([hash]).collect();
        debug_assert!(user.keys.len() <= MAX_LIVE_KEYS);
        writes.push(Write::InsertKey(key_record(&hash, &user, now)));
        writes.push(Write::ReplaceUser(user, found.version));
        self.commit_user(
            &Cause::from(ctx),
            AuditAction::KeyRotated,
            email,
            String::new(),
            writes,
        )
        .await?;
        Ok(end)
    }

    /// Writes that end all of a person's live keys at `end`; at once where that is now.
    pub(crate) async fn end_keys(
        &self,
        user: &User,
        now: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for (place, hash) in user.keys.iter().enumerate() {
            let Some(found) = self.store().find_key(hash).await? else {
                continue;
            };
            let mut key = found.value;
            // Only the newest may go on for a while, so that no more than two are ever live.
            let goes_on = end > now && place + 1 == user.keys.len();
            if goes_on {
                key.expires_at = Some(key.expires_at.map_or(end, |old| old.min(end)));
            } else {
                key.revoked_at = key.revoked_at.or(Some(now));
            }
            writes.push(Write::ReplaceKey(key, found.version));
        }
        Ok(writes)
    }
}

/// Random bytes for a key or a claim token.
pub(crate) fn random() -> Result<[u8; RANDOM_BYTES], AppError> {
    let mut random = [0; RANDOM_BYTES];
    match getrandom::fill(&mut random) {
        Ok(()) => Ok(random),
        Err(_) => Err(AppError::new(
            ErrorKind::Internal,
            "the machine gives no random numbers",
        )),
    }
}

pub(crate) fn key_record(hash: &ApiKeyHash, user: &User, now: Timestamp) -> KeyRecord {
    KeyRecord {
        hash: *hash,
        email: user.email.clone(),
        role: user.role,
        created_at: now,
        expires_at: None,
        revoked_at: None,
    }
}

/// The hash of the caller's key, or of one made here that must be handed out.
pub(crate) fn given_or_made(
    hash: Option<ApiKeyHash>,
) -> Result<(ApiKeyHash, Option<ApiKey>), AppError> {
    if let Some(hash) = hash {
        return Ok((hash, None));
    }
    let made = ApiKey::from_random(random()?);
    Ok((made.hash(), Some(made)))
}
