use std::net::{Ipv4Addr, Ipv6Addr};

/// The IPv4 addresses that an IPv6 address may lead to.
///
/// Several where the address does not say at which place it holds one: then
/// any of them may be meant.
pub(super) fn embedded(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let o = address.octets();
    let tail = [12, 13, 14, 15];
    let places: &[[usize; 4]] = match address.segments() {
        // IPv4-mapped (RFC 4291) and IPv4-translated (RFC 2765) addresses,
        // the deprecated IPv4-compatible ones, and NAT64's prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => &[[12, 13, 14, 15]],
        // NAT64's local-use prefix (RFC 8215), where a network chooses a
        // prefix of its own, and with it the place (RFC 6052 section 2.2).
        [0x64, 0xff9b, 1, ..] => &[
            [6, 7, 9, 10],
            [7, 9, 10, 11],
            [9, 10, 11, 12],
            [12, 13, 14, 15],
        ],
        // 6to4 (RFC 3056)
        [0x2002, ..] => &[[2, 3, 4, 5]],
        // Teredo (RFC 4380): its server, and its client in inverted bits.
        [0x2001, 0, ..] => &[[4, 5, 6, 7]],
        // ISATAP (RFC 5214)
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => &[[12, 13, 14, 15]],
        _ => &[],
    };
    let inverted =
        matches!(address.segments(), [0x2001, 0, ..]).then(|| Ipv4Addr::from(tail.map(|i| !o[i])));
    // The places that a longer prefix leaves empty hold no address.
    let several = places.len() > 1;
    let found: Vec<Ipv4Addr> = places
        .iter()
        .map(|place| Ipv4Addr::from(place.map(|i| o[i])))
        .collect();
    let empty = found.iter().all(|inner| inner.octets()[0] == 0);
    found
        .into_iter()
        .filter(move |inner| !several || empty || inner.octets()[0] != 0)
        .chain(inverted)
}
