//! What people and other tools find in the tables.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use runvoy_core::command::{Command, MAX_COMMAND_BYTES};
use runvoy_core::environment::MAX_ENVIRONMENT_BYTES;
use runvoy_core::execution::{Admission, Execution, Sealed};
use runvoy_ports::{
    Batch, ExecutionQuery, ExecutionReads as _, KeyUse as _, Ledger as _, Scope, StoreError,
    UserReads as _, Write,
};
use runvoy_testkit::sample;

use crate::database::Database;

type Item = HashMap<String, AttributeValue>;

async fn written(database: &Database, write: Write) {
    let batch = sample::batch(vec![write]);
    database.store().commit(&batch).await.unwrap();
}

async fn item(database: &Database, table: &str, key: &[(&str, &str)]) -> Item {
    let mut get = database.client.get_item().table_name(database.table(table));
    for (name, value) in key {
        get = get.key(*name, AttributeValue::S((*value).to_owned()));
    }
    get.send().await.unwrap().item.unwrap()
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().unwrap()
}

fn names(item: &Item) -> BTreeSet<&str> {
    item.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_key_is_what_the_published_tool_seeds() {
    let database = Database::new().await;
    let key = sample::key(1, "alice");
    written(&database, Write::InsertKey(key.clone())).await;
    let hash = key.hash.to_string();
    let found = item(&database, "api-keys", &[("api_key_hash", &hash)]).await;
    assert_eq!(text(&found, "user_email"), "alice@example.com");
    assert_eq!(text(&found, "created_at"), "2025-06-15T15:06:40.000000Z");
    assert_eq!(found["revoked"], AttributeValue::Bool(false));
    assert!(!found.contains_key("last_used"));
    database
        .store()
        .touch_key(&key.hash, sample::at(9))
        .await
        .unwrap();
    let found = item(&database, "api-keys", &[("api_key_hash", &hash)]).await;
    assert_eq!(text(&found, "last_used"), "2025-06-15T15:06:49.000000Z");
}

#[tokio::test]
async fn changing_a_key_leaves_its_use_alone() {
    let database = Database::new().await;
    let store = database.store();
    let mut key = sample::key(1, "alice");
    store.touch_key(&key.hash, sample::at(1)).await.unwrap();
    assert_eq!(store.find_key(&key.hash).await.unwrap(), None);
    written(&database, Write::InsertKey(key.clone())).await;
    assert_eq!(
        store.find_key_use(&key.hash).await.unwrap(),
        Some(sample::at(1))
    );
    let read = store.find_key(&key.hash).await.unwrap().unwrap();
    store.touch_key(&key.hash, sample::at(2)).await.unwrap();
    key.revoked_at = Some(sample::at(3));
    written(&database, Write::ReplaceKey(key.clone(), read.version)).await;
    assert_eq!(store.find_key(&key.hash).await.unwrap().unwrap().value, key);
    assert_eq!(
        store.find_key_use(&key.hash).await.unwrap(),
        Some(sample::at(2))
    );
}

#[tokio::test]
async fn an_execution_says_what_became_of_it() {
    let database = Database::new().await;
    let execution = sample::execution_of(1, "alice", Some("prod"));
    written(&database, Write::InsertExecution(execution)).await;
    let id = sample::execution_id(1);
    let key = [("execution_id", id.as_str())];
    let waiting = item(&database, "executions", &key).await;
    let at_first = "command created_at execution_id is_open listing lock_name lock_status record schema status \
                    user_email user_status version";
    assert_eq!(names(&waiting), at_first.split(' ').collect());
    let closed = sample::closed(&sample::exited(&sample::execution(2), 3));
    written(&database, Write::InsertExecution(closed)).await;
    let id = sample::execution_id(2);
    let ended = item(&database, "executions", &[("execution_id", id.as_str())]).await;
    let at_last = "command completed_at cost_micro_dollars created_at execution_id exit_code listing reason record \
                   schema started_at status user_email user_status version";
    assert_eq!(names(&ended), at_last.split(' ').collect());
    assert_eq!(text(&ended, "status"), "FAILED");
    assert_eq!(text(&ended, "completed_at"), "2025-06-15T15:06:42.000000Z");
    assert_eq!(ended["exit_code"], AttributeValue::N("3".into()));
}

#[tokio::test]
async fn a_lock_names_its_holder_while_it_has_one() {
    let database = Database::new().await;
    let lock = sample::lock("prod");
    written(&database, Write::InsertLock(sample::taken(&lock, 1))).await;
    let held = item(&database, "locks", &[("lock_name", "prod")]).await;
    assert_eq!(
        text(&held, "execution_id"),
        sample::execution_id(1).as_str()
    );
    assert_eq!(text(&held, "user_email"), "alice@example.com");
    assert_eq!(text(&held, "acquired_at"), "2025-06-15T15:06:40.000000Z");
    written(&database, Write::InsertLock(sample::lock("free"))).await;
    let free = item(&database, "locks", &[("lock_name", "free")]).await;
    assert!(!free.contains_key("execution_id") && !free.contains_key("user_email"));
}

#[tokio::test]
async fn expiry_is_in_whole_seconds_and_never_early() {
    let database = Database::new().await;
    let late = sample::at(60)
        .checked_add(std::time::Duration::from_micros(1))
        .unwrap();
    written(
        &database,
        Write::InsertIdempotency(sample::idempotency("late", 1, late)),
    )
    .await;
    written(&database, Write::InsertClaim(sample::claim(1, "bob"))).await;
    let key = [
        ("user_email", "alice@example.com"),
        ("idempotency_key", "late"),
    ];
    let remembered = item(&database, "idempotency", &key).await;
    assert_eq!(
        remembered["expires_at"],
        AttributeValue::N("1750000061".into())
    );
    let token = sample::claim_token(1).hash().to_string();
    let claim = item(&database, "claims", &[("token_hash", &token)]).await;
    assert_eq!(claim["expires_at"], AttributeValue::N("1750000900".into()));
}

fn large(number: u64, command: String, sealed: usize) -> Execution {
    let mut submission = sample::submission("alice", None);
    submission.command = Command::script(command).unwrap();
    let sealed = Sealed::new("A".repeat(sealed));
    let id = sample::execution_id(number);
    Execution::new(id, submission, Admission::Unlocked, Some(sealed))
}

/// Sealed values are base64, with a little around them.
const MOST_SEALED: usize = (MAX_ENVIRONMENT_BYTES + 4096) / 3 * 4;

#[tokio::test]
async fn the_largest_execution_fits() {
    let database = Database::new().await;
    let script = "echo \"x\"\n".repeat(MAX_COMMAND_BYTES / 9);
    for number in 1..=5 {
        let execution = large(number, script.clone(), MOST_SEALED);
        written(&database, Write::InsertExecution(execution.clone())).await;
        let found = database
            .store()
            .find_execution(execution.id())
            .await
            .unwrap();
        assert_eq!(found.unwrap().value, execution);
    }
    let query = ExecutionQuery {
        scope: Scope::All,
        statuses: Vec::new(),
        before: None,
        limit: 5,
    };
    let page = database.store().list_executions(&query).await.unwrap();
    assert_eq!(page.len(), 5, "a page of more than a megabyte is whole");
}

/// JSON writes a control character in six bytes, so a script of nothing else is the one thing that cannot be kept.
#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let database = Database::new().await;
    let execution = large(1, "\u{1}".repeat(MAX_COMMAND_BYTES), MOST_SEALED);
    let user = Write::InsertUser(sample::user("alice"));
    let writes = vec![user, Write::InsertExecution(execution)];
    let batch = Batch::new(sample::audit(), writes).unwrap();
    let result = database.store().commit(&batch).await;
    assert!(matches!(result, Err(StoreError::Full(_))), "{result:?}");
    let alice = sample::email("alice");
    assert_eq!(database.store().find_user(&alice).await.unwrap(), None);
}
