//! The first admin, and the way back in for one who lost the key.

use jiff::Timestamp;
use runvoy_core::audit::{AuditAction, AuditEntry, Principal};
use runvoy_core::error::causes;
use runvoy_core::key::{ApiKey, ApiKeyHash, KeyRecord, RANDOM_BYTES};
use runvoy_core::role::Role;
use runvoy_core::user::{User, UserEmail};
use runvoy_ports::{Batch, Ledger, StoreError, UserReads, Versioned, Write};

use crate::error::InfraError;

/// How often a change that others keep overtaking is tried.
const TRIES: u32 = 5;

/// Who is to be admin.
#[derive(Debug)]
pub struct AdminRequest {
    /// The address; where none is said, nobody is made.
    pub email: Option<UserEmail>,
    /// The key that the admin has already.
    pub key: Option<ApiKey>,
    /// Makes a new key and ends the old ones.
    pub wants_new_key: bool,
}

/// What is to be done about the admin.
#[derive(Debug)]
pub enum AdminPlan {
    /// This person gets this key. Keep the key first: it is stored nowhere in clear.
    Give {
        /// Who.
        email: UserEmail,
        /// The key.
        key: ApiKey,
        /// Older keys of theirs end.
        is_reset: bool,
    },
    /// The person is admin already.
    Present {
        /// Who.
        email: UserEmail,
        /// The key that was given is one of theirs, and valid.
        key_fits: bool,
    },
    /// Nobody was named, and there are admins.
    Others(Vec<UserEmail>),
    /// Nobody was named, and there is nobody.
    Nobody,
}

/// Finds out what is to be done.
pub(crate) async fn plan(
    store: &dyn UserReads,
    request: AdminRequest,
    now: Timestamp,
) -> Result<AdminPlan, InfraError> {
    let admins = admins(store).await?;
    let email = match (request.email, &admins[..]) {
        (Some(email), _) => email,
        (None, []) => return Ok(AdminPlan::Nobody),
        (None, [only]) if request.wants_new_key => only.clone(),
        (None, several) if request.wants_new_key => {
            let names: Vec<&str> = several.iter().map(UserEmail::as_str).collect();
            return Err(InfraError::input(format!(
                "there are several admins: {}",
                names.join(", ")
            ))
            .hint("say which:  --admin-email EMAIL"));
        }
        (None, _) => return Ok(AdminPlan::Others(admins)),
    };
    let found = store.find_user(&email).await.map_err(unread)?;
    match found.map(|found| found.value).filter(User::is_active) {
        Some(user) if user.role != Role::Admin => {
            Err(
                InfraError::input(format!("{email} is no admin, but {}", user.role)).hint(format!(
                    "an admin makes one of them:  runvoy users role {email} admin"
                )),
            )
        }
        Some(user) if !user.keys.is_empty() && !request.wants_new_key => {
            let hash = request.key.map(|key| key.hash());
            let key_fits = match hash.filter(|hash| user.keys.contains(hash)) {
                Some(hash) => is_valid(store, &hash, now).await?,
                None => false,
            };
            Ok(AdminPlan::Present { email, key_fits })
        }
        found => Ok(AdminPlan::Give {
            is_reset: found.is_some_and(|user| !user.keys.is_empty()),
            key: unused_key(store, request.key.filter(|_| !request.wants_new_key)).await?,
            email,
        }),
    }
}

/// Whether the key was ever one of this deployment, valid or not.
pub(crate) async fn is_known(store: &dyn UserReads, key: &ApiKey) -> Result<bool, InfraError> {
    let found = store.find_key(&key.hash()).await.map_err(unread)?;
    Ok(found.is_some())
}

/// Whether the key opens the door now.
async fn is_valid(
    store: &dyn UserReads,
    hash: &ApiKeyHash,
    now: Timestamp,
) -> Result<bool, InfraError> {
    let found = store.find_key(hash).await.map_err(unread)?;
    Ok(found.is_some_and(|found| {
        let key = found.value;
        key.revoked_at.is_none() && key.expires_at.is_none_or(|end| now < end)
    }))
}

