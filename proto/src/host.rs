use std::net::Ipv6Addr;

/// RFC 1035 section 2.3.4; an IPv6 address with a zone is shorter.
pub(crate) const MAX_HOST_LEN: usize = 253;

/// A host as it stands before `:port`: a name, an IPv4 address, or an IPv6
/// address in brackets, which are taken off. `None` for what is none of them.
pub fn parse_host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(address.to_string());
    }
    let fits = !text.is_empty() && text.len() <= MAX_HOST_LEN;
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    (fits && plain).then(|| text.to_owned())
}
