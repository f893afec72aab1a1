//! Where a request comes from, as far as that can be believed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// What a proxy in front of the server says of the client; each appends the address that called it.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The bits of an IPv6 address that name a network: whoever has one such network has all of its addresses.
const NETWORK_BITS: u32 = 64;

/// One client's network: an IPv4 address, or 64 bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> NETWORK_BITS << NETWORK_BITS;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        })
    }

    /// The client's network: the peer's, or behind a proxy the last one that was forwarded for, which the proxy itself
    /// has written; what stands before it anybody may have. `None` for callers without an address, who are on this
    /// machine.
    pub(crate) fn of_client(
        extensions: &Extensions,
        headers: &HeaderMap,
        is_behind_proxy: bool,
    ) -> Option<Self> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        let forwarded = is_behind_proxy.then(|| last_forwarded(headers)).flatten();
        Some(Self::of(forwarded.unwrap_or_else(|| peer.ip())))
    }
}

fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let line = headers.get_all(FORWARDED_FOR).iter().next_back()?;
    let last = line.to_str().ok()?.rsplit(',').next()?.trim();
    // Some proxies add the port, and then brackets around an IPv6 address.
    let with_port = || last.parse::<SocketAddr>().ok().map(|address| address.ip());
    last.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    /// The network of a caller at 192.0.2.1 with these lines of `X-Forwarded-For`.
    fn client(lines: &[&str], is_behind_proxy: bool) -> Network {
        let mut extensions = Extensions::new();
        let peer: SocketAddr = "192.0.2.1:4711".parse().unwrap();
        extensions.insert(ConnectInfo(peer));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        Network::of_client(&extensions, &headers, is_behind_proxy).unwrap()
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv4_address_is_one_client_however_it_is_written() {
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
    }

    #[test]
    fn without_a_proxy_nobody_names_their_own_address() {
        assert_eq!(client(&["203.0.113.9"], false), network("192.0.2.1"));
    }

    #[test]
    fn behind_a_proxy_only_its_own_word_counts() {
        let expected = network("203.0.113.9");
        for lines in [
            &["203.0.113.9"][..],
            &["198.51.100.1, 203.0.113.9"],
            &["198.51.100.1", "203.0.113.9"],
            &["198.51.100.1,198.51.100.2", "198.51.100.3 , 203.0.113.9:80"],
        ] {
            assert_eq!(client(lines, true), expected, "{lines:?}");
        }
        assert_eq!(client(&["[2001:db8::1]:443"], true), network("2001:db8::"));
    }

    #[test]
    fn what_is_no_address_leaves_the_proxys_own() {
        for lines in [&[][..], &[""], &["unknown"], &["203.0.113.9, _hidden"]] {
            assert_eq!(client(lines, true), network("192.0.2.1"), "{lines:?}");
        }
    }

    #[test]
    fn a_caller_on_this_machine_has_no_address() {
        let nobody = Network::of_client(&Extensions::new(), &HeaderMap::new(), true);
        assert_eq!(nobody, None);
    }
}
