//! Opening the file: who may read it, who may have written it, who else opens it.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use runvoy_core::log::LogHead;
use runvoy_ports::{
    ExecutionReads as _, HeadWrite, Ledger as _, StoreError, UserReads as _, Write,
};
use runvoy_sql::{Durability, OpenError, SqliteStore};
use runvoy_testkit::sample;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::child;

const PROCESSES: u64 = 8;
const EACH: u64 = 20;

fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("runvoy.db");
    (directory, file)
}

async fn open(file: &Path) -> SqliteStore {
    SqliteStore::open(file, Durability::Full).await.unwrap()
}

async fn insert(store: &SqliteStore, number: u64) -> Result<(), StoreError> {
    let insert = Write::InsertExecution(sample::execution(number));
    let mut audit = sample::audit();
    audit.id = format!("{number:032x}").parse().unwrap();
    let batch = runvoy_ports::Batch::new(audit, vec![insert]).unwrap();
    store.commit(&batch).await
}

#[tokio::test]
async fn what_was_written_is_there_when_opened_again() {
    let (_directory, file) = file();
    let store = open(&file).await;
    insert(&store, 1).await.unwrap();
    store.close().await.unwrap();
    let again = open(&file).await;
    let id = sample::execution_id(1);
    assert!(again.find_execution(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_store_opens_again_by_itself() {
    let (_directory, file) = file();
    let store = open(&file).await;
    store.close().await.unwrap();
    insert(&store, 1).await.unwrap();
    assert_eq!(store.list_open(None, 9).await.unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_and_its_companions_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, file) = file();
    let store = open(&file).await;
    insert(&store, 1).await.unwrap();
    let mut seen = 0;
    for entry in directory.path().read_dir().unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "the file, its log and the log's index");
    let all = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&file, all).unwrap();
    open(&file).await;
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_left_alone() {
    let (_directory, file) = file();
    open(&file).await.close().await.unwrap();
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("PRAGMA user_version = 1000")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let result = SqliteStore::open(&file, Durability::Full).await;
    assert!(matches!(result, Err(OpenError::Newer { .. })), "{result:?}");
}

#[tokio::test]
async fn what_is_no_store_is_said_to_be_none() {
    let (_directory, file) = file();
    std::fs::write(
        &file,
        "a shopping list, and a long one at that\n".repeat(100),
    )
    .unwrap();
    let result = SqliteStore::open(&file, Durability::Full).await;
    let Err(OpenError::Open { source, .. }) = result else {
        panic!("{result:?}")
    };
    assert!(matches!(source, StoreError::Corrupt(_)), "{source:?}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_said_to_be_missing() {
    let (directory, _) = file();
    let file = directory.path().join("missing").join("runvoy.db");
    let result = SqliteStore::open(&file, Durability::Full).await;
    assert!(
        matches!(result, Err(OpenError::Create { .. })),
        "{result:?}"
    );
}

/// A child opens the file that does not exist yet together with the others, and writes.
#[tokio::test]
async fn several_processes_make_the_file_and_write_at_the_same_time() {
    const TEST: &str = "open::several_processes_make_the_file_and_write_at_the_same_time";
    if let Some((file, number)) = child::task() {
        let store = open(&file).await;
        for place in 0..EACH {
            insert(&store, number * EACH + place).await.unwrap();
        }
        return store.close().await.unwrap();
    }
    let (_directory, file) = file();
    let spawn = |number| {
        let mut child = child::command(TEST, &file, number);
        child.stdout(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..PROCESSES).map(spawn).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let open = open(&file).await.list_open(None, 1000).await.unwrap();
    assert_eq!(open.len() as u64, PROCESSES * EACH);
}

#[tokio::test]
async fn a_row_of_a_newer_schema_or_damaged_is_an_error_not_a_guess() {
    let (_directory, file) = file();
    let store = open(&file).await;
    let id = sample::execution_id(1);
    let head = HeadWrite::Insert(LogHead::new(id.clone()));
    let user = Write::InsertUser(sample::user("alice"));
    let batch = sample::batch(vec![Write::Head(id, head), user]);
    store.commit(&batch).await.unwrap();
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    for damage in ["schema = 2", "schema = 1, body = '{'"] {
        sqlx::query(&format!("UPDATE users SET {damage}"))
            .execute(&mut connection)
            .await
            .unwrap();
        let result = store.find_user(&sample::email("alice")).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
    }
}
