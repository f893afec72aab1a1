//! Rows as earlier versions wrote them are read for ever. Files here are never edited, only added to.

use std::fs;
use std::path::{Path, PathBuf};

use runvoy_core::audit::AuditAction;
use runvoy_core::execution::Status;
use runvoy_core::id::ExecutionId;
use runvoy_core::log::{Seq, Stream};
use runvoy_core::role::Role;
use runvoy_ports::{
    AuditQuery, AuditReads as _, ExecutionReads as _, LockReads as _, LogReads as _, UserReads as _,
};
use runvoy_sql::{Durability, SqliteStore};
use runvoy_testkit::sample;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

/// A store into which a row was put without the store's own writers.
struct Old {
    store: SqliteStore,
    connection: SqliteConnection,
    _directory: TempDir,
}

impl Old {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("runvoy.db");
        let store = SqliteStore::open(&file, Durability::Normal).await.unwrap();
        let url = format!("sqlite:{}", file.display());
        let connection = SqliteConnection::connect(&url).await.unwrap();
        Self {
            store,
            connection,
            _directory: directory,
        }
    }

    /// Inserts a row of schema 1, whose body is the golden file called `name`.
    async fn put(&mut self, table: &str, columns: &str, values: &str, name: &str) {
        let file = directory().join(format!("{name}.json"));
        let body = fs::read_to_string(file).unwrap();
        let sql = format!("INSERT INTO {table} ({columns}, schema, body) VALUES ({values}, 1, $1)");
        sqlx::query(&sql)
            .bind(body)
            .execute(&mut self.connection)
            .await
            .unwrap();
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Names of the golden files that begin so.
fn names(prefix: &str) -> Vec<String> {
    let files = directory()
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path());
    let names = files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

fn id() -> ExecutionId {
    sample::execution_id(0x0197_f2a4_c1d2)
}

#[tokio::test]
async fn executions_in_every_state() {
    let names = names("execution-");
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        let mut old = Old::new().await;
        let columns = "id, version, user_email, status, is_open";
        let values = format!("'{}', 7, 'alice@example.com', 'X', 1", id());
        old.put("executions", columns, &values, &name).await;
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
async fn an_execution_with_everything_in_it() {
    let mut old = Old::new().await;
    let columns = "id, version, user_email, status, is_open";
    let values = format!("'{}', 1, 'alice@example.com', 'FAILED', 0", id());
    old.put("executions", columns, &values, "execution-closed")
        .await;
    let closed = old
        .store
        .find_execution(&id())
        .await
        .unwrap()
        .unwrap()
        .value;
    assert!(closed.is_closed());
    assert_eq!(closed.cost().unwrap().micro_dollars(), 247);
    assert_eq!(closed.fence().unwrap().number(), 1);
    assert_eq!(
        closed.submission().command.to_string(),
        r"terraform apply 'it'\''s'"
    );
    assert_eq!(closed.submission().timeout.as_secs(), 600);
    let (outcome, at) = closed.ended().unwrap();
    assert_eq!((outcome.cli_exit_code(), at), (124, sample::at(7)));
}

#[tokio::test]
async fn locks_and_their_lines() {
    let name = sample::lock_name("team/prod");
    for (file, is_held) in [("lock-free", false), ("lock-held", true)] {
        let mut old = Old::new().await;
        old.put("locks", "name, version", "'team/prod', 3", file)
            .await;
        let lock = old.store.find_lock(&name).await.unwrap().unwrap();
        assert_eq!(
            (lock.version.0, lock.value.holder().is_some()),
            (3, is_held)
        );
    }
    let mut old = Old::new().await;
    let columns = "lock_name, execution, version";
    old.put("waiters", columns, "'team/prod', 'any', 1", "waiter")
        .await;
    let line = old.store.list_waiters(&name, 9).await.unwrap();
    assert_eq!(line[0].value, sample::waiter("team/prod", 1));
}

#[tokio::test]
async fn people_keys_and_claims() {
    let mut old = Old::new().await;
    let hash = sample::hash(1);
    let token = sample::claim_token(1).hash();
    old.put("users", "email, version", "'alice@example.com', 1", "user")
        .await;
    old.put("api_keys", "hash, version", &format!("'{hash}', 1"), "key")
        .await;
    old.put(
        "claims",
        "token, version",
        &format!("'{token}', 1"),
        "claim",
    )
    .await;
    let user = old
        .store
        .find_user(&sample::email("alice"))
        .await
        .unwrap()
        .unwrap()
        .value;
    assert_eq!(user.keys, [hash, sample::hash(2)]);
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
    let mut old = Old::new().await;
    let columns = "user_email, idempotency_key, expires_at";
    old.put(
        "idempotency",
        columns,
        "'alice@example.com', 'key', 0",
        "idempotency",
    )
    .await;
    let row = sample::idempotency("key", 1, sample::at(60));
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
    let mut old = Old::new().await;
    for name in names {
        old.put("audit", "id, at", &format!("'{name}', 0"), &name)
            .await;
    }
    let query = AuditQuery {
        limit: 9,
        ..AuditQuery::default()
    };
    let trail = old.store.list_audit(&query).await.unwrap();
    let actions: Vec<AuditAction> = trail.iter().map(|entry| entry.action).collect();
    let expected = [
        AuditAction::LockReleased,
        AuditAction::AdminReset,
        AuditAction::ExecutionStarted,
    ];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn log_chunks() {
    let mut old = Old::new().await;
    let chunk = fs::read(directory().join("log-chunk.json")).unwrap();
    let sql = "INSERT INTO log_chunks (execution, first_seq, last_seq, bytes, schema, entries)
        VALUES ($1, 5, 7, 30, 1, $2)";
    sqlx::query(sql)
        .bind(id().as_str())
        .bind(chunk)
        .execute(&mut old.connection)
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
    assert_eq!(entries.iter().filter(|entry| entry.has_end).count(), 2);
}
