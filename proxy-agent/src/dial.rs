//! TCP connections outwards.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::proxy::{Proxy, ProxyKind};
use crate::resolve::{ResolveError, Resolver};
use crate::{HubAddress, ProxyConfig, tcp};

mod proxied;
mod race;

use proxied::{Destination, ProxyError};
pub(crate) use race::{Unreached, interleave, race};

/// Makes TCP connections to hubs.
#[derive(Debug)]
pub(crate) struct Dialer {
    proxy: ProxyConfig,
    resolver: Resolver,
}

/// The ways to one hub that are left to try.
#[derive(Debug)]
pub(crate) struct Ways<'a> {
    resolver: &'a Resolver,
    left: Left<'a>,
}

#[derive(Debug)]
enum Left<'a> {
    Direct(Vec<SocketAddr>),
    Proxied(&'a Proxy, VecDeque<Destination>),
}

/// A TCP connection to a hub.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) socket: Socket,
    pub(crate) remote: Remote,
}

/// What carries the bytes to a hub: TCP, or TLS to a proxy.
pub(crate) type Socket = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// What is at the far end of a connection, and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// The address that the socket is connected to.
    pub(crate) address: SocketAddr,
    /// Where a proxy at that address leads, for people.
    through: Option<Box<str>>,
}

/// Why a hub was not connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("the proxy {proxy} does not connect to {destination}: {source}")]
    Proxy {
        proxy: String,
        destination: Destination,
        source: ProxyError,
    },
    #[error("the proxy {proxy} is not reached: {source}")]
    ProxyUnreached { proxy: String, source: Box<Self> },
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
    pub(crate) fn new(proxy: ProxyConfig) -> Self {
        Self {
            proxy,
            resolver: Resolver::default(),
        }
    }

    /// The ways to a hub, none of them gone yet.
    pub(crate) async fn ways(&self, hub: &HubAddress) -> Result<Ways<'_>, DialError> {
        let left = match self.proxy.for_hub(hub) {
            None => Left::Direct(addresses(&self.resolver, hub).await?),
            Some(proxy) => {
                let destinations = destinations(&self.resolver, hub, proxy.kind).await?;
                Left::Proxied(proxy, destinations)
            }
        };
        Ok(Ways {
            resolver: &self.resolver,
            left,
        })
    }
}

impl Ways<'_> {
    /// Connects by one of the ways left, which is no longer left then; without
    /// any there is nothing to tell. Directly, all that are left race.
    ///
    /// Not cancel-safe: the way under way may be lost.
    pub(crate) async fn next(&mut self) -> Option<Result<Dialled, DialError>> {
        match &mut self.left {
            Left::Direct(addresses) if addresses.is_empty() => None,
            Left::Direct(addresses) => {
                let dialled = direct(addresses).await;
                match &dialled {
                    Ok(Dialled { remote, .. }) => addresses.retain(|&one| one != remote.address),
                    Err(_) => addresses.clear(),
                }
                Some(dialled)
            }
            Left::Proxied(proxy, destinations) => {
                let destination = destinations.pop_front()?;
                Some(through(self.resolver, proxy, destination).await)
            }
        }
    }
}

impl Dialer {
    /// A hub's addresses in the order to dial them, at least one; `None` if it
    /// is to be reached through a proxy.
    pub(crate) async fn direct_addresses(
        &self,
        hub: &HubAddress,
    ) -> Result<Option<Vec<SocketAddr>>, DialError> {
        match self.proxy.for_hub(hub) {
            None => addresses(&self.resolver, hub).await.map(Some),
            Some(_) => Ok(None),
        }
    }
}

impl Remote {
    /// What is at the far end of a connection without a proxy.
    pub(crate) fn direct(address: SocketAddr) -> Self {
        Self {
            address,
            through: None,
        }
    }
}

async fn destinations(
    resolver: &Resolver,
    hub: &HubAddress,
    kind: ProxyKind,
) -> Result<VecDeque<Destination>, DialError> {
    match kind {
        ProxyKind::Http | ProxyKind::Https | ProxyKind::Socks5h => {
            Ok([Destination::Host(hub.clone())].into())
        }
        ProxyKind::Socks5 => {
            let addresses = addresses(resolver, hub).await?;
            Ok(addresses.into_iter().map(Destination::Address).collect())
        }
    }
}

async fn addresses(resolver: &Resolver, host: &HubAddress) -> Result<Vec<SocketAddr>, DialError> {
    let lookup = resolver.resolve(host.host(), host.port());
    let addresses = timeout(DIAL_LIMIT, lookup).await;
    Ok(addresses.map_err(|_| DialError::SlowLookup(host.clone()))??)
}

async fn direct(addresses: &[SocketAddr]) -> Result<Dialled, DialError> {
    let (address, socket) = race(addresses, DIAL_LIMIT, tcp::connect).await?;
    Ok(Dialled {
        socket: Socket::Left(socket),
        remote: Remote::direct(address),
    })
}

async fn through(
    resolver: &Resolver,
    proxy: &Proxy,
    destination: Destination,
) -> Result<Dialled, DialError> {
    let reaching = async {
        let addresses = addresses(resolver, &proxy.address).await?;
        Ok(race(&addresses, DIAL_LIMIT, tcp::connect).await?)
    };
    let (address, socket) =
        reaching
            .await
            .map_err(|source: DialError| DialError::ProxyUnreached {
                proxy: proxy.to_string(),
                source: Box::new(source),
            })?;
    let socket = match proxied::through(socket, proxy, &destination).await {
        Ok(socket) => socket,
        Err(source) => {
            return Err(DialError::Proxy {
                proxy: proxy.to_string(),
                destination,
                source,
            });
        }
    };
    let remote = Remote {
        through: Some(format!("{destination} through the proxy {proxy}").into()),
        ..Remote::direct(address)
    };
    Ok(Dialled { socket, remote })
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.through {
            None => self.address.fmt(f),
            Some(through) => f.write_str(through),
        }
    }
}
