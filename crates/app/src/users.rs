//! People: creating them, listing them, changing their roles.

use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::audit::AuditAction;
use runvoy_core::claim::Claim;
use runvoy_core::execution::later;
use runvoy_core::key::{ApiKey, ApiKeyHash, ClaimToken, KeyRecord};
use runvoy_core::role::{Action, Role};
use runvoy_core::user::{User, UserEmail};
use runvoy_ports::{StoreError, Versioned, Write};

use crate::app::App;
use crate::change::{About, Cause};
use crate::context::OpContext;
use crate::error::{AppError, ErrorKind};
use crate::keys::{key_record, random};

/// How long a claim token works where nothing else is said.
const DEFAULT_CLAIM_TTL: Duration = Duration::from_mins(15);
/// The longest that a claim token may work.
const MAX_CLAIM_TTL: Duration = Duration::from_hours(7 * 24);

/// A person to create.
#[derive(Debug)]
pub struct NewUser {
    /// The address.
    pub email: UserEmail,
    /// The role.
    pub role: Role,
    /// How they get their key.
    pub credential: Credential,
}

/// How a new person gets a key.
#[derive(Debug)]
pub enum Credential {
    /// They fetch it with a token that works for this long.
    Claim(Option<Duration>),
    /// The admin brings it.
    Given(ApiKey),
    /// The server makes it and the admin passes it on.
    Made,
}

/// What was created.
#[derive(Debug)]
pub enum Created {
    /// A token to claim a key with, and when it stops working.
    Claim(ClaimToken, Timestamp),
    /// A key that the server made.
    Key(ApiKey),
    /// Nothing new: the admin has the key.
    Given,
}

/// A person and when they last called.
#[derive(Debug)]
pub struct UserDetail {
    /// The record.
    pub user: User,
    /// When one of their keys was last used.
    pub last_used: Option<Timestamp>,
}

impl App {
    /// Creates a person, or creates again one that was revoked or never fetched a key.
    pub async fn create_user(
        &self,
        ctx: &OpContext,
        new: &NewUser,
    ) -> Result<(UserDetail, Created), AppError> {
        ctx.require(Action::ManageUsers)?;
        self.put_user(&Cause::from(ctx), Some(&ctx.actor.email), new)
            .await
    }

    /// Whether nobody was ever created.
    pub async fn has_nobody(&self) -> Result<bool, AppError> {
        Ok(self.store().list_users().await?.is_empty())
    }

    /// Makes the first admin with a key that the caller has kept or shown already.
    pub async fn first_admin(&self, email: &UserEmail, key: ApiKey) -> Result<(), AppError> {
        let credential = Credential::Given(key);
        let new = NewUser {
            email: email.clone(),
            role: Role::Admin,
            credential,
        };
        self.put_user(&Cause::system(), None, &new).await.map(drop)
    }

    /// A new key, known to nobody yet.
    pub fn make_key(&self) -> Result<ApiKey, AppError> {
        Ok(ApiKey::from_random(random()?))
    }

    /// Everybody, with when they last called.
    pub async fn users(&self, ctx: &OpContext) -> Result<Vec<UserDetail>, AppError> {
        ctx.require(Action::ListUsers)?;
        let mut details = Vec::new();
        for found in self.store().list_users().await? {
            details.push(self.user_detail(found.value).await?);
        }
        Ok(details)
    }

    /// Changes a person's role, on all their keys at once.
    pub async fn set_role(
        &self,
        ctx: &OpContext,
        email: &UserEmail,
        role: Role,
    ) -> Result<UserDetail, AppError> {
        ctx.require(Action::ManageUsers)?;
        let user = self
            .until_committed(|| self.set_role_once(ctx, email, role))
            .await?;
        self.user_detail(user).await
    }

    async fn set_role_once(
        &self,
        ctx: &OpContext,
        email: &UserEmail,
        role: Role,
    ) -> Result<User, AppError> {
        let found = self.active_user(email).await?;
        let mut writes = if role == Role::Admin {
            Vec::new()
        } else {
            self.without_admin(&found.value).await?
        };
        for hash in &found.value.keys {
            if let Some(key) = self.store().find_key(hash).await? {
                writes.push(Write::ReplaceKey(
                    KeyRecord { role, ..key.value },
                    key.version,
                ));
            }
        }
        let details = format!("{} → {role}", found.value.role);
        let user = User {
            role,
            ..found.value
        };
        writes.push(Write::ReplaceUser(user.clone(), found.version));
        self.commit_user(
            &Cause::from(ctx),
            AuditAction::UserRoleChanged,
            email,
            details,
            writes,
        )
        .await?;
        Ok(user)
    }

    async fn put_user(
        &self,
        cause: &Cause,
        by: Option<&UserEmail>,
        new: &NewUser,
    ) -> Result<(UserDetail, Created), AppError> {
        if matches!(&new.credential, Credential::Claim(Some(ttl)) if *ttl > MAX_CLAIM_TTL) {
            return Err(AppError::new(
                ErrorKind::Invalid,
                "a claim token works for at most 7 days",
            ));
        }
        let (user, created) = self
            .until_committed(|| self.put_user_once(cause, by, new))
            .await?;
        Ok((
            UserDetail {
                user,
                last_used: None,
            },
            created,
        ))
    }

