//! What an item of each kind holds beside its record: keys, what indexes sort by, and what people look for.

use aws_sdk_dynamodb::types::AttributeValue;
use runvoy_core::audit::{AuditEntry, Principal};
use runvoy_core::claim::Claim;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::ExecutionId;
use runvoy_core::idempotency::Idempotency;
use runvoy_core::key::KeyRecord;
use runvoy_core::lock::{Lock, Waiter};
use runvoy_core::outcome::Outcome;
use runvoy_core::user::{User, UserEmail};
use runvoy_ports::{StoreError, Version};

use super::item::{Item, ItemBuilder, expiry, number, text, time_text};
use super::row::FIRST_VERSION;
use super::tables::{
    API_KEY_HASH, EXECUTION_ID, EXPIRES_AT, IDEMPOTENCY_KEY, LISTING, LOCK_NAME, OPERATION_ID,
    TOKEN_HASH, USER_EMAIL,
};

/// Bytes of a command that the `command` attribute shows; the record has it whole.
const SHOWN_COMMAND_BYTES: usize = 1024;

/// The exact time after which an idempotency key may be taken again, in microseconds.
pub(super) const EXPIRES_AT_US: &str = "expires_at_us";

/// Values of [`LISTING`].
pub(super) const EXECUTIONS: &str = "executions";
pub(super) const LOCKS: &str = "locks";
pub(super) const USERS: &str = "users";
pub(super) const AUDIT: &str = "audit";

/// The value of the attribute that only executions have which are not closed.
pub(super) const OPEN: &str = "open";

/// What an index by somebody or something and status is keyed by.
pub(super) fn with_status(key: &str, status: Status) -> String {
    format!("{key} {status}")
}

pub(super) fn execution(row: &Execution, version: Version) -> Result<Item, StoreError> {
    let (submission, status) = (row.submission(), row.status());
    let email = submission.created_by.as_str();
    let lock = submission.lock.as_ref().map(|lock| lock.name.as_str());
    let ended = row.ended();
    let started = row.started().map(|started| time_text(started.at));
    let exit_code = ended.and_then(|(outcome, _)| outcome.exit_code());
    let item = ItemBuilder::default()
        .with(EXECUTION_ID, text(row.id().as_str()))
        .with(LISTING, text(EXECUTIONS))
        .with(USER_EMAIL, text(email))
        .with("user_status", text(with_status(email, status)))
        .with_some(LOCK_NAME, lock.map(text))
        .with_some(
            "lock_status",
            lock.map(|name| text(with_status(name, status))),
        )
        .with_some("is_open", (!row.is_closed()).then(|| text(OPEN)))
        .with("status", text(status.as_str()))
        .with("command", text(shown(&submission.command.to_string())))
        .with("created_at", time_text(submission.created_at))
        .with_some("started_at", started)
        .with_some("completed_at", ended.map(|(_, at)| time_text(at)))
        .with_some("reason", ended.map(|(outcome, _)| reason(outcome)))
        .with_some("exit_code", exit_code.map(number));
    let cost = row.cost().map(|cost| number(cost.micro_dollars()));
    let item = item.with_some("cost_micro_dollars", cost);
    Ok(item.with_record(row)?.with_version(version).build())
}

fn reason(outcome: &Outcome) -> AttributeValue {
    text(outcome.reason().as_str())
}

fn shown(command: &str) -> &str {
    &command[..command.floor_char_boundary(SHOWN_COMMAND_BYTES)]
}

pub(super) fn idempotency(row: &Idempotency) -> Result<Item, StoreError> {
    let item = ItemBuilder::default()
        .with(USER_EMAIL, text(row.user.as_str()))
        .with(IDEMPOTENCY_KEY, text(row.key.as_str()))
        .with(EXECUTION_ID, text(row.execution.as_str()))
        .with(EXPIRES_AT, expiry(row.expires_at))
        .with(EXPIRES_AT_US, number(row.expires_at.as_microsecond()));
    Ok(item.with_record(row)?.build())
}

pub(super) fn lock(row: &Lock, version: Version) -> Result<Item, StoreError> {
    let holder = row.holder();
    let item = ItemBuilder::default()
        .with(LOCK_NAME, text(row.name().as_str()))
        .with(LISTING, text(LOCKS))
        .with("fence", number(row.fence()))
        .with_some(EXECUTION_ID, holder.map(|one| text(one.execution.as_str())))
        .with_some(USER_EMAIL, holder.map(|one| text(one.user.as_str())))
        .with_some("acquired_at", holder.map(|one| time_text(one.since)));
    Ok(item.with_record(row)?.with_version(version).build())
}

pub(super) fn waiter(row: &Waiter) -> Result<Item, StoreError> {
    let item = ItemBuilder::default()
        .with(LOCK_NAME, text(row.lock.as_str()))
        .with(EXECUTION_ID, text(row.execution.as_str()))
        .with("waiting_since", time_text(row.since));
    Ok(item.with_record(row)?.with_version(FIRST_VERSION).build())
}

pub(super) fn user(row: &User, version: Version) -> Result<Item, StoreError> {
    let item = ItemBuilder::default()
        .with(USER_EMAIL, text(row.email.as_str()))
        .with(LISTING, text(USERS))
        .with("role", text(row.role.as_str()))
        .with("created_at", time_text(row.created_at))
        .with("revoked", AttributeValue::Bool(!row.is_active()));
    Ok(item.with_record(row)?.with_version(version).build())
}

/// Everything but `last_used`, which is noted apart.
pub(super) fn api_key(row: &KeyRecord, version: Version) -> Result<Item, StoreError> {
    let item = ItemBuilder::default()
        .with(API_KEY_HASH, text(row.hash.to_string()))
        .with(USER_EMAIL, text(row.email.as_str()))
        .with("role", text(row.role.as_str()))
        .with("created_at", time_text(row.created_at))
        .with("revoked", AttributeValue::Bool(row.revoked_at.is_some()));
    Ok(item.with_record(row)?.with_version(version).build())
}

pub(super) fn claim(row: &Claim, version: Version) -> Result<Item, StoreError> {
    let item = ItemBuilder::default()
        .with(TOKEN_HASH, text(row.token.to_string()))
        .with(USER_EMAIL, text(row.email.as_str()))
        .with("created_at", time_text(row.created_at))
        .with("used", AttributeValue::Bool(row.used.is_some()))
        .with(EXPIRES_AT, expiry(row.expires_at));
    Ok(item.with_record(row)?.with_version(version).build())
}

pub(super) fn audit(row: &AuditEntry) -> Result<Item, StoreError> {
    let principal = match &row.principal {
        Principal::User(email) => Some(email),
        Principal::Agent(_) | Principal::System => None,
    };
    let person = |email: &UserEmail| text(email.as_str());
    let item = ItemBuilder::default()
        .with(OPERATION_ID, text(row.id.as_str()))
        .with(LISTING, text(AUDIT))
        .with("at", time_text(row.at))
        .with("at_us", number(row.at.as_microsecond()))
        .with("principal", text(row.principal.to_string()))
        .with("action", text(row.action.as_str()))
        .with_some("principal_email", principal.map(person))
        .with_some(USER_EMAIL, row.user.as_ref().map(person))
        .with_some(EXECUTION_ID, row.execution.as_ref().map(id));
    Ok(item.with_record(row)?.build())
}

fn id(execution: &ExecutionId) -> AttributeValue {
    text(execution.as_str())
}
