use std::fmt;
use std::str::FromStr;

use proto::parse_host;

/// Where a hub listens: a name or an IP address, and a port.
///
/// Its text form is `host:port`, an IPv6 address in brackets.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HubAddress {
    host: String,
    port: u16,
}

/// Why a text is no hub's address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HubAddressError {
    /// The host is empty, or holds something no host can.
    #[error("{0:?} is no host name and no IP address (an IPv6 address stands in brackets)")]
    Host(String),
    /// There is no port, or none that can be connected to.
    #[error("{0:?} has no port: it is HOST:PORT, with a port from 1 to 65535")]
    Port(String),
}

impl HubAddress {
    /// The name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HubAddress {
    type Err = HubAddressError;

    fn from_str(text: &str) -> Result<Self, HubAddressError> {
        let no_port = || HubAddressError::Port(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(no_port)?;
        let port: u16 = port.parse().map_err(|_| no_port())?;
        if port == 0 {
            return Err(no_port());
        }
        let host = parse_host(host).ok_or_else(|| HubAddressError::Host(host.to_owned()))?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in ["hub.example.org:8443", "192.0.2.7:1", "[2001:db8::7]:65535"] {
            let address: HubAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let address: HubAddress = "[::1]:8443".parse().unwrap();
        assert_eq!((address.host(), address.port()), ("::1", 8443));
    }

    #[test]
    fn what_is_no_address_is_refused_by_its_part() {
        for text in ["hub.example.org", "hub:0", "hub:65536", "hub:https", ""] {
            let error = text.parse::<HubAddress>().unwrap_err();
            assert!(matches!(error, HubAddressError::Port(_)), "{text}");
        }
        for text in [":8443", "::1:8443", "[::1:8443", "a b:1", "https://hub:1"] {
            let error = text.parse::<HubAddress>().unwrap_err();
            assert!(matches!(error, HubAddressError::Host(_)), "{text}");
        }
    }
}
