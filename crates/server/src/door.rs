//! How many connections there may be at once, of one network and of all together.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections of one container at once. An agent needs a handful.
pub(crate) const AGENTS_SHARE: usize = 64;
/// Connections of one network of people at once: a thousand followers behind one address, and their other requests.
const PEOPLES_SHARE: usize = 2_000;
/// The bits of an IPv6 address that name a network: whoever has one such network has all of its addresses.
const NETWORK_BITS: u32 = 64;

/// How many connections there may be at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    per_network: usize,
    in_all: usize,
}

impl Bounds {
    /// For agents, each of which has an address of its own, where this process may have so many descriptors: all of
    /// them together get a quarter, and leave one for the engine and the store.
    pub(crate) fn of_agents(descriptors: u64) -> Self {
        Self {
            per_network: AGENTS_SHARE,
            in_all: usize::try_from(descriptors / 4).unwrap_or(usize::MAX),
        }
    }

    /// For people, where this process may have so many descriptors: half of them are left for agents, containers and
    /// the store, and no network gets more than half of the rest. All who come through a proxy have its address.
    pub(crate) fn of_people(descriptors: u64, is_behind_proxy: bool) -> Self {
        let in_all = usize::try_from(descriptors / 2).unwrap_or(usize::MAX);
        let per_network = if is_behind_proxy {
            in_all
        } else {
            (in_all / 2).min(PEOPLES_SHARE)
        };
        Self {
            per_network,
            in_all,
        }
    }
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Counts {
    in_all: usize,
    networks: HashMap<IpAddr, usize>,
}

/// Lets connections in while there is room for them.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    bounds: Bounds,
    counts: Arc<Mutex<Counts>>,
}

impl Door {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            counts: Arc::default(),
        }
    }

    /// One place more, unless there is no room for it.
    pub(crate) fn place(&self, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut counts = locked(&self.counts);
        let of_network = counts.networks.get(&network).copied().unwrap_or(0);
        if of_network >= self.bounds.per_network || counts.in_all >= self.bounds.in_all {
            return None;
        }
        counts.networks.insert(network, of_network + 1);
        counts.in_all += 1;
        Some(Place {
            network,
            counts: Arc::clone(&self.counts),
        })
    }
}

/// One of the places that there are, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    network: IpAddr,
    counts: Arc<Mutex<Counts>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        counts.in_all -= 1;
        if let Some(count) = counts.networks.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.networks.remove(&self.network);
            }
        }
    }
}

/// Whose address it is: what one caller can have many of counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let rest = u128::BITS - NETWORK_BITS;
            Ipv6Addr::from_bits(address.to_bits() >> rest << rest).into()
        }
    }
}

fn locked(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn all_networks_together_get_no_more_than_there_is() {
        let door = Door::new(Bounds {
            per_network: 2,
            in_all: 3,
        });
        let mut places: Vec<_> = ["192.0.2.1", "192.0.2.1", "192.0.2.2"]
            .map(|text| door.place(address(text)).unwrap())
            .into();
        assert!(door.place(address("192.0.2.3")).is_none());
        places.pop();
        assert!(door.place(address("192.0.2.1")).is_none());
        assert!(door.place(address("192.0.2.3")).is_some());
    }

    #[test]
    fn a_network_of_many_addresses_has_one_share() {
        let door = Door::new(Bounds {
            per_network: 1,
            in_all: 9,
        });
        let _place = door.place(address("2001:db8::1")).unwrap();
        assert!(door.place(address("2001:db8::ffff:2")).is_none());
        assert!(door.place(address("2001:db8:0:1::1")).is_some());
        let _mapped = door.place(address("::ffff:192.0.2.1")).unwrap();
        assert!(door.place(address("192.0.2.1")).is_none());
        assert!(door.place(address("::ffff:192.0.2.2")).is_some());
    }

    #[test]
    fn people_leave_half_of_the_descriptors_to_others_and_a_network_half_to_other_people() {
        let bounds = |descriptors, is_behind_proxy| {
            let bounds = Bounds::of_people(descriptors, is_behind_proxy);
            (bounds.per_network, bounds.in_all)
        };
        assert_eq!(bounds(256, false), (64, 128));
        assert_eq!(bounds(16_384, false), (PEOPLES_SHARE, 8_192));
        assert_eq!(bounds(16_384, true), (8_192, 8_192));
    }

    #[test]
    fn all_containers_together_leave_room_for_people_and_the_store() {
        let descriptors = 1_024;
        let door = Door::new(Bounds::of_agents(descriptors));
        let containers = (1..=17).flat_map(|number| [[10, 0, 0, number]; 64]);
        let places: Vec<_> = containers
            .filter_map(|container| door.place(container.into()))
            .collect();
        assert_eq!(places.len(), 256);
    }
}
