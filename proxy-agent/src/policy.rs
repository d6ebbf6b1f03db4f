//! What the hub may have this agent reach.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

mod embedded;
mod special;

pub use proto::TargetRuleError;
use proto::{TargetHost, TargetRule};
use special::Special;

/// Which TCP targets the hub may have this agent dial.
///
/// By default none. Whatever the rules say, addresses that mean something else
/// to this machine than to the caller are never dialled: link-local and cloud
/// metadata addresses, unspecified, multicast and broadcast ones, also where
/// an IPv6 address embeds them; and this machine's own loopback only where a
/// rule names it (`localhost:80`, `127.0.0.1:80`, `127.0.0.0/8:*`, `[::1]:80`).
#[derive(Clone, Debug, Default)]
pub struct TargetPolicy {
    rules: Vec<TargetRule>,
}

/// Why a target may not be dialled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Forbidden {
    /// No rule names it.
    #[error("no rule of this agent allows {host}:{port}; --allow-target names what is allowed")]
    NoRule { host: String, port: u16 },
    /// It is an address that no rule, or not this one, can allow.
    #[error("{address} is {why}, which this agent never dials for the hub")]
    Special { address: IpAddr, why: Special },
}

impl TargetPolicy {
    /// Allows what `rule` says, besides what is allowed already.
    ///
    /// A rule is `HOST:PORT`. The port is a number or `*`; the host is a
    /// network (`10.0.0.0/8`, `[2001:db8::]/32`), an address, a name
    /// (`db.example.org`), or a name with `*` for its first labels
    /// (`*.svc`), or `*` alone. A network allows every name that resolves into
    /// it; a name allows every address it resolves to.
    pub fn allow(mut self, rule: &str) -> Result<Self, TargetRuleError> {
        self.rules.push(rule.parse()?);
        Ok(self)
    }

    /// Whether any target can be allowed, so that a name is worth resolving.
    pub(crate) fn may_allow(&self, host: &str, port: u16) -> Result<(), Forbidden> {
        let name = TargetHost::new(host);
        if self.rules.iter().any(|rule| rule.may_allow(&name, port)) {
            Ok(())
        } else {
            Err(no_rule(host, port))
        }
    }

    /// Checks one address that `host` stands for; what may be dialled in its place.
    pub(crate) fn check(&self, host: &str, address: SocketAddr) -> Result<SocketAddr, Forbidden> {
        let ip = address.ip().to_canonical();
        let name = TargetHost::new(host);
        let mut matching = self
            .rules
            .iter()
            .filter(|rule| rule.allows(&name, ip, address.port()))
            .peekable();
        if matching.peek().is_none() {
            return Err(no_rule(host, address.port()));
        }
        match special::of(ip) {
            Some(Special::Loopback) if matching.any(TargetRule::names_loopback) => {}
            Some(why) => return Err(Forbidden::Special { address: ip, why }),
            None => {}
        }
        Ok(SocketAddr::new(ip, address.port()))
    }
}

fn no_rule(host: &str, port: u16) -> Forbidden {
    Forbidden::NoRule {
        host: host.to_owned(),
        port,
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broadcast => "the broadcast address",
            Self::LinkLocal => "a link-local address",
            Self::Loopback => "a loopback address that no rule names",
            Self::Metadata => "a cloud's metadata address",
            Self::Multicast => "a multicast address",
            Self::Unspecified => "an unspecified address",
        })
    }
}

#[cfg(test)]
mod tests;
