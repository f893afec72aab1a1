//! Names of the tables, their indexes and key attributes. `tables.json` beside this crate's sources describes them whole.

/// The full names of a project's tables.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) api_keys: String,
    pub(super) users: String,
    pub(super) claims: String,
    pub(super) idempotency: String,
    pub(super) executions: String,
    pub(super) locks: String,
    pub(super) waiters: String,
    pub(super) logs: String,
    pub(super) audit: String,
}

impl Tables {
    pub(super) fn of(project: &str) -> Self {
        let name = |table| format!("{project}-{table}");
        Self {
            api_keys: name("api-keys"),
            users: name("users"),
            claims: name("claims"),
            idempotency: name("idempotency"),
            executions: name("executions"),
            locks: name("locks"),
            waiters: name("waiters"),
            logs: name("logs"),
            audit: name("audit"),
        }
    }
}

/// The one partition of an index that lists everything of a table; its value is the table's.
pub(super) const LISTING: &str = "listing";

pub(super) const API_KEY_HASH: &str = "api_key_hash";
pub(super) const USER_EMAIL: &str = "user_email";
pub(super) const TOKEN_HASH: &str = "token_hash";
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency_key";
pub(super) const EXECUTION_ID: &str = "execution_id";
pub(super) const LOCK_NAME: &str = "lock_name";
pub(super) const OPERATION_ID: &str = "operation_id";
pub(super) const SEQ: &str = "seq";

/// The attribute that DynamoDB deletes items by, in epoch seconds.
pub(super) const EXPIRES_AT: &str = "expires_at";
