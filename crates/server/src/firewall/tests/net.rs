//! A host with a bridge, a container on it, and an outside, each a network namespace; and services that answer there.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::firewall::nft;

/// A refusal is silence: so long it is listened to.
pub(super) const SILENCE: Duration = Duration::from_millis(400);
pub(super) const GATEWAY: &str = "10.99.0.1";
pub(super) const METADATA: &str = "169.254.169.254";
/// Azure's, which answers names, too.
pub(super) const AZURE: &str = "168.63.129.16";
pub(super) const ALIBABA: &str = "100.100.100.200";
pub(super) const ELSEWHERE: &str = "198.51.100.7";

/// Three namespaces, removed afterwards.
pub(super) struct Net {
    pub(super) host: String,
    pub(super) container: String,
    pub(super) outside: String,
}

impl Net {
    pub(super) fn new() -> Self {
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

    /// Gives the bridge, its container, and the host's way out addresses of IPv6.
    pub(super) fn add_ipv6(&self) {
        let Self {
            host,
            container,
            outside,
        } = self;
        for namespace in [host, container, outside] {
            let has_ipv6 = || Path::new("/proc/sys/net/ipv6").exists();
            assert!(
                inside(namespace, has_ipv6),
                "this machine's kernel has no IPv6, so that its rules cannot be tested"
            );
            // A namespace begins with what the machine began with, which may be off.
            for interfaces in ["all", "default"] {
                ip(&format!(
                    "netns exec {namespace} sysctl -qw net.ipv6.conf.{interfaces}.disable_ipv6=0"
                ));
            }
        }
        // At once: without a look for others who have them.
        for (namespace, address, interface) in [
            (host, "fd00:99::1/64", "rv-test"),
            (host, "fe80::99/64", "rv-test"),
            (container, "fd00:99::2/64", "eth0"),
            (container, "fe80::2/64", "eth0"),
            (host, "fd00:98::1/64", "out"),
            (outside, "fd00:98::2/64", "eth0"),
        ] {
            ip(&format!(
                "-n {namespace} addr add {address} dev {interface} nodad"
            ));
        }
        ip(&format!(
            "-n {container} route add default via fd00:99::1 dev eth0"
        ));
    }

    /// Has the host's nft apply the text.
    pub(super) fn nft(&self, text: &str) {
        inside(&self.host, || nft::apply(text)).unwrap();
    }

    /// Whether the container gets an answer from there.
    pub(super) fn container_reaches(&self, address: &SocketAddr) -> bool {
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
pub(super) fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
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
pub(super) fn greets(namespace: &str, address: &str) -> SocketAddr {
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

/// A service that says back what it hears, in datagrams, until the test ends.
pub(super) fn echoes(namespace: &str, address: &str) -> SocketAddr {
    let socket = inside(namespace, || UdpSocket::bind(address).unwrap());
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut byte = [0];
        while let Ok((_, caller)) = socket.recv_from(&mut byte) {
            let _gone_already = socket.send_to(&byte, caller);
        }
    });
    address
}

pub(super) fn reaches(address: &SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(address, SILENCE) else {
        return false;
    };
    hears(&mut stream)
}

pub(super) fn hears(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    stream.read_exact(&mut [0]).is_ok()
}

/// Whether a datagram from here to there is answered.
pub(super) fn is_echoed(address: &SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    socket.send(b"?").is_ok() && socket.recv(&mut [0]).is_ok()
}

/// Whether it holds before long: what is open answers at once, but not where the machine is busy.
pub(super) fn soon(holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if holds() {
            return true;
        }
    }
    false
}
