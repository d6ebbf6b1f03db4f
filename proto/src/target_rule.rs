use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::parse_host;

/// One rule of which TCP targets may be reached, `HOST:PORT`.
///
/// The port is a number or `*`; the host is a network (`10.0.0.0/8`,
/// `[2001:db8::]/32`), an address, a name (`db.example.org`), or a name with
/// `*` for its first labels (`*.svc`), or `*` alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetRule {
    hosts: Hosts,
    ports: Ports,
}

/// A target's host in the form that rules are compared with: in lower case and
/// without a dot at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetHost(String);

/// Why a text is no rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetRuleError {
    /// The host is no name, pattern, address or network.
    #[error(
        "{0:?} is no host: a name (db.example.org), a pattern (*.svc, *), an address, \
         or a network (10.0.0.0/8); IPv6 addresses stand in brackets"
    )]
    Host(String),
    /// There is no port.
    #[error("{0:?} names no port: a rule is HOST:PORT, with * for any port")]
    Port(String),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Hosts {
    Any,
    Network(IpNet),
    Name(String),
    /// Names that end with this, which begins with a dot.
    Suffix(String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ports {
    Any,
    One(u16),
}

impl TargetHost {
    /// The host of a target, as whoever asks for it writes it.
    pub fn new(host: &str) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host);
        Self(host.to_ascii_lowercase())
    }
}

impl TargetRule {
    /// Whether the rule may allow a host whose addresses are not known yet.
    pub fn may_allow(&self, host: &TargetHost, port: u16) -> bool {
        let named = match &self.hosts {
            Hosts::Any => true,
            Hosts::Network(network) => match host.0.parse::<IpAddr>() {
                Ok(address) => network.contains(&address.to_canonical()),
                Err(_) => true,
            },
            Hosts::Name(_) | Hosts::Suffix(_) => self.has_name(host),
        };
        named && self.ports.contain(port)
    }

    /// Whether the rule is about a host, whatever its addresses turn out to be.
    pub fn names(&self, host: &TargetHost, port: u16) -> bool {
        let named = match &self.hosts {
            Hosts::Any => true,
            Hosts::Network(network) => {
                let address = host.0.parse::<IpAddr>();
                address.is_ok_and(|address| network.contains(&address.to_canonical()))
            }
            Hosts::Name(_) | Hosts::Suffix(_) => self.has_name(host),
        };
        named && self.ports.contain(port)
    }

    /// Whether the rule allows an address that `host` stands for.
    pub fn allows(&self, host: &TargetHost, address: IpAddr, port: u16) -> bool {
        let named = match &self.hosts {
            Hosts::Any => true,
            Hosts::Network(network) => network.contains(&address),
            Hosts::Name(_) | Hosts::Suffix(_) => self.has_name(host),
        };
        named && self.ports.contain(port)
    }

    /// Whether whoever wrote the rule meant this machine's loopback.
    pub fn names_loopback(&self) -> bool {
        match &self.hosts {
            Hosts::Network(network) => {
                network.network().is_loopback() && network.broadcast().is_loopback()
            }
            Hosts::Name(name) => name == "localhost",
            Hosts::Any | Hosts::Suffix(_) => false,
        }
    }

    fn has_name(&self, host: &TargetHost) -> bool {
        match &self.hosts {
            Hosts::Name(allowed) => host.0 == *allowed,
            Hosts::Suffix(suffix) => {
                host.0.len() > suffix.len() && host.0.ends_with(suffix.as_str())
            }
            Hosts::Any | Hosts::Network(_) => false,
        }
    }
}

impl Ports {
    fn contain(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::One(allowed) => allowed == port,
        }
    }
}

impl FromStr for TargetRule {
    type Err = TargetRuleError;

    fn from_str(text: &str) -> Result<Self, TargetRuleError> {
        let no_port = || TargetRuleError::Port(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(no_port)?;
        let ports = match port {
            "*" => Ports::Any,
            number => match number.parse() {
                Ok(0) | Err(_) => return Err(no_port()),
                Ok(port) => Ports::One(port),
            },
        };
        let hosts = parse_hosts(host).ok_or_else(|| TargetRuleError::Host(host.to_owned()))?;
        Ok(Self { hosts, ports })
    }
}

fn parse_hosts(text: &str) -> Option<Hosts> {
    if text == "*" {
        return Some(Hosts::Any);
    }
    if let Some((address, length)) = text.split_once('/') {
        let address: IpAddr = parse_host(address)?.parse().ok()?;
        let network = IpNet::new(address, length.parse().ok()?).ok()?;
        return Some(Hosts::Network(network.trunc()));
    }
    let (suffix, rest) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let host = parse_host(rest)?;
    let TargetHost(name) = TargetHost::new(&host);
    match name.parse::<IpAddr>() {
        Ok(_) if suffix => None,
        Ok(address) => Some(Hosts::Network(address.to_canonical().into())),
        Err(_) if name.is_empty() || name.starts_with('.') => None,
        Err(_) if suffix => Some(Hosts::Suffix(format!(".{name}"))),
        Err(_) => Some(Hosts::Name(name)),
    }
}
