//! The contract, on disk, in memory, and through a wrapper without faults.

use std::sync::Arc;

use runvoy_sql::{Durability, SqliteStore};
use runvoy_testkit::{FaultPlan, FaultyStore, store_contract};
use tempfile::TempDir;

async fn on_disk(durability: Durability) -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runvoy.db");
    let store = SqliteStore::open(&path, durability).await.unwrap();
    (store, directory)
}

async fn in_memory() -> SqliteStore {
    SqliteStore::in_memory().await.unwrap()
}

store_contract!(sqlite_on_disk, async { on_disk(Durability::Full).await });

store_contract!(sqlite_in_memory, async { (in_memory().await, ()) });

store_contract!(faulty_without_faults, async {
    let inner = Arc::new(in_memory().await);
    (FaultyStore::new(inner, FaultPlan::none()), ())
});
