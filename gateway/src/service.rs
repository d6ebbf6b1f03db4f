//! Services of managed clusters, as paths name them.

use std::fmt;

use http::HeaderValue;
use proto::Target;

/// A port of a Service in a managed cluster.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ServiceTarget {
    namespace: String,
    name: String,
    port: ServicePort,
}

/// Which port of a Service.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum ServicePort {
    /// By the name that the Service gives it.
    Name(String),
    /// By its number, never 0.
    Number(u16),
}

/// Why a path's part names no port of a Service.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceTargetError {
    /// It is none of `NAME:PORT` and `http:NAME:PORT`, or holds what no name can.
    #[error(
        "{0:?} names no port of a Service: it is NAME:PORT, of lower-case letters, digits \
         and '-'"
    )]
    Form(String),
    /// It asks the hub for TLS.
    #[error(
        "the hub speaks no TLS to a Service, whose certificate it could not judge; open a \
         connection to {0} with CONNECT, and speak TLS on that"
    )]
    Https(Box<ServiceTarget>),
    /// Another scheme.
    #[error("{0:?} is no scheme that the hub speaks to a Service; it is http, and may be left out")]
    Scheme(String),
}

/// What Kubernetes' DNS puts behind `NAME.NAMESPACE.svc`, unless a cluster has
/// chosen another domain.
pub(crate) const CLUSTER_DOMAIN: &str = ".cluster.local";
/// The longest DNS label (RFC 1035 section 2.3.4).
const MAX_LABEL_LEN: usize = 63;

impl ServiceTarget {
    /// Reads `[SCHEME:]NAME:PORT` in a namespace.
    pub(crate) fn parse(namespace: &str, text: &str) -> Result<Self, ServiceTargetError> {
        let form = || ServiceTargetError::Form(text.to_owned());
        let parts: Vec<&str> = text.split(':').collect();
        let (scheme, name, port) = match parts[..] {
            [name, port] => ("http", name, port),
            [scheme, name, port] => (scheme, name, port),
            _ => return Err(form()),
        };
        if ![namespace, name, port].into_iter().all(is_label) {
            return Err(form());
        }
        let port = if port.bytes().all(|b| b.is_ascii_digit()) {
            let number = port.parse().ok().filter(|number| *number != 0);
            ServicePort::Number(number.ok_or_else(form)?)
        } else {
            ServicePort::Name(port.to_owned())
        };
        let service = Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port,
        };
        match scheme {
            "http" => Ok(service),
            "https" => Err(ServiceTargetError::Https(Box::new(service))),
            other => Err(ServiceTargetError::Scheme(other.to_owned())),
        }
    }

    /// Its name in the cluster's DNS, without the cluster's own domain.
    pub fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    pub(crate) fn to_stream_target(&self) -> Target {
        Target::Service {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            port: self.port.to_string(),
        }
    }

    /// What the Service is called in requests to it.
    pub(crate) fn authority(&self) -> String {
        match self.port {
            ServicePort::Name(_) | ServicePort::Number(80) => self.host(),
            ServicePort::Number(number) => format!("{}:{number}", self.host()),
        }
    }

    pub(crate) fn host_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.authority()).expect("labels and digits are a valid value")
    }
}

impl fmt::Display for ServiceTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host(), self.port)
    }
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Whether a text is a DNS label, as names of Services and namespaces are.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_LABEL_LEN).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, ServiceTargetError> {
        ServiceTarget::parse("shop", text).map(|service| service.to_string())
    }

    #[test]
    fn a_service_is_named_with_a_port_and_perhaps_a_scheme() {
        assert_eq!(parse("web:80").unwrap(), "web.shop.svc:80");
        assert_eq!(parse("http:web:metrics").unwrap(), "web.shop.svc:metrics");
    }

    #[test]
    fn a_port_that_says_nothing_new_is_not_in_the_host() {
        for (text, authority) in [
            ("web:80", "web.shop.svc"),
            ("web:http", "web.shop.svc"),
            ("web:8080", "web.shop.svc:8080"),
        ] {
            let service = ServiceTarget::parse("shop", text).unwrap();
            assert_eq!(service.authority(), authority);
        }
    }

    #[test]
    fn what_names_no_port_of_a_service_is_refused() {
        for text in [
            "web",
            "web:",
            ":80",
            "web:0",
            "web:65536",
            "Web:80",
            "web:8_0",
            "a.b:80",
            "..:80",
            "http:web:80:1",
            "http:web:",
            "",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, ServiceTargetError::Form(text.to_owned()), "{text}");
        }
        assert!(ServiceTarget::parse("..", "web:80").is_err());
        let scheme = ServiceTargetError::Scheme("ftp".to_owned());
        assert_eq!(parse("ftp:web:80").unwrap_err(), scheme);
        let error = parse("https:web:443").unwrap_err();
        assert!(matches!(error, ServiceTargetError::Https(_)));
        assert!(
            error.to_string().contains("web.shop.svc:443 with CONNECT"),
            "{error}"
        );
    }
}
