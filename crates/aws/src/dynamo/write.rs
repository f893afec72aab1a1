//! One conditional write of a batch as an item of a transaction.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use runvoy_core::audit::AuditEntry;
use runvoy_core::key::KeyRecord;
use runvoy_core::lock::Waiter;
use runvoy_ports::{HeadWrite, StoreError, Version, Write};

use super::DynamoStore;
use super::heads;
use super::item::{Item, key, number};
use super::row::{FIRST_VERSION, VERSION, unreadable};
use super::rows::{self, EXPIRES_AT_US};
use super::tables::{
    API_KEY_HASH, EXECUTION_ID, IDEMPOTENCY_KEY, LOCK_NAME, OPERATION_ID, TOKEN_HASH, USER_EMAIL,
};

/// What must hold for an item to be put.
enum Condition {
    /// The attribute, of every such item, is not there: there is no such item.
    Absent(&'static str),
    /// The item has this version.
    Unchanged(Version),
    /// There is no such item, or one that expired by this time.
    Expired(&'static str, Timestamp),
}

impl Condition {
    fn apply(self, put: aws_sdk_dynamodb::types::builders::PutBuilder) -> Result<Put, BuildError> {
        match self {
            Self::Absent(name) => put
                .condition_expression("attribute_not_exists(#name)")
                .expression_attribute_names("#name", name),
            Self::Unchanged(Version(version)) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", number(version)),
            Self::Expired(name, at) => put
                .condition_expression("attribute_not_exists(#name) OR #expiry <= :at")
                .expression_attribute_names("#name", name)
                .expression_attribute_names("#expiry", EXPIRES_AT_US)
                .expression_attribute_values(":at", number(at.as_microsecond())),
        }
        .build()
    }
}

/// The version that follows.
fn next(Version(version): Version) -> Version {
    Version(version.saturating_add(1))
}

fn put(table: &str, item: Item, condition: Condition) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder().table_name(table).set_item(Some(item));
    let put = condition.apply(put).map_err(unreadable)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

impl DynamoStore {
    /// The batch's own entry: if it is there already, the batch was written before.
    pub(super) fn audit_item(&self, entry: &AuditEntry) -> Result<TransactWriteItem, StoreError> {
        let absent = Condition::Absent(OPERATION_ID);
        put(&self.tables.audit, rows::audit(entry)?, absent)
    }

    /// The item of one write of a batch that is made at `at`.
    pub(super) fn write_item(
        &self,
        write: &Write,
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        use Condition::{Absent, Expired, Unchanged};
        let tables = &self.tables;
        let (new, first) = (next, FIRST_VERSION);
        let (table, item, condition) = match write {
            Write::InsertExecution(row) => (
                &tables.executions,
                rows::execution(row, first)?,
                Absent(EXECUTION_ID),
            ),
            Write::ReplaceExecution(row, old) => (
                &tables.executions,
                rows::execution(row, new(*old))?,
                Unchanged(*old),
            ),
            Write::InsertLock(row) => (&tables.locks, rows::lock(row, first)?, Absent(LOCK_NAME)),
            Write::ReplaceLock(row, old) => {
                (&tables.locks, rows::lock(row, new(*old))?, Unchanged(*old))
            }
            Write::InsertWaiter(row) => (&tables.waiters, rows::waiter(row)?, Absent(LOCK_NAME)),
            Write::DeleteWaiter(row, old) => return self.delete_waiter(row, *old),
            Write::Head(id, HeadWrite::Insert(head)) => {
                (&tables.logs, heads::item(id, head), Absent(EXECUTION_ID))
            }
            Write::Head(id, HeadWrite::Bind(session)) => return self.bind_head(id, session),
            Write::Head(id, HeadWrite::Close(seq)) => return self.close_head(id, *seq),
            Write::InsertUser(row) => (&tables.users, rows::user(row, first)?, Absent(USER_EMAIL)),
            Write::ReplaceUser(row, old) => {
                (&tables.users, rows::user(row, new(*old))?, Unchanged(*old))
            }
            Write::InsertKey(row) => return self.write_key(row, None),
            Write::ReplaceKey(row, old) => return self.write_key(row, Some(*old)),
            Write::InsertClaim(row) => {
                (&tables.claims, rows::claim(row, first)?, Absent(TOKEN_HASH))
            }
            Write::ReplaceClaim(row, old) => (
                &tables.claims,
                rows::claim(row, new(*old))?,
                Unchanged(*old),
            ),
            Write::InsertIdempotency(row) => (
                &tables.idempotency,
                rows::idempotency(row)?,
                Expired(IDEMPOTENCY_KEY, at),
            ),
        };
        put(table, item, condition)
    }

    fn delete_waiter(
        &self,
        row: &Waiter,
        Version(version): Version,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut at = key(LOCK_NAME, row.lock.as_str());
        at.extend(key(EXECUTION_ID, row.execution.as_str()));
        let delete = Delete::builder()
            .table_name(&self.tables.waiters)
            .set_key(Some(at))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", number(version))
            .build()
            .map_err(unreadable)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Sets what a key's record says, and leaves alone when the key was last used: that may be there before the record.
    fn write_key(
        &self,
        row: &KeyRecord,
        old: Option<Version>,
    ) -> Result<TransactWriteItem, StoreError> {
        let version = old.map_or(FIRST_VERSION, next);
        let mut item = rows::api_key(row, version)?;
        item.remove(API_KEY_HASH);
        let mut update = Update::builder()
            .table_name(&self.tables.api_keys)
            .set_key(Some(key(API_KEY_HASH, &row.hash.to_string())))
            .expression_attribute_names("#version", VERSION);
        update = match old {
            None => update.condition_expression("attribute_not_exists(#version)"),
            Some(Version(old)) => update
                .condition_expression("#version = :old")
                .expression_attribute_values(":old", number(old)),
        };
        let mut changes = Vec::new();
        for (place, (name, value)) in item.into_iter().enumerate() {
            changes.push(format!("#set{place} = :set{place}"));
            update = update
                .expression_attribute_names(format!("#set{place}"), name)
                .expression_attribute_values(format!(":set{place}"), value);
        }
        let update = update.update_expression(format!("SET {}", changes.join(", ")));
        let update = update.build().map_err(unreadable)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// What tells the item of a write from every other: its table and its key.
pub(super) fn item_of(write: &Write) -> (&'static str, String) {
    match write {
        Write::InsertExecution(row) | Write::ReplaceExecution(row, _) => {
            ("executions", row.id().to_string())
        }
        Write::InsertLock(row) | Write::ReplaceLock(row, _) => ("locks", row.name().to_string()),
        Write::InsertWaiter(row) | Write::DeleteWaiter(row, _) => {
            ("waiters", format!("{} {}", row.lock, row.execution))
        }
        Write::Head(id, _) => ("logs", id.to_string()),
        Write::InsertUser(row) | Write::ReplaceUser(row, _) => ("users", row.email.to_string()),
        Write::InsertKey(row) | Write::ReplaceKey(row, _) => ("api-keys", row.hash.to_string()),
        Write::InsertClaim(row) | Write::ReplaceClaim(row, _) => ("claims", row.token.to_string()),
        Write::InsertIdempotency(row) => ("idempotency", format!("{} {}", row.user, row.key)),
    }
}
