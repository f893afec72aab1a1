//! Addresses that a client only claims to have.

use axum::http::Method;
use serde_json::Value;

use super::strangers::{FAILURES, LOOKS, made_up};
use super::{Limited, OFFICE, limits};

/// Made-up keys, each as if it were forwarded for another client.
async fn forged(limited: &Limited, line: impl Fn(u32) -> String) -> u32 {
    let mut looked_up = 0;
    for number in 0..1000 {
        let mut request = made_up(number).request(Method::GET, "/whoami", &Value::Null);
        let value = line(number).parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", value);
        looked_up += u32::from(limited.ask(OFFICE, request).await.status == 401);
    }
    looked_up
}

fn any_address(number: u32) -> String {
    std::net::Ipv4Addr::from_bits(0xcb00_0000 + number).to_string()
}

#[tokio::test]
async fn without_a_proxy_a_forged_address_changes_nothing() {
    let limited = Limited::new(limits(100, 20)).await;
    assert_eq!(forged(&limited, any_address).await, FAILURES + LOOKS);
}

#[tokio::test]
async fn behind_a_proxy_what_the_client_forged_changes_nothing() {
    let behind_proxy = runvoy_http::RateLimits {
        is_behind_proxy: true,
        ..limits(100, 20)
    };
    let limited = Limited::new(behind_proxy).await;
    let appended = |number| format!("{}, 198.51.100.7", any_address(number));
    assert_eq!(forged(&limited, appended).await, FAILURES + LOOKS);
    let another_client = |_| "198.51.100.8".to_owned();
    assert_eq!(forged(&limited, another_client).await, FAILURES + LOOKS);
}

#[tokio::test]
async fn the_addresses_of_one_ipv6_network_are_one() {
    let limited = Limited::new(limits(100, 20)).await;
    let mut looked_up = 0;
    for number in 0..1000 {
        let address = format!("2001:db8::{number:x}");
        looked_up += u32::from(limited.whoami(&address, &made_up(number)).await == 401);
    }
    assert_eq!(looked_up, FAILURES + LOOKS);
}
