use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use crate::dial::interleave;

/// Turns hosts into addresses, by the machine's own resolver.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    lookups: Arc<Semaphore>,
}

/// Why a host has no addresses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("the lookup of {host:?} was given up")]
    Aborted { host: String, source: JoinError },
    #[error("{host:?} cannot be resolved: {source}")]
    Failed { host: String, source: io::Error },
    #[error("{host:?} has no address")]
    NoAddress { host: String },
    #[error("{MAX_LOOKUPS} names are being resolved already")]
    TooMany,
}

/// A lookup holds a thread until the resolver answers, even if nobody waits any more.
const MAX_LOOKUPS: usize = 64;
/// More addresses than this are not looked at.
const MAX_ADDRESSES: usize = 16;

impl Default for Resolver {
    fn default() -> Self {
        Self {
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        }
    }
}

impl Resolver {
    /// The addresses of `host`, at least one and at most 16, in the order to
    /// dial them: the resolver's, except that IPv4 and IPv6 take turns.
    ///
    /// Waits as long as the resolver does; 64 lookups may be under way at
    /// once, one more fails. Cancel-safe.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let permit = Arc::clone(&self.lookups)
            .try_acquire_owned()
            .map_err(|_| ResolveError::TooMany)?;
        let name = host.to_owned();
        let lookup = spawn_blocking(move || {
            let _permit = permit;
            let addresses = (name.as_str(), port).to_socket_addrs()?;
            let mut addresses = interleave(addresses);
            addresses.truncate(MAX_ADDRESSES);
            Ok(addresses)
        });
        let host = || host.to_owned();
        let addresses = lookup
            .await
            .map_err(|source| ResolveError::Aborted {
                host: host(),
                source,
            })?
            .map_err(|source| ResolveError::Failed {
                host: host(),
                source,
            })?;
        if addresses.is_empty() {
            return Err(ResolveError::NoAddress { host: host() });
        }
        Ok(addresses)
    }
}
