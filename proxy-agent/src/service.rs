//! Streams to `service namespace/name:port`.

use std::net::SocketAddr;
use std::time::Duration;

use proto::{Refusal, RefusalReason};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tunnel::IncomingStream;

mod backends;
mod follow;
mod name;
mod objects;
mod table;

pub(crate) use backends::ServicePort;
use backends::Unresolved;
pub(crate) use name::{ServiceName, is_label};
use table::Table;

use crate::dial::{Unreached, race};
use crate::policy::Forbidden;
use crate::splice::Broken;
use crate::trace::Trace;
use crate::{ApiServer, LiveTargets, tcp};

/// Dials the endpoints of the Services that a policy exposes.
#[derive(Debug)]
pub(crate) struct ServiceTargets {
    policy: LiveTargets,
    /// Without an API server there is nobody to ask where a Service is.
    table: Option<Table>,
    /// The longest that looking a Service up and connecting may take together.
    limit: Duration,
}

/// Why a Service was not reached.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(
        "{namespace:?}/{name:?} can be no Service: its parts are lower-case letters, \
         digits and '-'"
    )]
    Name { namespace: String, name: String },
    #[error("this agent has no API server to ask for {0}; --kubeconfig would name one")]
    NoApi(ServiceName),
    #[error("no endpoint of {service} has answered within {after:?}")]
    TimedOut {
        service: ServiceName,
        after: Duration,
    },
    #[error("the cluster's API server has not told about {service} within {after:?}")]
    Unknown {
        service: ServiceName,
        after: Duration,
    },
    #[error("{service}: {source}")]
    Unreached {
        service: ServiceName,
        source: Unreached,
    },
    #[error("{service}: {source}")]
    Unresolved {
        service: ServiceName,
        source: Unresolved,
    },
}

/// Endpoints tried for one stream.
const MAX_TRIES: usize = 3;

impl ServiceTargets {
    pub(crate) fn new(policy: LiveTargets, api: Option<ApiServer>, limit: Duration) -> Self {
        Self {
            policy,
            table: api.map(Table::new),
            limit,
        }
    }

    /// Dials an endpoint of the Service that `incoming` is for, answers, and
    /// moves bytes until both ends are done.
    pub(crate) async fn serve(
        &self,
        incoming: IncomingStream,
        (namespace, name, port): (&str, &str, &str),
        trace: &Trace,
    ) -> Result<(), Broken> {
        let limit = incoming.header().deadline.unwrap_or(self.limit);
        let limit = limit.min(self.limit);
        let dialling = async {
            let service = ServiceName::new(namespace, name).ok_or_else(|| ServiceError::Name {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })?;
            self.dial(service, port, limit).await
        };
        tcp::serve_dialled(incoming, dialling, trace).await
    }

    async fn dial(
        &self,
        service: ServiceName,
        port: &str,
        limit: Duration,
    ) -> Result<TcpStream, ServiceError> {
        let deadline = Instant::now() + limit;
        let addresses = timeout_at(deadline, self.addresses(&service, port))
            .await
            .map_err(|_| ServiceError::Unknown {
                service: service.clone(),
                after: limit,
            })??;
        let left = deadline.saturating_duration_since(Instant::now());
        match race(&addresses, left, tcp::connect).await {
            Ok((_, socket)) => Ok(socket),
            Err(unreached) if unreached.is_silence() => Err(ServiceError::TimedOut {
                service,
                after: limit,
            }),
            Err(source) => Err(ServiceError::Unreached { service, source }),
        }
    }

    /// Which endpoints to try, the one whose turn it is first: at least one
    /// and at most [`MAX_TRIES`].
    async fn addresses(
        &self,
        service: &ServiceName,
        port: &str,
    ) -> Result<Vec<SocketAddr>, ServiceError> {
        let policy = self.policy.current();
        policy.may_expose(service, port)?;
        let table = self
            .table
            .as_ref()
            .ok_or_else(|| ServiceError::NoApi(service.clone()))?;
        let unresolved = |source| ServiceError::Unresolved {
            service: service.clone(),
            source,
        };
        let mut followed = table.follow(service);
        let (port, mut endpoints) = followed.resolve(port).await.map_err(unresolved)?;
        policy.check_exposed(service, &port)?;
        let turn = followed.next_turn() % endpoints.len().max(1);
        endpoints.rotate_left(turn);
        let mut allowed = Vec::new();
        let mut refused = None;
        for address in endpoints {
            match policy.check_endpoint(address) {
                Ok(address) => allowed.push(address),
                Err(forbidden) => refused = Some(forbidden),
            }
            if allowed.len() == MAX_TRIES {
                break;
            }
        }
        match refused {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(forbidden) => Err(forbidden.into()),
            None => Err(unresolved(Unresolved::NoEndpoints)),
        }
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let reason = match &error {
            ServiceError::Unreached { .. } => RefusalReason::DialFailed,
            ServiceError::Forbidden(_) => RefusalReason::Forbidden,
            ServiceError::Name { .. } => RefusalReason::Malformed,
            ServiceError::NoApi(_) => RefusalReason::Unsupported,
            ServiceError::TimedOut { .. } | ServiceError::Unknown { .. } => {
                RefusalReason::DialTimeout
            }
            ServiceError::Unresolved { source, .. } => match source {
                Unresolved::Absent | Unresolved::NoPort(_) => RefusalReason::NotFound,
                Unresolved::Api(_) | Unresolved::NoEndpoints => RefusalReason::DialFailed,
                Unresolved::ExternalName => RefusalReason::Unsupported,
            },
        };
        Self::new(reason, error.to_string())
    }
}

#[cfg(test)]
mod tests;