    async fn put_user_once(
        &self,
        cause: &Cause,
        by: Option<&UserEmail>,
        new: &NewUser,
    ) -> Result<(User, Created), AppError> {
        let now = self.now();
        let (created, key) = credential(&new.credential, now)?;
        let user = new_user(&new.email, new.role, by, now, key.into_iter().collect());
        let mut writes = vec![match self.store().find_user(&new.email).await? {
            None => Write::InsertUser(user.clone()),
            Some(found) if found.value.is_active() && !found.value.keys.is_empty() => {
                return Err(exists(&found.value));
            }
            Some(found) => Write::ReplaceUser(user.clone(), found.version),
        }];
        if let Some(hash) = key {
            if self.store().find_key(&hash).await?.is_some() {
                let error = AppError::new(ErrorKind::Conflict, "this key is registered already");
                return Err(error.with_details("bring another key"));
            }
            writes.push(Write::InsertKey(key_record(&hash, &user, now)));
        }
        if let Created::Claim(token, expires_at) = &created {
            writes.push(Write::InsertClaim(Claim {
                token: token.hash(),
                email: new.email.clone(),
                role: new.role,
                created_at: now,
                expires_at: *expires_at,
                used: None,
            }));
        }
        let details = format!("role {}", new.role);
        self.commit_user(cause, AuditAction::UserCreated, &new.email, details, writes)
            .await?;
        Ok((user, created))
    }

    async fn user_detail(&self, user: User) -> Result<UserDetail, AppError> {
        let mut last_used = None;
        for hash in &user.keys {
            last_used = last_used.max(self.store().find_key_use(hash).await?);
        }
        Ok(UserDetail { user, last_used })
    }

    pub(crate) async fn active_user(&self, email: &UserEmail) -> Result<Versioned<User>, AppError> {
        let found = self.store().find_user(email).await?;
        found
            .filter(|found| found.value.is_active())
            .ok_or_else(|| no_active_user(email))
    }

    /// Writes that make sure an admin is left without this one: another admin's row, unchanged, so that two admins
    /// who are taken away at the same time conflict.
    pub(crate) async fn without_admin(&self, user: &User) -> Result<Vec<Write>, AppError> {
        if user.role != Role::Admin {
            return Ok(Vec::new());
        }
        let others = self.store().list_users().await?.into_iter();
        let mut others = others.filter(|other| {
            other.value.role == Role::Admin
                && other.value.is_active()
                && !other.value.keys.is_empty()
                && other.value.email != user.email
        });
        match others.next() {
            Some(other) => Ok(vec![Write::ReplaceUser(other.value, other.version)]),
            None => Err(AppError::new(
                ErrorKind::Conflict,
                format!("{} is the last admin", user.email),
            )
            .with_details("make somebody else an admin first: runvoy users role EMAIL admin")),
        }
    }

    pub(crate) async fn commit_user(
        &self,
        cause: &Cause,
        action: AuditAction,
        email: &UserEmail,
        details: String,
        writes: Vec<Write>,
    ) -> Result<(), StoreError> {
        self.commit(
            cause,
            action,
            About {
                execution: None,
                user: Some(email.clone()),
                details,
            },
            writes,
        )
        .await
    }
}

pub(crate) fn no_active_user(email: &UserEmail) -> AppError {
    AppError::new(ErrorKind::NotFound, format!("no active user {email}"))
        .with_details("see: runvoy users list")
}

fn exists(user: &User) -> AppError {
    AppError::new(
        ErrorKind::Conflict,
        format!("{} exists already, as {}", user.email, user.role),
    )
    .with_details(format!(
        "change the role: runvoy users role {0} ROLE; give a new key: runvoy users rotate {0}",
        user.email
    ))
}

/// A person as they are created.
pub(crate) fn new_user(
    email: &UserEmail,
    role: Role,
    created_by: Option<&UserEmail>,
    created_at: Timestamp,
    keys: Vec<ApiKeyHash>,
) -> User {
    let (email, created_by) = (email.clone(), created_by.cloned());
    User {
        email,
        role,
        created_at,
        created_by,
        revoked_at: None,
        keys,
    }
}

fn credential(
    credential: &Credential,
    now: Timestamp,
) -> Result<(Created, Option<ApiKeyHash>), AppError> {
    Ok(match credential {
        Credential::Claim(ttl) => {
            let token = ClaimToken::from_random(random()?);
            (
                Created::Claim(token, later(now, ttl.unwrap_or(DEFAULT_CLAIM_TTL))),
                None,
            )
        }
        Credential::Given(key) => (Created::Given, Some(key.hash())),
        Credential::Made => {
            let key = ApiKey::from_random(random()?);
            let hash = key.hash();
            (Created::Key(key), Some(hash))
        }
    })
}