/// Gives the key, in one commit with its audit entry. Asking again for the same changes nothing.
pub(crate) async fn give<S: UserReads + Ledger>(
    store: &S,
    email: &UserEmail,
    hash: ApiKeyHash,
    now: Timestamp,
) -> Result<(), InfraError> {
    let mut tries = 1;
    loop {
        match give_once(store, email, hash, now).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_retryable() && tries < TRIES => tries += 1,
            Err(error) => {
                return Err(
                    InfraError::failed(format!("the admin {email} cannot be stored"))
                        .because_of(&error)
                        .hint("nothing was stored; type the same again"),
                );
            }
        }
    }
}

async fn give_once<S: UserReads + Ledger>(
    store: &S,
    email: &UserEmail,
    hash: ApiKeyHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    let found = store.find_user(email).await?;
    if found
        .as_ref()
        .is_some_and(|found| found.value.is_active() && found.value.keys == [hash])
    {
        return Ok(());
    }
    let is_reset = found.as_ref().is_some_and(|found| found.value.is_active());
    let mut writes = end_keys(store, found.as_ref(), now).await?;
    let user = User {
        email: email.clone(),
        role: Role::Admin,
        created_at: match &found {
            Some(found) if is_reset => found.value.created_at,
            _ => now,
        },
        created_by: None,
        revoked_at: None,
        keys: vec![hash],
    };
    writes.push(Write::InsertKey(KeyRecord {
        hash,
        email: email.clone(),
        role: Role::Admin,
        created_at: now,
        expires_at: None,
        revoked_at: None,
    }));
    writes.push(match found {
        Some(found) => Write::ReplaceUser(user, found.version),
        None => Write::InsertUser(user),
    });
    let action = if is_reset {
        AuditAction::AdminReset
    } else {
        AuditAction::UserCreated
    };
    let audit = audit_entry(action, email, now)?;
    let batch = Batch::new(audit, writes).map_err(|error| StoreError::Corrupt(Box::new(error)))?;
    store.commit(&batch).await
}

async fn end_keys(
    store: &dyn UserReads,
    user: Option<&Versioned<User>>,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for hash in user.iter().flat_map(|found| &found.value.keys) {
        if let Some(found) = store.find_key(hash).await? {
            let mut key = found.value;
            key.revoked_at = key.revoked_at.or(Some(now));
            writes.push(Write::ReplaceKey(key, found.version));
        }
    }
    Ok(writes)
}

fn audit_entry(
    action: AuditAction,
    email: &UserEmail,
    now: Timestamp,
) -> Result<AuditEntry, StoreError> {
    let corrupt = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Corrupt(error);
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|error| corrupt(error.to_string().into()))?;
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    Ok(AuditEntry {
        id: id
            .simple()
            .to_string()
            .parse()
            .map_err(|error: runvoy_core::Invalid| corrupt(error.into()))?,
        at: now,
        principal: Principal::System,
        action,
        request: None,
        execution: None,
        user: Some(email.clone()),
        details: "runvoy infra apply".to_owned(),
    })
}

async fn admins(store: &dyn UserReads) -> Result<Vec<UserEmail>, InfraError> {
    let users = store.list_users().await.map_err(unread)?.into_iter();
    let users = users.map(|found| found.value);
    let admins =
        users.filter(|user| user.role == Role::Admin && user.is_active() && !user.keys.is_empty());
    Ok(admins.map(|user| user.email).collect())
}

/// The key that was brought, unless it is somebody's already; else a new one.
async fn unused_key(store: &dyn UserReads, brought: Option<ApiKey>) -> Result<ApiKey, InfraError> {
    if let Some(key) = brought
        && store.find_key(&key.hash()).await.map_err(unread)?.is_none()
    {
        return Ok(key);
    }
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| {
        InfraError::failed("the system gives no random numbers").because(error.to_string())
    })?;
    Ok(ApiKey::from_random(random))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn unread(error: StoreError) -> InfraError {
    let mut failure = InfraError::failed("the people of the deployment cannot be read");
    failure.causes = causes(&error);
    failure
}

#[cfg(test)]
mod tests;
