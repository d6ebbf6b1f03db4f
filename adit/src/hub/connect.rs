//! Listeners that take CONNECT to targets in clusters.

use std::fmt;
use std::io;
use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::{Connections, Port};
use super::listener;
use crate::local::{LocalAddress, LocalAddressError, UnixSocket};
use crate::tcp;

/// Where to take CONNECT: over TLS at an address, or on a Unix socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ConnectListen {
    Tls(SocketAddr),
    Unix(PathBuf),
}

/// Why a text names no listener for CONNECT.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ConnectListenError {
    #[error("{0:?} is no address: write ADDR:PORT or unix:/PATH")]
    Address(String, #[source] AddrParseError),
    #[error(transparent)]
    Socket(#[from] LocalAddressError),
}

/// A listener on a [`ConnectListen`].
pub(super) enum ConnectListener {
    Tls(TcpListener),
    Unix(UnixSocket),
}

impl ConnectListener {
    pub(super) async fn bind(listen: &ConnectListen) -> io::Result<Self> {
        match listen {
            ConnectListen::Tls(address) => tcp::bind(*address).map(Self::Tls),
            ConnectListen::Unix(path) => UnixSocket::bind(path).await.map(Self::Unix),
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> io::Result<ConnectListen> {
        match self {
            Self::Tls(tcp) => tcp.local_addr().map(ConnectListen::Tls),
            Self::Unix(socket) => Ok(ConnectListen::Unix(socket.path().to_owned())),
        }
    }

    /// Serves connections until told to stop, then until they have ended.
    ///
    /// Dropping the future cuts off every connection that carries no target's
    /// bytes yet.
    pub(super) async fn serve(self, connections: Arc<Connections>, stop: CancellationToken) {
        match self {
            Self::Tls(tcp) => listener::accept(tcp, Port::Connect, connections, stop).await,
            Self::Unix(socket) => accept_locally(socket, connections, stop).await,
        }
    }
}

async fn accept_locally(
    socket: UnixSocket,
    connections: Arc<Connections>,
    stop: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_ended) = tasks.join_next() => {}
            accepted = socket.accept() => match accepted {
                Ok(stream) => {
                    tasks.spawn(connections.clone().connect_locally(stream, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to a Unix socket");
                    tokio::time::sleep(tcp::PAUSE).await;
                }
            },
        }
    }
    drop(socket);
    while tasks.join_next().await.is_some() {}
}

impl FromStr for ConnectListen {
    type Err = ConnectListenError;

    fn from_str(text: &str) -> Result<Self, ConnectListenError> {
        if text.starts_with(LocalAddress::UNIX)
            && let LocalAddress::Unix(path) = text.parse()?
        {
            return Ok(Self::Unix(path));
        }
        let address = text.parse();
        let address = address.map_err(|e| ConnectListenError::Address(text.to_owned(), e))?;
        Ok(Self::Tls(address))
    }
}

impl fmt::Display for ConnectListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{}{}", LocalAddress::UNIX, path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_written_as_it_is_read() {
        for text in ["0.0.0.0:3128", "[::1]:0", "unix:/run/adit/connect"] {
            assert_eq!(text.parse::<ConnectListen>().unwrap().to_string(), text);
        }
        for text in ["3128", "hub:3128", "unix:connect", ""] {
            assert!(text.parse::<ConnectListen>().is_err(), "{text}");
        }
    }
}
