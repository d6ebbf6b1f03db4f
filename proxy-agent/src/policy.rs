//! What the hub may have this agent reach.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

mod embedded;
mod exposed;
mod file;
mod live;
mod special;
mod targets_file;

pub use exposed::ExposeError;
use exposed::Exposed;
pub use file::TargetFileError;
pub use live::LiveTargets;
pub use proto::TargetRuleError;
use proto::{TargetHost, TargetRule};
use special::Special;
pub use targets_file::{TargetsFile, TargetsFileError};

use crate::service::{ServiceName, ServicePort};

/// Which TCP targets the hub may have this agent dial, and which Services it exposes.
///
/// By default none. Whatever the rules say, addresses that mean something else
/// to this machine than to the caller are never dialled: link-local and cloud
/// metadata addresses, unspecified, multicast and broadcast ones, also where
/// an IPv6 address embeds them; and this machine's own loopback only where a
/// rule names it (`localhost:80`, `127.0.0.1:80`, `127.0.0.0/8:*`, `[::1]:80`),
/// and never for a Service.
#[derive(Clone, Debug, Default)]
pub struct TargetPolicy {
    allowed: Vec<TargetRule>,
    denied: Vec<TargetRule>,
    exposed: Vec<Exposed>,
}

/// Why a target may not be dialled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Forbidden {
    /// A rule denies it, whatever others allow.
    #[error("a rule of this agent denies {host}:{port}")]
    Denied { host: String, port: u16 },
    /// No rule names it.
    #[error("no rule of this agent allows {host}:{port}; --allow-target names what is allowed")]
    NoRule { host: String, port: u16 },
    /// It is a Service, or a port of one, that no pattern names.
    #[error("this agent does not expose {service}:{port}; --expose names what it exposes")]
    NotExposed { service: ServiceName, port: String },
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
        self.allowed.push(rule.parse()?);
        Ok(self)
    }

    /// Denies what `rule` says, whatever is allowed or exposed.
    ///
    /// It is written as in [`Self::allow`]. A Service is denied under its name
    /// and port (`web.shop.svc:80`); an endpoint of it under its address.
    pub fn deny(mut self, rule: &str) -> Result<Self, TargetRuleError> {
        self.denied.push(rule.parse()?);
        Ok(self)
    }

    /// Exposes the Services' ports that `pattern` says, besides those exposed already.
    ///
    /// A pattern is `NAMESPACE/NAME:PORT`. Each part may be `*` for any; the
    /// port is a number or a name of the Service's own.
    pub fn expose(mut self, pattern: &str) -> Result<Self, ExposeError> {
        self.exposed.push(pattern.parse()?);
        Ok(self)
    }

    /// Adds what a targets file says:
    ///
    /// ```yaml
    /// allow: ["10.0.0.0/8:443", "*.svc:*"]    # TCP targets
    /// deny: ["10.9.0.0/16:*"]                 # wins over allow and expose
    /// expose: ["monitoring/*:9090", "shop/web:http"]   # Services
    /// ```
    ///
    /// Every list may be left out. Anything else in it is an error, which
    /// names the line.
    pub fn add_file(self, text: &str) -> Result<Self, TargetFileError> {
        file::add(self, text)
    }

    /// Whether a TCP target may be allowed, so that a name is worth resolving.
    pub(crate) fn may_allow(&self, host: &str, port: u16) -> Result<(), Forbidden> {
        let name = TargetHost::new(host);
        if self.denied.iter().any(|rule| rule.names(&name, port)) {
            return Err(denied(host, port));
        }
        if self.allowed.iter().any(|rule| rule.may_allow(&name, port)) {
            Ok(())
        } else {
            Err(no_rule(host, port))
        }
    }

    /// Checks one address that `host` stands for; what may be dialled in its place.
    pub(crate) fn check(&self, host: &str, address: SocketAddr) -> Result<SocketAddr, Forbidden> {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let name = TargetHost::new(host);
        if self.denies(&name, ip, port) {
            return Err(denied(host, port));
        }
        let mut matching = self
            .allowed
            .iter()
            .filter(|rule| rule.allows(&name, ip, port))
            .peekable();
        if matching.peek().is_none() {
            return Err(no_rule(host, port));
        }
        match special::of(ip) {
            Some(Special::Loopback) if matching.any(TargetRule::names_loopback) => {}
            Some(why) => return Err(Forbidden::Special { address: ip, why }),
            None => {}
        }
        Ok(SocketAddr::new(ip, port))
    }

    /// Whether any port of a Service may be exposed, so that it is worth looking up.
    pub(crate) fn may_expose(&self, service: &ServiceName, port: &str) -> Result<(), Forbidden> {
        if self.exposed.iter().any(|exposed| exposed.names(service)) {
            Ok(())
        } else {
            Err(not_exposed(service, port))
        }
    }

    /// Checks the port of a Service.
    pub(crate) fn check_exposed(
        &self,
        service: &ServiceName,
        port: &ServicePort,
    ) -> Result<(), Forbidden> {
        let host = service.host();
        let name = TargetHost::new(&host);
        if self
            .denied
            .iter()
            .any(|rule| rule.names(&name, port.number))
        {
            return Err(denied(&host, port.number));
        }
        let mut exposed = self.exposed.iter();
        if exposed.any(|exposed| exposed.names(service) && exposed.has(port)) {
            Ok(())
        } else {
            Err(not_exposed(service, &port.to_string()))
        }
    }

    /// Checks one address that answers for an exposed Service; what may be dialled in its place.
    pub(crate) fn check_endpoint(&self, address: SocketAddr) -> Result<SocketAddr, Forbidden> {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let host = ip.to_string();
        if self.denies(&TargetHost::new(&host), ip, port) {
            return Err(denied(&host, port));
        }
        match special::of(ip) {
            Some(why) => Err(Forbidden::Special { address: ip, why }),
            None => Ok(SocketAddr::new(ip, port)),
        }
    }

    /// A denied network is denied through IPv6 addresses that lead into it too.
    fn denies(&self, name: &TargetHost, ip: IpAddr, port: u16) -> bool {
        let inner = match ip {
            IpAddr::V4(_) => Vec::new(),
            IpAddr::V6(v6) => embedded::embedded(v6).map(IpAddr::V4).collect(),
        };
        let mut all = std::iter::once(ip).chain(inner);
        all.any(|ip| self.denied.iter().any(|rule| rule.allows(name, ip, port)))
    }
}

fn no_rule(host: &str, port: u16) -> Forbidden {
    Forbidden::NoRule {
        host: host.to_owned(),
        port,
    }
}

fn denied(host: &str, port: u16) -> Forbidden {
    Forbidden::Denied {
        host: host.to_owned(),
        port,
    }
}

fn not_exposed(service: &ServiceName, port: &str) -> Forbidden {
    Forbidden::NotExposed {
        service: service.clone(),
        port: port.to_owned(),
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
