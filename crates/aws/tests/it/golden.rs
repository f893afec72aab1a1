//! Rows as earlier versions wrote them are read for ever. Files here are never edited, only added to.

use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use runvoy_aws::DynamoStore;
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::Status;
use runvoy_core::id::ExecutionId;
use runvoy_core::log::{Seq, Stream};
use runvoy_core::role::Role;
use runvoy_ports::{
    AuditQuery, AuditReads as _, ExecutionReads as _, LockReads as _, LogReads as _, UserReads as _,
};
use runvoy_testkit::sample;

use crate::database::Database;

/// A store into which items are put without the store's own writers.
struct Old {
    store: DynamoStore,
    database: Database,
}

impl Old {
    async fn new() -> Self {
        let database = Database::new().await;
        Self {
            store: database.store(),
            database,
        }
    }

    /// Puts an item of schema 1, whose record is the golden file called `name`, under a key of texts.
    async fn put(&self, table: &str, keys: &[(&str, &str)], name: &str) {
        let mut put = self
            .database
            .client
            .put_item()
            .table_name(self.database.table(table))
            .item("version", AttributeValue::N("7".into()))
            .item("schema", AttributeValue::N("1".into()))
            .item("record", AttributeValue::S(golden(name)));
        for (name, value) in keys {
            put = put.item(*name, AttributeValue::S((*value).to_owned()));
        }
        put.send().await.unwrap();
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

fn golden(name: &str) -> String {
    fs::read_to_string(directory().join(format!("{name}.json"))).unwrap()
}

/// Names of the golden files that begin so.
fn names(prefix: &str) -> Vec<String> {
    let files = directory().read_dir().unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let names = paths.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

fn id() -> ExecutionId {
    sample::execution_id(0x0197_f2a4_c1d2)
}

#[tokio::test]
async fn executions_in_every_state() {
    let names = names("execution-");
    assert!(names.len() >= 11, "{names:?}");
    let old = Old::new().await;
    for name in names {
        let key = [("execution_id", id().to_string())];
        old.put("executions", &[(key[0].0, &key[0].1)], &name).await;
        let found = old.store.find_execution(&id()).await.unwrap().unwrap();
        let expected = match name.strip_prefix("execution-").unwrap() {
            "queued" => Status::Queued,
            "starting" | "placing" | "placed" | "refused" => Status::Starting,
            "running" | "unreachable" => Status::Running,
            "terminating" => Status::Terminating,
            "cancelled" => Status::Stopped,
            "ended" | "closed" => Status::Failed,
            other => panic!("what is {other}?"),
        };
        assert_eq!(
            (found.version.0, found.value.status()),
            (7, expected),
            "{name}"
        );
        assert_eq!(found.value.submission().created_by, sample::email("alice"));
    }
}

#[tokio::test]
async fn locks_and_their_lines() {
    let old = Old::new().await;
    let name = sample::lock_name("team/prod");
    for (file, is_held) in [("lock-free", false), ("lock-held", true)] {
        old.put("locks", &[("lock_name", "team/prod")], file).await;
        let lock = old.store.find_lock(&name).await.unwrap().unwrap();
        assert_eq!(
            (lock.version.0, lock.value.holder().is_some()),
            (7, is_held)
        );
    }
    let key = [("lock_name", "team/prod"), ("execution_id", "any")];
    old.put("waiters", &key, "waiter").await;
    let line = old.store.list_waiters(&name, 9).await.unwrap();
    assert_eq!(line[0].value, sample::waiter("team/prod", 1));
}

#[tokio::test]
async fn people_keys_and_claims() {
    let old = Old::new().await;
    let (hash, token) = (sample::hash(1), sample::claim_token(1).hash());
    old.put("users", &[("user_email", "alice@example.com")], "user")
        .await;
    old.put("api-keys", &[("api_key_hash", &hash.to_string())], "key")
        .await;
    old.put("claims", &[("token_hash", &token.to_string())], "claim")
        .await;
    let user = old
        .store
        .find_user(&sample::email("alice"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(user.value.keys, [hash, sample::hash(2)]);
    let key = old.store.find_key(&hash).await.unwrap().unwrap().value;
    assert_eq!(
        (key.role, key.expires_at),
        (Role::Operator, Some(sample::at(900)))
    );
    let claim = old.store.find_claim(&token).await.unwrap().unwrap().value;
    assert_eq!(claim.used.unwrap().key, hash);
}

#[tokio::test]
async fn idempotency_keys() {
    let old = Old::new().await;
    let row = sample::idempotency("key", 1, sample::at(60));
    let key = [
        ("user_email", "alice@example.com"),
        ("idempotency_key", "key"),
    ];
    old.put("idempotency", &key, "idempotency").await;
    let found = old
        .store
        .find_idempotency(&row.user, &row.key)
        .await
        .unwrap();
    assert_eq!(found, Some(row));
}

#[tokio::test]
async fn the_audit_trail() {
    let names = names("audit-");
    assert!(names.len() >= 3, "{names:?}");
    let query = AuditQuery {
        limit: 9,
        ..AuditQuery::default()
    };
    let mut actions: Vec<AuditAction> = Vec::new();
    for name in names {
        let old = Old::new().await;
        let key = [("operation_id", name.as_str()), ("listing", "audit")];
        old.put("audit", &key, &name).await;
        let trail = old.store.list_audit(&query).await.unwrap();
        actions.extend(trail.iter().map(|entry| entry.action));
    }
    actions.sort_by_key(|action| action.as_str());
    let expected = [
        AuditAction::AdminReset,
        AuditAction::ExecutionStarted,
        AuditAction::LockReleased,
    ];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn log_chunks() {
    let old = Old::new().await;
    let number = |number: u32| AttributeValue::N(number.to_string());
    let put = old.database.client.put_item();
    put.table_name(old.database.table("logs"))
        .item("execution_id", AttributeValue::S(id().to_string()))
        .item("seq", number(7))
        .item("first_seq", number(5))
        .item("schema", number(1))
        .item("entries", AttributeValue::S(golden("log-chunk")))
        .send()
        .await
        .unwrap();
    let entries = old
        .store
        .read_entries(&id(), Seq::new(4), 1000)
        .await
        .unwrap();
    let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq.number()).collect();
    assert_eq!(seqs, [5, 6, 7]);
    let streams: Vec<Stream> = entries.iter().map(|entry| entry.stream).collect();
    assert_eq!(streams, [Stream::Stdout, Stream::Stderr, Stream::System]);
    assert_eq!(entries[1].text, "quote \" and \u{1b}");
}
