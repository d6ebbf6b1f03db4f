use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::embedded::embedded;

/// Addresses that mean something else to this machine than to who asks for them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Special {
    Broadcast,
    LinkLocal,
    Loopback,
    Metadata,
    Multicast,
    Unspecified,
}

/// Services outside the link-local ranges that hand out a machine's own
/// credentials or configuration to whoever asks from it.
const METADATA: [IpAddr; 8] = [
    // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Azure's WireServer
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Oracle Cloud (classic)
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // Amazon: instance metadata, EKS Pod Identity, Route 53 resolver
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253)),
    // Google Cloud
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    // Scaleway
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
];

/// What is special about an address, or about an IPv4 address that it embeds.
pub(super) fn of(address: IpAddr) -> Option<Special> {
    if METADATA.contains(&address) {
        return Some(Special::Metadata);
    }
    match address {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => of_v6(v6),
    }
}

fn of_v4(address: Ipv4Addr) -> Option<Special> {
    if address.is_loopback() {
        Some(Special::Loopback)
    } else if address.octets()[0] == 0 {
        // "This network" (RFC 791); a connection to 0.0.0.0 reaches this machine.
        Some(Special::Unspecified)
    } else if address.is_link_local() {
        Some(Special::LinkLocal)
    } else if address.is_multicast() {
        Some(Special::Multicast)
    } else if address.is_broadcast() {
        Some(Special::Broadcast)
    } else {
        None
    }
}

fn of_v6(address: Ipv6Addr) -> Option<Special> {
    if address.is_loopback() {
        Some(Special::Loopback)
    } else if address.is_unspecified() {
        Some(Special::Unspecified)
    } else if address.is_unicast_link_local() {
        Some(Special::LinkLocal)
    } else if address.is_multicast() {
        Some(Special::Multicast)
    } else {
        // A rule for the outer address does not name the inner one, so that
        // an embedded loopback address is never reached.
        embedded(address).find_map(|inner| match of(IpAddr::V4(inner)) {
            Some(Special::Loopback) => Some(Special::Unspecified),
            found => found,
        })
    }
}
