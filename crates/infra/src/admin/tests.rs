use runvoy_sql::SqliteStore;

use super::*;

fn email(text: &str) -> UserEmail {
    text.parse().unwrap()
}

fn key(digit: u8) -> ApiKey {
    ApiKey::from_random([digit; RANDOM_BYTES])
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn request(who: &str, brought: Option<ApiKey>) -> AdminRequest {
    AdminRequest {
        email: Some(email(who)),
        key: brought,
        wants_new_key: false,
    }
}

async fn apply(store: &SqliteStore, request: AdminRequest) -> AdminPlan {
    let plan = plan(store, request, now()).await.unwrap();
    if let AdminPlan::Give { email, key, .. } = &plan {
        give(store, email, key.hash(), now()).await.unwrap();
    }
    plan
}

async fn live_keys(store: &SqliteStore, who: &str) -> Vec<ApiKeyHash> {
    let user = store.find_user(&email(who)).await.unwrap().unwrap().value;
    let mut live = Vec::new();
    for hash in user.keys {
        let key = store.find_key(&hash).await.unwrap().unwrap().value;
        assert!(key.role == Role::Admin && key.revoked_at.is_none());
        live.push(hash);
    }
    live
}

#[tokio::test]
async fn the_configured_key_becomes_the_admins_and_stays_so() {
    let store = SqliteStore::in_memory().await.unwrap();
    let first = apply(&store, request("a@x.org", Some(key(1)))).await;
    assert!(matches!(
        first,
        AdminPlan::Give {
            is_reset: false,
            ..
        }
    ));
    assert_eq!(live_keys(&store, "a@x.org").await, [key(1).hash()]);
    let again = apply(&store, request("a@x.org", Some(key(1)))).await;
    assert!(matches!(again, AdminPlan::Present { key_fits: true, .. }));
    let other = apply(&store, request("a@x.org", Some(key(2)))).await;
    assert!(matches!(
        other,
        AdminPlan::Present {
            key_fits: false,
            ..
        }
    ));
    assert_eq!(live_keys(&store, "a@x.org").await, [key(1).hash()]);
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let store = SqliteStore::in_memory().await.unwrap();
    for _ in 0..2 {
        give(&store, &email("a@x.org"), key(1).hash(), now())
            .await
            .unwrap();
    }
    assert_eq!(live_keys(&store, "a@x.org").await, [key(1).hash()]);
}

#[tokio::test]
async fn a_new_key_ends_the_old_one() {
    let store = SqliteStore::in_memory().await.unwrap();
    apply(&store, request("a@x.org", Some(key(1)))).await;
    let reset = AdminRequest {
        email: None,
        key: Some(key(1)),
        wants_new_key: true,
    };
    let AdminPlan::Give {
        key: new,
        is_reset: true,
        ..
    } = apply(&store, reset).await
    else {
        panic!("it is a reset");
    };
    assert_eq!(live_keys(&store, "a@x.org").await, [new.hash()]);
    let old = store.find_key(&key(1).hash()).await.unwrap().unwrap();
    assert_eq!(old.value.revoked_at, Some(now()));
}

#[tokio::test]
async fn a_key_of_somebody_else_is_not_given_twice() {
    let store = SqliteStore::in_memory().await.unwrap();
    apply(&store, request("a@x.org", Some(key(1)))).await;
    let AdminPlan::Give { key: made, .. } = apply(&store, request("b@x.org", Some(key(1)))).await
    else {
        panic!("there is no such person yet");
    };
    assert_ne!(made.hash(), key(1).hash());
}

#[tokio::test]
async fn nobody_is_made_admin_unasked() {
    let store = SqliteStore::in_memory().await.unwrap();
    let nobody = || AdminRequest {
        email: None,
        key: None,
        wants_new_key: false,
    };
    assert!(matches!(
        plan(&store, nobody(), now()).await.unwrap(),
        AdminPlan::Nobody
    ));
    apply(&store, request("a@x.org", None)).await;
    let AdminPlan::Others(others) = plan(&store, nobody(), now()).await.unwrap() else {
        panic!("there is one");
    };
    assert_eq!(others, [email("a@x.org")]);
}

#[tokio::test]
async fn somebody_of_another_role_does_not_become_admin_this_way() {
    let store = SqliteStore::in_memory().await.unwrap();
    let developer = User {
        email: email("d@x.org"),
        role: Role::Developer,
        created_at: now(),
        created_by: None,
        revoked_at: None,
        keys: vec![key(1).hash()],
    };
    let audit = audit_entry(AuditAction::UserCreated, &developer.email, now()).unwrap();
    let batch = Batch::new(audit, vec![Write::InsertUser(developer)]).unwrap();
    store.commit(&batch).await.unwrap();
    for wants_new_key in [false, true] {
        let request = AdminRequest {
            wants_new_key,
            ..request("d@x.org", None)
        };
        let error = plan(&store, request, now()).await.unwrap_err();
        assert!(error.hints[0].contains("runvoy users role d@x.org admin"));
    }
}
