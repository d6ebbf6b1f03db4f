//! TCP connections outwards.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::resolve::{ResolveError, Resolver};
use crate::{HubAddress, tcp};

mod race;

pub(crate) use race::{Unreached, interleave, race};

/// Makes TCP connections to hubs.
#[derive(Debug, Default)]
pub(crate) struct Dialer {
    resolver: Resolver,
}

/// The ways to one hub that are left to try.
#[derive(Debug)]
pub(crate) struct Ways {
    addresses: Vec<SocketAddr>,
}

/// A TCP connection to a hub.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) socket: TcpStream,
    /// The address at the socket's far end.
    pub(crate) remote: SocketAddr,
}

/// Why a hub was not connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("no answer within {DIAL_LIMIT:?} while looking up {0}")]
    SlowLookup(HubAddress),
    #[error(transparent)]
    Unreached(#[from] Unreached),
}

/// The longest that each of looking a name up and connecting may take.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

impl Dialer {
    /// The ways to a hub, none of them gone yet.
    pub(crate) async fn ways(&self, hub: &HubAddress) -> Result<Ways, DialError> {
        let lookup = self.resolver.resolve(hub.host(), hub.port());
        let addresses = timeout(DIAL_LIMIT, lookup)
            .await
            .map_err(|_| DialError::SlowLookup(hub.clone()))??;
        Ok(Ways { addresses })
    }
}

impl Ways {
    /// Connects by one of the ways left, which is no longer left then; an error
    /// leaves none, and without any there is nothing to tell.
    pub(crate) async fn next(&mut self) -> Option<Result<Dialled, DialError>> {
        if self.addresses.is_empty() {
            return None;
        }
        match race(&self.addresses, DIAL_LIMIT, tcp::connect).await {
            Ok((remote, socket)) => {
                self.addresses.retain(|&address| address != remote);
                Some(Ok(Dialled { socket, remote }))
            }
            Err(unreached) => {
                self.addresses.clear();
                Some(Err(unreached.into()))
            }
        }
    }
}
