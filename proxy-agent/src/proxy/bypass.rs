use std::net::IpAddr;

use ipnet::IpNet;

use crate::HubAddress;

/// Hosts that are reached without a proxy, as `NO_PROXY` names them.
///
/// The entries stand between commas and mean what Go's programs, `kubectl`
/// among them, take them to mean; upper and lower case are the same:
///
/// - `example.org` is that host and everything below it; `.example.org` and
///   `*.example.org` are only what is below;
/// - `192.0.2.7`, `2001:db8::7` are that address, `192.0.2.0/24` a network,
///   which concerns hubs that are named by an address: no name is resolved;
/// - `:443` after a host or an address is that port only (`[2001:db8::7]:443`);
/// - `*` is everything.
///
/// `localhost` and loopback addresses are among them always.
#[derive(Clone, Debug, Default)]
pub struct NoProxy {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    All,
    Network(IpNet),
    Address(IpAddr, Port),
    /// What is below this domain, which begins with a dot.
    Below(String, Port),
    /// This domain (kept with a dot in front) and what is below it.
    Domain(String, Port),
}

#[derive(Clone, Copy, Debug)]
enum Port {
    Any,
    Only(u16),
}

/// More entries than this are not looked at.
const MAX_ENTRIES: usize = 1024;

impl NoProxy {
    /// Reads the value of `NO_PROXY`. As everywhere, an entry that makes no
    /// sense concerns no host; of more than 1024 entries the first count.
    pub fn parse(text: &str) -> Self {
        let entries = text.split(',').take(MAX_ENTRIES).filter_map(Entry::parse);
        Self {
            entries: entries.collect(),
        }
    }

    /// Whether this hub is reached without a proxy.
    pub(crate) fn covers(&self, hub: &HubAddress) -> bool {
        let host = hub.host().to_ascii_lowercase();
        let ip: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || ip.is_some_and(|ip| ip.to_canonical().is_loopback()) {
            return true;
        }
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.covers(&host, ip, hub.port()))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text == "*" {
            return Some(Self::All);
        }
        if let Ok(network) = text.parse() {
            return Some(Self::Network(network));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address, Port::Any));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Port::Only(port.parse().ok()?)),
            Some(_) | None => (text.as_str(), Port::Any),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(host).parse() {
            return Some(Self::Address(address, port));
        }
        let host = host.strip_prefix('*').unwrap_or(host);
        match host.strip_prefix('.') {
            Some("") => None,
            Some(_) => Some(Self::Below(host.to_owned(), port)),
            None if host.is_empty() => None,
            None => Some(Self::Domain(format!(".{host}"), port)),
        }
    }

    fn covers(&self, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network(network) => ip.is_some_and(|ip| network.contains(&ip)),
            Self::Address(address, only) => ip == Some(*address) && only.covers(port),
            Self::Below(domain, only) => host.ends_with(domain) && only.covers(port),
            Self::Domain(domain, only) => {
                (host.ends_with(domain) || host == &domain[1..]) && only.covers(port)
            }
        }
    }
}

impl Port {
    fn covers(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(no_proxy: &str, hub: &str) -> bool {
        NoProxy::parse(no_proxy).covers(&hub.parse().unwrap())
    }

    #[test]
    fn a_domain_covers_itself_and_what_is_below_it() {
        for hub in [
            "example.org:443",
            "Hub.Example.org:1",
            "a.b.example.org:443",
        ] {
            assert!(covers("other.net, Example.ORG ,", hub), "{hub}");
        }
        for hub in ["notexample.org:443", "example.org.net:443", "org:443"] {
            assert!(!covers("example.org", hub), "{hub}");
        }
    }

    #[test]
    fn a_dot_in_front_leaves_the_domain_itself_out() {
        for entry in [".example.org", "*.example.org"] {
            assert!(covers(entry, "hub.example.org:443"), "{entry}");
            assert!(!covers(entry, "example.org:443"), "{entry}");
            assert!(!covers(entry, "notexample.org:443"), "{entry}");
        }
    }

    #[test]
    fn addresses_and_networks_cover_hubs_named_by_address() {
        let entries = "192.0.2.7,10.0.0.0/8,2001:db8::/32,[fd00::1],fd00::2";
        for hub in [
            "192.0.2.7:1",
            "10.255.0.1:443",
            "[2001:db8:0:1::7]:443",
            "[fd00::1]:443",
            "[fd00::2]:443",
        ] {
            assert!(covers(entries, hub), "{hub}");
        }
        for hub in [
            "192.0.2.8:1",
            "11.0.0.1:443",
            "[2001:db9::7]:443",
            "ten.net:1",
        ] {
            assert!(!covers(entries, hub), "{hub}");
        }
    }

    #[test]
    fn a_port_narrows_an_entry() {
        let entries = "example.org:8443,192.0.2.7:8443,[2001:db8::7]:8443,.svc:8443";
        for host in ["example.org", "192.0.2.7", "[2001:db8::7]", "hub.svc"] {
            assert!(covers(entries, &format!("{host}:8443")), "{host}");
            assert!(!covers(entries, &format!("{host}:443")), "{host}");
        }
    }

    #[test]
    fn everything_is_covered_by_a_star_and_loopback_by_nothing_at_all() {
        assert!(covers("a.net,*", "hub.example.org:443"));
        for hub in ["localhost:1", "LOCALHOST:1", "127.0.0.9:1", "[::1]:1"] {
            assert!(covers("", hub), "{hub}");
        }
        for entry in ["", " , ", ".", ":443", "hub:port", "10.0.0.0/33"] {
            assert!(!covers(entry, "hub.example.org:443"), "{entry:?}");
            assert!(!covers(entry, "10.0.0.1:443"), "{entry:?}");
        }
    }
}
