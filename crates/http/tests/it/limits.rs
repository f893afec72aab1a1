//! Who asks too often is refused before anything is looked up for them, and nobody else is.

mod colleagues;
mod forged;
mod readers;
mod strangers;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use runvoy_core::role::Role;
use runvoy_http::{Gate, RateLimits, limited_user_router};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::harness::World;
use crate::harness::answer::Answer;
use crate::harness::caller::Caller;

const OFFICE: &str = "192.0.2.1";
const ELSEWHERE: &str = "192.0.2.2";

/// A deployment with limits. Time stands still but for what a test lets pass.
struct Limited {
    world: World,
    router: Router,
}

fn limits(per_key: u32, per_address: u32) -> RateLimits {
    RateLimits {
        per_key: NonZeroU32::new(per_key),
        per_address: NonZeroU32::new(per_address),
        is_behind_proxy: false,
    }
}

impl Limited {
    async fn new(limits: RateLimits) -> Self {
        let world = World::new().await;
        let router = limited_user_router(world.app.clone(), Gate::Key, limits);
        tokio::time::pause();
        Self { world, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A request that comes from `address`.
    async fn ask(&self, address: &str, mut request: Request<Body>) -> Answer {
        let peer = SocketAddr::new(address.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        self.send(request).await
    }

    async fn get(&self, address: &str, caller: &Caller, path: &str) -> Answer {
        let request = caller.request(Method::GET, path, &Value::Null);
        self.ask(address, request).await
    }

    async fn whoami(&self, address: &str, caller: &Caller) -> u16 {
        self.get(address, caller, "/whoami").await.status
    }

    /// How many of `tries` are answered with `status`.
    async fn count(&self, status: u16, tries: u32, address: &str, caller: &Caller) -> u32 {
        let mut count = 0;
        for _ in 0..tries {
            count += u32::from(self.whoami(address, caller).await == status);
        }
        count
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let limited = Limited::new(limits(1, 100)).await;
    let root = limited.world.root.clone();
    limited.count(200, 20, OFFICE, &root).await;
    let answer = limited.get(OFFICE, &root, "/whoami").await;
    insta::assert_snapshot!(answer.shown(), @r#"429 {"code":"RATE_LIMITED","details":"nothing was done; try again in 1 second","error":"too many requests with this key"}"#);
    assert_eq!(answer.header("retry-after"), Some("1"));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(limited.whoami(OFFICE, &root).await, 200);
    assert_eq!(limited.whoami(OFFICE, &root).await, 429);
}

#[tokio::test]
async fn a_key_that_works_is_counted_by_itself_wherever_it_is_used() {
    let limited = Limited::new(limits(10, 1000)).await;
    let root = limited.world.root.clone();
    let alice = limited.world.user("alice", Role::Viewer).await;
    // The first request shows that the key works.
    assert_eq!(limited.count(200, 300, OFFICE, &root).await, 101);
    assert_eq!(limited.whoami(ELSEWHERE, &root).await, 429);
    assert_eq!(limited.count(200, 300, OFFICE, &alice).await, 101);
}

#[tokio::test]
async fn people_behind_one_address_do_not_use_up_its_share() {
    let limited = Limited::new(limits(100, 1)).await;
    let root = limited.world.root.clone();
    assert_eq!(limited.count(200, 500, OFFICE, &root).await, 500);
    assert_eq!(
        limited.count(200, 500, OFFICE, &Caller::anonymous()).await,
        0
    );
}

#[tokio::test]
async fn a_burst_is_given_back_while_nobody_asks() {
    let limited = Limited::new(limits(5, 100)).await;
    let root = limited.world.root.clone();
    assert_eq!(limited.count(200, 100, OFFICE, &root).await, 51);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(limited.count(200, 100, OFFICE, &root).await, 10);
    // However long the pause: no more than ten seconds' worth.
    tokio::time::advance(Duration::from_hours(10)).await;
    assert_eq!(limited.count(200, 100, OFFICE, &root).await, 50);
}

#[tokio::test]
async fn the_wall_clock_changes_nothing() {
    let limited = Limited::new(limits(5, 100)).await;
    let root = limited.world.root.clone();
    assert_eq!(limited.count(200, 100, OFFICE, &root).await, 51);
    limited.world.pass(3600);
    assert_eq!(limited.whoami(OFFICE, &root).await, 429);
}

#[tokio::test]
async fn callers_on_this_machine_are_not_counted() {
    let limited = Limited::new(limits(1, 1)).await;
    for _ in 0..300 {
        let request = limited
            .world
            .root
            .request(Method::GET, "/whoami", &Value::Null);
        limited.send(request).await.assert_status(200);
    }
}

#[tokio::test]
async fn without_limits_nobody_is_counted() {
    let limited = Limited::new(limits(0, 0)).await;
    let root = limited.world.root.clone();
    assert_eq!(limited.count(200, 300, OFFICE, &root).await, 300);
    assert_eq!(
        limited.count(401, 300, OFFICE, &Caller::anonymous()).await,
        300
    );
}
