//! Keeps TLS handshakes in flight within bounds, in all and for each source.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many handshakes may be in flight at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) in_all: usize,
    /// From one IPv4 address or IPv6 /64 network.
    pub(super) per_source: usize,
}

/// The handshakes in flight.
#[derive(Debug)]
pub(super) struct Handshakes {
    limits: Limits,
    in_flight: Mutex<InFlight>,
}

/// A handshake's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Handshake {
    of: Arc<Handshakes>,
    source: IpAddr,
}

/// No place is left for another handshake.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Full {
    #[error("too many handshakes are in flight")]
    InAll,
    #[error("too many handshakes are in flight from this address")]
    Source,
}

#[derive(Debug, Default)]
struct InFlight {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// The part of a limit from which on addresses have to be proven.
const CROWDED: usize = 32;

impl Handshakes {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            in_flight: Mutex::default(),
        })
    }

    /// Takes a place for a handshake with a client at this address.
    pub(super) fn begin(self: &Arc<Self>, remote: IpAddr) -> Result<Handshake, Full> {
        let source = source(remote);
        let mut in_flight = self.in_flight();
        if in_flight.total >= self.limits.in_all {
            return Err(Full::InAll);
        }
        let of_source = in_flight.by_source.entry(source).or_default();
        if *of_source >= self.limits.per_source {
            return Err(Full::Source);
        }
        *of_source += 1;
        in_flight.total += 1;
        Ok(Handshake {
            of: self.clone(),
            source,
        })
    }

    /// Whether so many are in flight, in all or from this address, that a
    /// client whose address is not proven has to prove it first.
    pub(super) fn is_crowded(&self, remote: IpAddr) -> bool {
        let in_flight = self.in_flight();
        let of_source = in_flight.by_source.get(&source(remote));
        in_flight.total >= self.limits.in_all / CROWDED
            || of_source.is_some_and(|of_source| *of_source >= self.limits.per_source / CROWDED)
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut in_flight = self.of.in_flight();
        in_flight.total -= 1;
        if let Entry::Occupied(mut of_source) = in_flight.by_source.entry(self.source) {
            *of_source.get_mut() -= 1;
            if *of_source.get() == 0 {
                of_source.remove();
            }
        }
    }
}

/// Whoever has an IPv6 address has its whole /64.
fn source(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshakes() -> Arc<Handshakes> {
        Handshakes::new(Limits {
            in_all: 3,
            per_source: 2,
        })
    }

    fn begin(handshakes: &Arc<Handshakes>, remote: &str) -> Result<Handshake, Full> {
        handshakes.begin(remote.parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let handshakes = handshakes();
        let first = begin(&handshakes, "192.0.2.1").unwrap();
        let _second = begin(&handshakes, "::ffff:192.0.2.1").unwrap();
        assert_eq!(begin(&handshakes, "192.0.2.1").unwrap_err(), Full::Source);
        let _other = begin(&handshakes, "192.0.2.2").unwrap();
        assert_eq!(begin(&handshakes, "192.0.2.3").unwrap_err(), Full::InAll);
        drop(first);
        begin(&handshakes, "192.0.2.1").unwrap();
    }

    #[test]
    fn a_network_of_one_owner_counts_as_one_address() {
        let handshakes = handshakes();
        let _first = begin(&handshakes, "2001:db8:0:1::1").unwrap();
        let _second = begin(&handshakes, "2001:db8:0:1::2").unwrap();
        let third = begin(&handshakes, "2001:db8:0:1:ffff::3");
        assert_eq!(third.unwrap_err(), Full::Source);
        begin(&handshakes, "2001:db8:0:2::1").unwrap();
    }

    #[test]
    fn addresses_have_to_be_proven_long_before_there_is_no_place() {
        let handshakes = Handshakes::new(Limits {
            in_all: 4 * CROWDED,
            per_source: 2 * CROWDED,
        });
        let crowded = |remote: &str| handshakes.is_crowded(remote.parse().unwrap());
        let mut begun = vec![begin(&handshakes, "192.0.2.1").unwrap()];
        assert!(!crowded("192.0.2.1"));
        begun.push(begin(&handshakes, "192.0.2.1").unwrap());
        assert!(crowded("192.0.2.1") && !crowded("192.0.2.2"));
        begun.push(begin(&handshakes, "192.0.2.2").unwrap());
        begun.push(begin(&handshakes, "192.0.2.3").unwrap());
        assert!(crowded("192.0.2.4"));
        drop(begun);
        assert!(!crowded("192.0.2.1"));
    }

    #[test]
    fn nothing_is_kept_of_sources_that_are_done() {
        let handshakes = handshakes();
        for host in 0..100 {
            begin(&handshakes, &format!("192.0.2.{host}")).unwrap();
        }
        let in_flight = handshakes.in_flight();
        assert_eq!((in_flight.total, in_flight.by_source.len()), (0, 0));
    }
}
