//! The rules at work, in network namespaces of the tests' own: a host with a bridge, a container on it, and an outside.
//! Needs root, ip and nft.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio_util::sync::CancellationToken;

use super::{Firewall, Rules, nft, removal};

/// A refusal is silence: so long it is listened to.
const SILENCE: Duration = Duration::from_millis(400);
const GATEWAY: &str = "10.99.0.1";
const METADATA: &str = "169.254.169.254";
/// Azure's, which answers names, too.
const AZURE: &str = "168.63.129.16";
const ALIBABA: &str = "100.100.100.200";
const ELSEWHERE: &str = "198.51.100.7";

/// Three namespaces, removed afterwards.
struct Net {
    host: String,
    container: String,
    outside: String,
}

impl Net {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |part: &str| format!("rvtest-{}-{number}-{part}", std::process::id());
        let (host, container, outside) = (name("h"), name("c"), name("o"));
        for namespace in [&host, &container, &outside] {
            ip(&format!("netns add {namespace}"));
            ip(&format!("-n {namespace} link set lo up"));
        }
        ip(&format!("-n {host} link add rv-test type bridge"));
        ip(&format!("-n {host} addr add {GATEWAY}/24 dev rv-test"));
        ip(&format!("-n {host} link set rv-test up"));
        ip(&format!(
            "-n {host} link add v0 type veth peer name eth0 netns {container}"
        ));
        ip(&format!("-n {host} link set v0 master rv-test up"));
        ip(&format!("-n {container} addr add 10.99.0.2/24 dev eth0"));
        ip(&format!("-n {container} link set eth0 up"));
        ip(&format!("-n {container} route add default via {GATEWAY}"));
        ip(&format!(
            "-n {host} link add out type veth peer name eth0 netns {outside}"
        ));
        ip(&format!("-n {host} addr add 192.0.2.1/24 dev out"));
        ip(&format!("-n {host} link set out up"));
        ip(&format!("-n {outside} addr add 192.0.2.2/24 dev eth0"));
        ip(&format!("-n {outside} link set eth0 up"));
        ip(&format!("-n {outside} route add default via 192.0.2.1"));
        for address in [METADATA, AZURE, ALIBABA, ELSEWHERE] {
            ip(&format!("-n {outside} addr add {address}/32 dev lo"));
            ip(&format!("-n {host} route add {address}/32 via 192.0.2.2"));
        }
        ip(&format!(
            "netns exec {host} sysctl -qw net.ipv4.ip_forward=1"
        ));
        let net = Self {
            host,
            container,
            outside,
        };
        // As on every machine with Docker, connections are tracked from the start.
        net.nft("table ip tracked { chain in { type filter hook input priority 0; ct state invalid drop; }; }\n");
        net
    }

    /// Has the host's nft apply the text.
    fn nft(&self, text: &str) {
        inside(&self.host, || nft::apply(text)).unwrap();
    }

    /// Whether the container gets an answer from there.
    fn container_reaches(&self, address: &SocketAddr) -> bool {
        inside(&self.container, || reaches(address))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for namespace in [&self.host, &self.container, &self.outside] {
            ip(&format!("netns del {namespace}"));
        }
    }
}

fn ip(line: &str) {
    let output = Command::new("ip").args(line.split(' ')).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {line}: {complaint}");
}

/// Does something in a namespace. What is opened there stays there.
fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let entrance = File::open(format!("/var/run/netns/{namespace}")).unwrap();
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            move_into_link_name_space(entrance.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        });
        worker.join().unwrap()
    })
}

/// A service that greets whoever connects and says back what it hears, until the test ends.
fn greets(namespace: &str, address: &str) -> SocketAddr {
    let listener = inside(namespace, || TcpListener::bind(address).unwrap());
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut byte = [b'!'];
                while caller.write_all(&byte).is_ok() && caller.read_exact(&mut byte).is_ok() {}
            });
        }
    });
    address
}

fn reaches(address: &SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(address, SILENCE) else {
        return false;
    };
    hears(&mut stream)
}

fn hears(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    stream.read_exact(&mut [0]).is_ok()
}

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
