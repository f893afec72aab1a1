//! The rules at work, in network namespaces of the tests' own: a host with a bridge, a container on it, and an outside.
//! Needs root, ip and nft.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::Command;
use std::time::{Duration, Instant};

use net::{
    ALIBABA, AZURE, ELSEWHERE, GATEWAY, METADATA, Net, SILENCE, echoes, greets, hears, inside,
    is_echoed, reaches, soon,
};
use tokio_util::sync::CancellationToken;

use super::{Firewall, Rules, removal};

mod net;

fn rules(agents: SocketAddr) -> Rules {
    Rules {
        stack: "0123abcd".to_owned(),
        bridge: "rv-test".to_owned(),
        agents,
        allows_metadata: false,
    }
}

#[test]
fn of_the_host_a_container_reaches_the_agents_listener_alone() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    let others = [
        greets(&net.host, "10.99.0.1:0"),
        greets(&net.host, "192.0.2.1:0"),
        SocketAddr::new(
            "192.0.2.1".parse().unwrap(),
            greets(&net.host, "0.0.0.0:0").port(),
        ),
    ];
    for other in &others {
        assert!(
            net.container_reaches(other),
            "without rules it is open: {other}"
        );
    }
    net.nft(&rules(agents).text());
    assert!(net.container_reaches(&agents));
    for other in &others {
        assert!(!net.container_reaches(other), "{other}");
    }
    assert!(
        inside(&net.host, || reaches(&others[0])),
        "the host itself is as before"
    );
    assert!(
        inside(&net.outside, || reaches(&others[1])),
        "others are as before"
    );
}

#[test]
fn of_the_host_a_container_reaches_nothing_with_datagrams() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    let others = [
        // Where agents call, if it were a stream.
        echoes(&net.host, &agents.to_string()),
        echoes(&net.host, "10.99.0.1:0"),
        echoes(&net.host, "192.0.2.1:0"),
    ];
    let is_open = |namespace: &str, to| inside(namespace, || is_echoed(to));
    for other in &others {
        assert!(
            soon(|| is_open(&net.container, other)),
            "without rules it is open: {other}"
        );
    }
    net.nft(&rules(agents).text());
    for other in &others {
        assert!(!is_open(&net.container, other), "{other}");
    }
    assert!(soon(|| net.container_reaches(&agents)));
    assert!(soon(|| is_open(&net.host, &others[1])));
    assert!(soon(|| is_open(&net.outside, &others[2])));
}

#[test]
fn of_the_host_a_container_reaches_nothing_over_ipv6() {
    let net = Net::new();
    net.add_ipv6();
    let agents = greets(&net.host, "10.99.0.1:0");
    let port = greets(&net.host, "[::]:0").port();
    let resolve = |address: &str, port| {
        let resolved = || (address, port).to_socket_addrs().unwrap().next().unwrap();
        inside(&net.container, resolved)
    };
    let others = [
        resolve("fd00:99::1", port),
        resolve("fd00:98::1", port),
        resolve("fe80::99%eth0", port),
        // Where agents call, if it were IPv4.
        greets(&net.host, &format!("[fd00:99::1]:{}", agents.port())),
    ];
    let datagrams = echoes(&net.host, "[fd00:99::1]:0");
    let is_echoed = || inside(&net.container, || is_echoed(&datagrams));
    for other in &others {
        assert!(
            soon(|| net.container_reaches(other)),
            "without rules it is open: {other}"
        );
    }
    assert!(soon(is_echoed));
    net.nft(&rules(agents).text());
    for other in &others {
        assert!(!net.container_reaches(other), "{other}");
    }
    assert!(!is_echoed());
    assert!(soon(|| net.container_reaches(&agents)));
    assert!(soon(|| inside(&net.host, || reaches(&others[0]))));
    assert!(soon(|| inside(&net.outside, || reaches(&others[1]))));
}

#[test]
fn the_agents_listener_is_for_containers_and_the_host_alone() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    assert!(inside(&net.outside, || reaches(&agents)));
    net.nft(&rules(agents).text());
    assert!(!inside(&net.outside, || reaches(&agents)));
    assert!(inside(&net.host, || reaches(&agents)));
}

