//! Which addresses answer for a Service, as kube-proxy would see it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::objects::Objects;

/// What is known of a Service.
#[derive(Debug, Default)]
pub(super) struct Backends {
    pub(super) services: Objects<ServiceView>,
    pub(super) slices: Objects<SliceView>,
    /// Why the API server tells nothing new, if it does not.
    pub(super) trouble: Option<String>,
}

/// A port of a Service that is reached by TCP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ServicePort {
    /// Empty, if it has none.
    pub(crate) name: String,
    /// As the Service numbers it, which says nothing of its endpoints' ports.
    pub(crate) number: u16,
}

/// What counts of a Service.
#[derive(Debug)]
pub(super) struct ServiceView {
    external: bool,
    ports: Vec<ServicePort>,
}

/// What counts of an EndpointSlice.
#[derive(Debug)]
pub(super) struct SliceView {
    /// The endpoints' ports, by the names that the Service gives them.
    ports: Vec<(String, u16)>,
    endpoints: Vec<(IpAddr, State)>,
}

/// Why a Service leads to no address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unresolved {
    #[error("there is no such Service")]
    Absent,
    #[error(
        "the cluster's API server does not tell ({0}); the agent's identity there needs \
         the verbs list and watch for services and endpointslices.discovery.k8s.io"
    )]
    Api(String),
    #[error("it is an ExternalName, which this agent does not follow")]
    ExternalName,
    #[error("it has no endpoint that is ready")]
    NoEndpoints,
    #[error("it has no TCP port {0:?}")]
    NoPort(String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// About to go, and still answering.
    Leaving,
    Ready,
    Unready,
}

/// Endpoints kept of one slice; Kubernetes has at most 1000 in one.
const MAX_SLICE: usize = 1000;
const TCP: &str = "TCP";

impl Backends {
    /// The addresses that answer at a port, given by its number or name, in
    /// the order of their bytes. None until the API server has told.
    pub(super) fn resolve(
        &self,
        port: &str,
    ) -> Option<Result<(ServicePort, Vec<SocketAddr>), Unresolved>> {
        let (Some(services), Some(slices)) = (self.services.known(), self.slices.known()) else {
            let trouble = self.trouble.clone()?;
            return Some(Err(Unresolved::Api(trouble)));
        };
        let resolved = match services.values().next() {
            None => Err(Unresolved::Absent),
            Some(service) => service.port(port).map(|port| {
                let addresses = addresses(slices.values(), &port.name);
                (port.clone(), addresses)
            }),
        };
        Some(resolved)
    }
}

impl ServiceView {
    pub(super) fn of(service: &Service) -> Self {
        let spec = service.spec.clone().unwrap_or_default();
        let ports = spec.ports.unwrap_or_default().into_iter();
        let ports = ports.filter(|port| port.protocol.as_deref().unwrap_or(TCP) == TCP);
        Self {
            external: spec.type_.as_deref() == Some("ExternalName"),
            ports: ports
                .filter_map(|port| {
                    Some(ServicePort {
                        name: port.name.unwrap_or_default(),
                        number: number(port.port)?,
                    })
                })
                .collect(),
        }
    }

    fn port(&self, asked: &str) -> Result<&ServicePort, Unresolved> {
        if self.external {
            return Err(Unresolved::ExternalName);
        }
        let number: Option<u16> = asked.parse().ok();
        let fits = |port: &&ServicePort| match number {
            Some(number) => port.number == number,
            None => !port.name.is_empty() && port.name == asked,
        };
        let found = self.ports.iter().find(fits);
        found.ok_or_else(|| Unresolved::NoPort(asked.to_owned()))
    }
}

impl SliceView {
    pub(super) fn of(slice: &EndpointSlice) -> Self {
        let ports = slice.ports.iter().flatten();
        let ports = ports.filter(|port| port.protocol.as_deref().unwrap_or(TCP) == TCP);
        Self {
            ports: ports
                .filter_map(|port| {
                    let name = port.name.clone().unwrap_or_default();
                    Some((name, number(port.port?)?))
                })
                .collect(),
            endpoints: slice
                .endpoints
                .iter()
                .take(MAX_SLICE)
                .filter_map(|endpoint| Some((address(endpoint)?, State::of(endpoint))))
                .collect(),
        }
    }

    fn at<'a>(&'a self, port: &'a str, state: State) -> impl Iterator<Item = SocketAddr> + 'a {
        let numbers = self.ports.iter().filter(move |(name, _)| name == port);
        numbers.flat_map(move |(_, number)| {
            let endpoints = self.endpoints.iter().filter(move |(_, is)| *is == state);
            endpoints.map(|(address, _)| SocketAddr::new(*address, *number))
        })
    }
}

impl State {
    /// What the API leaves out counts as its documentation says.
    fn of(endpoint: &Endpoint) -> Self {
        let conditions = endpoint.conditions.clone().unwrap_or_default();
        let ready = conditions.ready.unwrap_or(true);
        let serving = conditions.serving.unwrap_or(ready);
        if ready {
            Self::Ready
        } else if serving && conditions.terminating == Some(true) {
            Self::Leaving
        } else {
            Self::Unready
        }
    }
}

/// All that are ready; if there are none, those that still answer while they go.
fn addresses<'a>(
    slices: impl Iterator<Item = &'a SliceView> + Clone,
    port: &str,
) -> Vec<SocketAddr> {
    let of = |state| -> BTreeSet<SocketAddr> {
        slices.clone().flat_map(|s| s.at(port, state)).collect()
    };
    let mut found = of(State::Ready);
    if found.is_empty() {
        found = of(State::Leaving);
    }
    found.into_iter().collect()
}

/// The first one stands for the endpoint, as for kube-proxy; a name (address
/// type FQDN) is none.
fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    endpoint.addresses.first()?.parse().ok()
}

fn number(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|number| *number != 0)
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "{}", self.number),
            name => write!(f, "{} ({name})", self.number),
        }
    }
}

#[cfg(test)]
mod tests;
