use std::fmt;

use crate::host::MAX_HOST_LEN;
use crate::wire;

/// What a stream is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// The hub's own API, opened by an agent.
    HubApi,
    /// The managed cluster's API server: one HTTP/1.1 exchange, to which the agent adds its credential.
    KubeApiserver,
    /// A Service of the managed cluster, resolved there.
    Service {
        /// The Service's namespace.
        namespace: String,
        /// The Service's name.
        name: String,
        /// A port's number or name.
        port: String,
    },
    /// A TCP connection from the agent's network.
    Tcp {
        /// An IP address (no brackets) or a name that the agent resolves.
        host: String,
        /// The port, never 0.
        port: u16,
    },
}

/// Why a header's target cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// The host is empty, too long or holds something no host can.
    #[error("{0:?} is no host")]
    Host(String),
    /// The port is 0 or over 65535.
    #[error("{0} is no port")]
    Port(u32),
    /// A Service's part is empty, too long or holds what no name can.
    #[error("the Service's {0} is empty, too long or holds what no name can")]
    Service(&'static str),
    /// The peer named a target that this version does not know, or none.
    #[error("the target is of a kind that this version does not know")]
    Unknown,
}

/// DNS-1123 labels and port names are no longer.
const MAX_SERVICE_PART_LEN: usize = 63;

impl Target {
    pub(crate) fn from_wire(
        target: Option<wire::stream_header::Target>,
    ) -> Result<Self, TargetError> {
        use wire::stream_header::Target as Wire;
        match target.ok_or(TargetError::Unknown)? {
            Wire::Tcp(tcp) => Self::tcp(tcp.host, tcp.port),
            Wire::KubeApiserver(_) => Ok(Self::KubeApiserver),
            Wire::Service(service) => Self::service(service),
            Wire::HubApi(_) => Ok(Self::HubApi),
        }
    }

    pub(crate) fn to_wire(&self) -> wire::stream_header::Target {
        use wire::stream_header::{self as header, Target as Wire};
        match self {
            Self::HubApi => Wire::HubApi(header::HubApi {}),
            Self::KubeApiserver => Wire::KubeApiserver(header::KubeApiserver {}),
            Self::Service {
                namespace,
                name,
                port,
            } => Wire::Service(header::Service {
                namespace: namespace.clone(),
                name: name.clone(),
                port: port.clone(),
            }),
            Self::Tcp { host, port } => Wire::Tcp(header::Tcp {
                host: host.clone(),
                port: u32::from(*port),
            }),
        }
    }

    fn tcp(host: String, port: u32) -> Result<Self, TargetError> {
        let printable = host
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"/@[]".contains(&b));
        if host.is_empty() || host.len() > MAX_HOST_LEN || !printable {
            return Err(TargetError::Host(host.chars().take(MAX_HOST_LEN).collect()));
        }
        match u16::try_from(port) {
            Ok(number) if number != 0 => Ok(Self::Tcp { host, port: number }),
            Ok(_) | Err(_) => Err(TargetError::Port(port)),
        }
    }

    fn service(service: wire::stream_header::Service) -> Result<Self, TargetError> {
        let wire::stream_header::Service {
            namespace,
            name,
            port,
        } = service;
        for (what, part) in [("namespace", &namespace), ("name", &name), ("port", &port)] {
            let plain = part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if part.is_empty() || part.len() > MAX_SERVICE_PART_LEN || !plain {
                return Err(TargetError::Service(what));
            }
        }
        Ok(Self::Service {
            namespace,
            name,
            port,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HubApi => f.write_str("hub-api"),
            Self::KubeApiserver => f.write_str("kube-apiserver"),
            Self::Service {
                namespace,
                name,
                port,
            } => {
                write!(f, "service {namespace}/{name}:{port}")
            }
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp [{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp {host}:{port}"),
        }
    }
}