#[test]
fn a_connection_from_before_the_rules_is_cut() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    let other = greets(&net.host, "10.99.0.1:0");
    let mut stream = inside(&net.container, || TcpStream::connect(other).unwrap());
    assert!(hears(&mut stream));
    stream.write_all(b"?").unwrap();
    assert!(hears(&mut stream));
    net.nft(&rules(agents).text());
    stream.write_all(b"?").unwrap();
    assert!(!hears(&mut stream));
}

#[test]
fn the_host_still_reaches_its_containers() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    let service = greets(&net.container, "10.99.0.2:0");
    net.nft(&rules(agents).text());
    assert!(inside(&net.host, || reaches(&service)));
}

#[test]
fn the_world_is_reached_but_not_the_machines_own_credentials() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    let metadata =
        [METADATA, AZURE, ALIBABA].map(|address| greets(&net.outside, &format!("{address}:80")));
    let names = [METADATA, AZURE].map(|address| greets(&net.outside, &format!("{address}:53")));
    let elsewhere = greets(&net.outside, &format!("{ELSEWHERE}:80"));
    let reached = |addresses: &[SocketAddr]| {
        let reached = addresses.iter().filter(|at| net.container_reaches(at));
        reached.count()
    };
    assert_eq!(reached(&metadata), 3);
    net.nft(&rules(agents).text());
    assert_eq!(reached(&metadata), 0);
    assert_eq!(reached(&names), 2, "some clouds answer names there");
    assert!(net.container_reaches(&elsewhere));
    let open = Rules {
        allows_metadata: true,
        ..rules(agents)
    };
    net.nft(&open.text());
    assert_eq!(reached(&metadata), 3);
}

#[test]
fn a_port_that_the_host_passes_on_is_no_way_around() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    greets(&net.outside, &format!("{ELSEWHERE}:80"));
    net.nft(&format!(
        "table ip published {{ chain in {{ type nat hook prerouting priority dstnat; \
         ip daddr {GATEWAY} tcp dport 8080 dnat to {ELSEWHERE}:80; }}; }}\n"
    ));
    let published = SocketAddr::new(GATEWAY.parse().unwrap(), 8080);
    assert!(net.container_reaches(&published));
    net.nft(&rules(agents).text());
    assert!(!net.container_reaches(&published));
}

#[test]
fn rules_are_replaced_and_taken_away_without_a_trace() {
    let net = Net::new();
    let (first, second) = (
        greets(&net.host, "10.99.0.1:0"),
        greets(&net.host, "10.99.0.1:0"),
    );
    net.nft(&rules(first).text());
    net.nft(&rules(second).text());
    assert!(!net.container_reaches(&first) && net.container_reaches(&second));
    net.nft(&removal("runvoy_0123abcd"));
    assert!(net.container_reaches(&first));
    net.nft(&removal("runvoy_0123abcd"));
    let listed = Command::new("ip")
        .args(["netns", "exec", &net.host, "nft", "list", "tables"])
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout);
    assert_eq!(listed, "table ip tracked\n");
}

#[test]
fn rules_that_somebody_flushes_or_changes_are_put_back() {
    let net = Net::new();
    let agents = greets(&net.host, "10.99.0.1:0");
    let other = greets(&net.host, "10.99.0.1:0");
    let stop = CancellationToken::new();
    let watching = stop.clone();
    std::thread::scope(|scope| {
        // What a runtime of that thread starts is in the namespace, too.
        scope.spawn(|| {
            inside(&net.host, || {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_time().build().unwrap();
                let firewall = Firewall::put(rules(agents)).unwrap();
                runtime.block_on(firewall.watch_every(SILENCE / 20, watching));
            });
        });
        let _stops = stop.drop_guard();
        let closes = |why: &str| {
            let deadline = Instant::now() + Duration::from_secs(10);
            while net.container_reaches(&other) {
                assert!(Instant::now() < deadline, "{why}");
            }
            assert!(net.container_reaches(&agents), "{why}");
        };
        closes("put");
        net.nft("flush ruleset\n");
        closes("flushed");
        net.nft("flush chain inet runvoy_0123abcd input\n");
        closes("emptied");
        net.nft("insert rule inet runvoy_0123abcd input iifname \"rv-test\" accept\n");
        closes("opened");
    });
}
