//! Callers without a key that works: made-up keys, forged addresses, guessed claim tokens.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use runvoy_core::key::{ApiKey, ClaimToken};
use runvoy_core::role::Role;
use serde_json::Value;

use super::{ELSEWHERE, Limited, OFFICE, limits};
use crate::harness::caller::Caller;

/// Failures that an address with 20 requests a second may have at once: each counts for 50 of its 200 requests.
pub(super) const FAILURES: u32 = 4;
/// Looks that it has beside them, one for each key or claim token.
pub(super) const LOOKS: u32 = 2;

pub(super) fn made_up(number: u32) -> Caller {
    let mut random = [0; 20];
    random[..4].copy_from_slice(&number.to_be_bytes());
    Caller::new("nobody@example.com", ApiKey::from_random(random).expose())
}

/// Thousands of keys that nobody has; answers how many were looked up.
pub(super) async fn attack(limited: &Limited, address: &str) -> u32 {
    let mut looked_up = 0;
    for number in 0..3000 {
        match limited.whoami(address, &made_up(number)).await {
            401 => looked_up += 1,
            status => assert_eq!(status, 429),
        }
    }
    looked_up
}

#[tokio::test]
async fn of_thousands_of_made_up_keys_a_handful_is_looked_up() {
    let limited = Limited::new(limits(100, 20)).await;
    assert_eq!(attack(&limited, OFFICE).await, FAILURES + LOOKS);
    // And then no more than the rate gives back: one for every five seconds.
    tokio::time::advance(Duration::from_mins(1)).await;
    attack(&limited, OFFICE).await;
    let mut looked_up = 0;
    for _ in 0..60 {
        tokio::time::advance(Duration::from_secs(1)).await;
        looked_up += attack(&limited, OFFICE).await;
    }
    assert!((12..=24).contains(&looked_up), "{looked_up}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_failure_where_nothing_is_proved() {
    let limited = Limited::new(limits(100, 20)).await;
    let mut answered = 0;
    for number in 0..=255 {
        let body = Value::from("x".repeat(runvoy_wire::MAX_BODY_BYTES));
        let request = made_up(number).request(Method::POST, "/run", &body);
        match limited.ask(OFFICE, request).await.status {
            413 | 401 => answered += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(answered, FAILURES + LOOKS);
}

#[tokio::test]
async fn colleagues_of_an_attacker_go_on() {
    let limited = Limited::new(limits(100, 20)).await;
    let root = limited.world.root.clone();
    let alice = limited.world.user("alice", Role::Viewer).await;
    assert_eq!(limited.whoami(OFFICE, &root).await, 200);
    attack(&limited, OFFICE).await;
    assert_eq!(limited.count(200, 50, OFFICE, &root).await, 50);
    // Whose key was not seen there before waits, but not elsewhere.
    assert_eq!(limited.whoami(OFFICE, &alice).await, 429);
    assert_eq!(limited.whoami(ELSEWHERE, &alice).await, 200);
}

#[tokio::test]
async fn a_key_that_works_elsewhere_is_no_way_around_the_address() {
    let limited = Limited::new(limits(100, 20)).await;
    let root = limited.world.root.clone();
    assert_eq!(limited.whoami(ELSEWHERE, &root).await, 200);
    attack(&limited, OFFICE).await;
    assert_eq!(limited.whoami(OFFICE, &root).await, 429);
}

#[tokio::test]
async fn a_key_that_works_no_more_is_a_strangers() {
    let limited = Limited::new(limits(100, 20)).await;
    let alice = limited.world.user("alice", Role::Viewer).await;
    assert_eq!(limited.whoami(OFFICE, &alice).await, 200);
    let body = serde_json::json!({"email": alice.email});
    let revoked = limited
        .world
        .post(&limited.world.root, "/users/revoke", body);
    revoked.await.assert_status(200);
    assert_eq!(limited.count(401, 100, OFFICE, &alice).await, FAILURES);
}

#[tokio::test]
async fn requests_without_a_key_are_failures_too() {
    let limited = Limited::new(limits(100, 20)).await;
    let nobody = Caller::anonymous();
    assert_eq!(limited.count(401, 100, OFFICE, &nobody).await, FAILURES);
}

#[tokio::test]
async fn guessed_claim_tokens_are_failures_too() {
    let limited = Limited::new(limits(100, 20)).await;
    let mut answered = 0;
    for number in 0..=255 {
        let token = ClaimToken::from_random([number; 20]);
        let path = format!("/claim/{}", token.expose());
        let request = Caller::anonymous().request(Method::POST, &path, &Value::Null);
        match limited.ask(OFFICE, request).await.status {
            404 => answered += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(answered, FAILURES + LOOKS);
}

#[tokio::test]
async fn a_guessed_claim_token_gets_one_look_and_a_key_beside_it_none() {
    let limited = Limited::new(limits(100, 20)).await;
    let root = limited.world.root.clone();
    assert_eq!(limited.whoami(OFFICE, &root).await, 200);
    let mut statuses = Vec::new();
    for number in [0, 1] {
        let token = ClaimToken::from_random([number; 20]);
        let path = format!("/claim/{}", token.expose());
        for _ in 0..20 {
            let request = root.request(Method::POST, &path, &Value::Null);
            statuses.push(limited.ask(OFFICE, request).await.status);
        }
    }
    let answered = statuses.iter().filter(|status| **status == 404);
    assert_eq!(answered.count(), FAILURES as usize + 1);
    assert_eq!(limited.count(200, 50, OFFICE, &root).await, 50);
}

#[tokio::test]
async fn addresses_that_lead_nowhere_are_counted_too() {
    let limited = Limited::new(limits(100, 1)).await;
    let mut found = Vec::new();
    for _ in 0..12 {
        let request = Request::get("/wp-login.php").body(Body::empty()).unwrap();
        found.push(limited.ask(OFFICE, request).await.status);
    }
    assert_eq!(found, [[404; 10].as_slice(), &[429; 2]].concat());
}
