//! Those behind one address with somebody whose key does not work, and keys that are used in many places.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use runvoy_core::role::Role;

use super::strangers::{FAILURES, attack, made_up};
use super::{ELSEWHERE, Limited, OFFICE, limits};

#[tokio::test]
async fn a_colleagues_bad_key_keeps_no_good_one_out() {
    let limited = Limited::new(limits(100, 20)).await;
    let alice = limited.world.user("alice", Role::Viewer).await;
    let outdated = made_up(0);
    // Nobody's key is known yet, and the outdated one takes whatever is given back.
    let mut looked_up = limited.count(401, 1000, OFFICE, &outdated).await;
    assert_eq!(looked_up, FAILURES);
    for _ in 0..100 {
        tokio::time::advance(Duration::from_millis(100)).await;
        looked_up += limited.count(401, 10, OFFICE, &outdated).await;
    }
    assert!(looked_up <= FAILURES + 5, "{looked_up}");
    assert_eq!(limited.whoami(OFFICE, &alice).await, 200);
    assert_eq!(limited.count(200, 50, OFFICE, &alice).await, 50);
}

#[tokio::test]
async fn who_asks_without_a_key_keeps_no_good_one_out() {
    let limited = Limited::new(limits(100, 20)).await;
    let root = limited.world.root.clone();
    for status in [404, 429] {
        let mut last = 0;
        for _ in 0..200 {
            let request = Request::get("/wp-login.php").body(Body::empty()).unwrap();
            last = limited.ask(OFFICE, request).await.status;
        }
        assert_eq!(last, status);
    }
    assert_eq!(limited.whoami(OFFICE, &root).await, 200);
}

#[tokio::test]
async fn a_key_is_known_as_soon_as_it_is_proved() {
    let limited = Limited::new(limits(100, 20)).await;
    let world = &limited.world;
    let root = world.root.clone();
    let agent = world.run(&root, crate::harness::hello()).await;
    limited.count(401, 100, OFFICE, &made_up(0)).await;
    let path = format!("/executions/{}/logs?after=0&wait=10", agent.id());
    // The one look of this key goes to a reader whose answer comes late.
    let reader = limited.get(OFFICE, &root, &path);
    let others = async {
        for _ in 0..100_000 {
            if limited.whoami(OFFICE, &root).await == 200 {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    };
    let (answer, is_known) = tokio::join!(reader, others);
    answer.assert_status(200);
    assert!(is_known);
}

#[tokio::test]
async fn a_key_that_failed_gets_a_look_again() {
    let limited = Limited::new(limits(100, 20)).await;
    let other = made_up(1);
    limited.count(401, 100, OFFICE, &made_up(0)).await;
    let statuses = async |tries| limited.count(401, tries, OFFICE, &other).await;
    assert_eq!(statuses(100).await, 1);
    for _ in 0..29 {
        tokio::time::advance(Duration::from_secs(1)).await;
        // The first takes every failure that is given back.
        limited.count(401, 100, OFFICE, &made_up(0)).await;
        assert_eq!(statuses(100).await, 0);
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    limited.count(401, 100, OFFICE, &made_up(0)).await;
    assert_eq!(statuses(100).await, 1);
}

#[tokio::test]
async fn a_key_that_is_used_in_four_places_is_at_home_in_each() {
    let limited = Limited::new(limits(100, 20)).await;
    let root = limited.world.root.clone();
    let places = [OFFICE, ELSEWHERE, "192.0.2.3", "192.0.2.4"];
    for place in places {
        assert_eq!(limited.whoami(place, &root).await, 200);
        attack(&limited, place).await;
    }
    for place in places {
        assert_eq!(limited.whoami(place, &root).await, 200, "{place}");
    }
    // A fifth takes the place of the one that was used the longest ago.
    assert_eq!(limited.whoami("192.0.2.5", &root).await, 200);
    assert_eq!(limited.whoami(OFFICE, &root).await, 429);
    assert_eq!(limited.whoami(ELSEWHERE, &root).await, 200);
}

#[tokio::test]
async fn what_its_address_refuses_costs_a_key_nothing() {
    let limited = Limited::new(limits(1, 20)).await;
    let root = limited.world.root.clone();
    assert_eq!(limited.whoami(ELSEWHERE, &root).await, 200);
    attack(&limited, OFFICE).await;
    assert_eq!(limited.count(429, 50, OFFICE, &root).await, 50);
    assert_eq!(limited.count(200, 50, ELSEWHERE, &root).await, 10);
}
