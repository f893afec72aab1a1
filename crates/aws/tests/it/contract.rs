//! The contract, and again through a wrapper without faults.

use std::sync::Arc;

use runvoy_testkit::{FaultPlan, FaultyStore, store_contract};

use crate::database::Database;

store_contract!(dynamodb, async {
    let database = Database::new().await;
    (database.store(), database)
});

store_contract!(faulty_without_faults, async {
    let database = Database::new().await;
    let inner = Arc::new(database.store());
    (FaultyStore::new(inner, FaultPlan::none()), database)
});
