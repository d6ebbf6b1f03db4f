//! What a TCP connection into a cluster is for.

use std::fmt;
use std::str::FromStr;

use proto::{Target, parse_host};

use crate::service::{CLUSTER_DOMAIN, is_label};

/// A host and a port in a managed cluster, written `HOST:PORT`.
///
/// The host is a name, an IPv4 address, or an IPv6 address in brackets. A name
/// of the form `NAME.NAMESPACE.svc`, with or without `.cluster.local`, is a
/// Service of the cluster; every other host is dialled by the agent as it is,
/// and so is a Service's name in a cluster with another domain.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DialTarget {
    /// In lower case, without a dot at its end, without brackets, and without
    /// `.cluster.local` where it is a Service's.
    host: String,
    port: u16,
    is_service: bool,
}

/// Why a text is no target.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DialTargetError {
    /// The host is empty, or holds something no host can.
    #[error("{0:?} is no host name and no IP address (an IPv6 address stands in brackets)")]
    Host(String),
    /// There is no port, or none that can be connected to.
    #[error("{0:?} has no port: a target is HOST:PORT, with a port from 1 to 65535")]
    Port(String),
}

impl DialTarget {
    /// The name or IP address, in lower case and without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a stream to it is opened with.
    pub fn to_stream_target(&self) -> Target {
        match service(&self.host) {
            Some((name, namespace)) if self.is_service => Target::Service {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                port: self.port.to_string(),
            },
            Some(_) | None => Target::Tcp {
                host: self.host.clone(),
                port: self.port,
            },
        }
    }
}

impl FromStr for DialTarget {
    type Err = DialTargetError;

    fn from_str(text: &str) -> Result<Self, DialTargetError> {
        let no_port = || DialTargetError::Port(text.to_owned());
        let (host, digits) = text.rsplit_once(':').ok_or_else(no_port)?;
        // A sign would be taken by the standard library.
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        let port = match digits.parse() {
            Ok(port) if plain && port != 0 => port,
            Ok(_) | Err(_) => return Err(no_port()),
        };
        let no_host = || DialTargetError::Host(host.to_owned());
        let mut parsed = parse_host(host).ok_or_else(no_host)?;
        parsed.make_ascii_lowercase();
        let name = parsed.strip_suffix('.').unwrap_or(&parsed);
        if name.is_empty() || name.ends_with('.') {
            return Err(no_host());
        }
        let short = name.strip_suffix(CLUSTER_DOMAIN).unwrap_or(name);
        let is_service = service(short).is_some();
        Ok(Self {
            host: if is_service { short } else { name }.to_owned(),
            port,
            is_service,
        })
    }
}

impl fmt::Display for DialTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// Name and namespace in `NAME.NAMESPACE.svc`.
fn service(host: &str) -> Option<(&str, &str)> {
    let (name, namespace) = host.strip_suffix(".svc")?.split_once('.')?;
    (is_label(name) && is_label(namespace)).then_some((name, namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_target(text: &str) -> Target {
        text.parse::<DialTarget>().unwrap().to_stream_target()
    }

    fn tcp(host: &str, port: u16) -> Target {
        let host = host.to_owned();
        Target::Tcp { host, port }
    }

    #[test]
    fn a_host_is_dialled_as_it_is_written() {
        assert_eq!(stream_target("10.0.0.7:443"), tcp("10.0.0.7", 443));
        assert_eq!(stream_target("DB.example.org.:1"), tcp("db.example.org", 1));
        assert_eq!(
            stream_target("[2001:DB8::7]:65535"),
            tcp("2001:db8::7", 65535)
        );
        assert_eq!(stream_target("localhost:80"), tcp("localhost", 80));
    }

    #[test]
    fn the_name_of_a_service_is_a_service() {
        let web = Target::Service {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            port: "8080".to_owned(),
        };
        for text in ["web.shop.svc:8080", "Web.Shop.svc.cluster.local.:8080"] {
            assert_eq!(stream_target(text), web, "{text}");
        }
        for host in [
            "web.svc",
            "a.web.shop.svc",
            "web_1.shop.svc",
            "web.shop.svc.example",
        ] {
            assert_eq!(stream_target(&format!("{host}:80")), tcp(host, 80));
        }
        let pod = "a.web.shop.svc.cluster.local";
        assert_eq!(stream_target(&format!("{pod}:80")), tcp(pod, 80));
    }

    #[test]
    fn a_target_is_written_as_it_is_read() {
        for text in ["db.example.org:5432", "192.0.2.7:1", "[2001:db8::7]:65535"] {
            assert_eq!(text.parse::<DialTarget>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_target_is_refused_by_its_part() {
        for text in ["db", "db:0", "db:65536", "db:http", "db:+80", "db:", ""] {
            let error = text.parse::<DialTarget>().unwrap_err();
            assert!(matches!(error, DialTargetError::Port(_)), "{text}");
        }
        for text in [
            ":80", ".:80", "a..:80", "::1:80", "[::1:80", "a b:1", "u@h:1", "h/x:1",
        ] {
            let error = text.parse::<DialTarget>().unwrap_err();
            assert!(matches!(error, DialTargetError::Host(_)), "{text}");
        }
    }
}
