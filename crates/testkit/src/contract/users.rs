//! Promises of `UserReads` and `KeyUse`.

use runvoy_core::claim::ClaimUse;
use runvoy_core::role::Role;
use runvoy_ports::Write;

use super::{Subject, refused, write};
use crate::sample;

/// Created, then changed.
pub async fn people_read_back_as_written(store: &Subject) {
    let mut alice = sample::user("alice");
    assert_eq!(store.find_user(&alice.email).await.unwrap(), None);
    write(store, vec![Write::InsertUser(alice.clone())]).await;
    let read = store.find_user(&alice.email).await.unwrap().unwrap();
    assert_eq!(read.value, alice);
    alice.role = Role::Admin;
    alice.revoked_at = Some(sample::at(5));
    alice.keys = vec![sample::hash(1), sample::hash(2)];
    write(store, vec![Write::ReplaceUser(alice.clone(), read.version)]).await;
    let read = store.find_user(&alice.email).await.unwrap().unwrap();
    assert_eq!(read.value, alice);
}

/// Revoked or not.
pub async fn people_are_listed_by_address(store: &Subject) {
    assert_eq!(store.list_users().await.unwrap(), []);
    let mut bob = sample::user("bob");
    bob.revoked_at = Some(sample::at(1));
    for user in [sample::user("carol"), bob, sample::user("alice")] {
        write(store, vec![Write::InsertUser(user)]).await;
    }
    let users = store.list_users().await.unwrap();
    let emails: Vec<&str> = users.iter().map(|user| user.value.email.as_str()).collect();
    assert_eq!(
        emails,
        ["alice@example.com", "bob@example.com", "carol@example.com"]
    );
}

/// With everything that decides a request, and as it is today.
pub async fn keys_are_found_by_hash(store: &Subject) {
    let mut key = sample::key(1, "alice");
    assert_eq!(store.find_key(&key.hash).await.unwrap(), None);
    write(store, vec![Write::InsertKey(key.clone())]).await;
    write(store, vec![Write::InsertKey(sample::key(2, "bob"))]).await;
    let read = store.find_key(&key.hash).await.unwrap().unwrap();
    assert_eq!(read.value, key);
    key.expires_at = Some(sample::at(60));
    key.revoked_at = Some(sample::at(5));
    write(store, vec![Write::ReplaceKey(key.clone(), read.version)]).await;
    let read = store.find_key(&key.hash).await.unwrap().unwrap();
    assert_eq!(read.value, key);
}

/// Its use is a change like any other: the second one who read it unused conflicts.
pub async fn a_claim_is_used_once(store: &Subject) {
    let claim = sample::claim(1, "alice");
    assert_eq!(store.find_claim(&claim.token).await.unwrap(), None);
    write(store, vec![Write::InsertClaim(claim.clone())]).await;
    let read = store.find_claim(&claim.token).await.unwrap().unwrap();
    assert_eq!(read.value, claim);
    let used = |number| {
        let mut used = claim.clone();
        used.used = Some(ClaimUse {
            at: sample::at(1),
            key: sample::hash(number),
        });
        used
    };
    write(store, vec![Write::ReplaceClaim(used(1), read.version)]).await;
    refused(store, vec![Write::ReplaceClaim(used(2), read.version)]).await;
    let found = store.find_claim(&claim.token).await.unwrap().unwrap();
    assert_eq!(found.value, used(1));
}

/// Notes may arrive in any order.
pub async fn the_newest_use_of_a_key_stays(store: &Subject) {
    let hash = sample::hash(1);
    for (noted, newest) in [(10, 10), (20, 20), (15, 20), (20, 20), (21, 21)] {
        store.touch_key(&hash, sample::at(noted)).await.unwrap();
        let used = store.find_key_use(&hash).await.unwrap();
        assert_eq!(used, Some(sample::at(newest)));
    }
}

/// The use of one key says nothing of another, and touches nobody's record.
pub async fn a_key_that_was_never_used_has_no_use(store: &Subject) {
    write(store, vec![Write::InsertKey(sample::key(1, "alice"))]).await;
    let before = store.find_key(&sample::hash(1)).await.unwrap();
    store
        .touch_key(&sample::hash(1), sample::at(1))
        .await
        .unwrap();
    assert_eq!(store.find_key(&sample::hash(1)).await.unwrap(), before);
    assert_eq!(store.find_key_use(&sample::hash(2)).await.unwrap(), None);
}
