//! The Service by which a kube-apiserver reaches the hub.

use std::fmt;
use std::str::FromStr;

/// `NAMESPACE/NAME[:PORT]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ServiceName {
    namespace: String,
    name: String,
    port: u16,
}

/// Why a text names no Service.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} names no Service: it is NAMESPACE/NAME or NAMESPACE/NAME:PORT")]
pub(crate) struct ServiceNameError(String);

const HTTPS: u16 = 443;
/// The longest DNS label (RFC 1035 section 2.3.4).
const MAX_LABEL_LEN: usize = 63;

impl ServiceName {
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The name that the kube-apiserver asks the hub's certificate for.
    pub(crate) fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }
}

impl FromStr for ServiceName {
    type Err = ServiceNameError;

    fn from_str(text: &str) -> Result<Self, ServiceNameError> {
        let none = || ServiceNameError(text.to_owned());
        let (namespace, rest) = text.split_once('/').ok_or_else(none)?;
        let (name, port) = match rest.split_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| none())?),
            None => (rest, HTTPS),
        };
        if !is_label(namespace) || !is_label(name) || port == 0 {
            return Err(none());
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port,
        })
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.name, self.port)
    }
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_LABEL_LEN).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_a_namespace_a_name_and_perhaps_a_port() {
        let service: ServiceName = "adit/hub".parse().unwrap();
        assert_eq!(service.to_string(), "adit/hub:443");
        assert_eq!(service.host(), "hub.adit.svc");
        let service: ServiceName = "adit/hub:8443".parse().unwrap();
        assert_eq!(service.port(), 8443);
        for text in [
            "hub",
            "/hub",
            "adit/",
            "adit/hub:0",
            "adit/hub:x",
            "A/b",
            "a/b/c",
        ] {
            assert!(text.parse::<ServiceName>().is_err(), "{text}");
        }
    }
}
