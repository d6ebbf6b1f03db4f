//! A connection through a proxy.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Socket;
use crate::HubAddress;
use crate::proxy::{Proxy, ProxyKind};

mod http;
mod socks;

/// Where a proxy is to connect to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Destination {
    /// An address that the agent has resolved.
    Address(SocketAddr),
    /// A host that the proxy resolves, if it is a name.
    Host(HubAddress),
}

/// Why a proxy has not connected this agent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("it hung up before it had answered")]
    Closed,
    #[error("it does not accept this user and password{}", Said(said))]
    CredentialsRefused { said: String },
    #[error(
        "it wants a user and password{}: name a file that holds USER:PASSWORD with \
         --proxy-credentials",
        Said(said)
    )]
    CredentialsWanted { said: String },
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it does not answer as {0} does: is the proxy's URL right?")]
    NotAProxy(&'static str),
    #[error("it refuses{}; {advice}", Said(said))]
    Refused { said: String, advice: &'static str },
    #[error("nobody has said whom to trust as a proxy of TLS")]
    NoTls,
    #[error("no TLS with it: {0}; --proxy-ca names a file with the authority of its certificate")]
    Tls(#[source] io::Error),
    #[error("no answer within {ANSWER_LIMIT:?}; can it reach the hub from where it is?")]
    TimedOut,
}

/// The longest that a proxy may take to connect further and say so.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Has the proxy at the far end of `socket` connect to the destination; from
/// then on that is the far end.
pub(crate) async fn through(
    mut socket: TcpStream,
    proxy: &Proxy,
    destination: &Destination,
) -> Result<Socket, ProxyError> {
    let credentials = proxy.credentials.as_ref();
    let asking = async {
        match proxy.kind {
            ProxyKind::Http => http::connect(&mut socket, destination, credentials).await?,
            ProxyKind::Https => {
                let mut socket = Box::new(secured(socket, proxy).await?);
                http::connect(&mut socket, destination, credentials).await?;
                return Ok(Socket::Right(socket));
            }
            ProxyKind::Socks5 | ProxyKind::Socks5h => {
                socks::connect(&mut socket, destination, credentials).await?;
            }
        }
        Ok(Socket::Left(socket))
    };
    let answer = timeout(ANSWER_LIMIT, asking).await;
    answer.unwrap_or(Err(ProxyError::TimedOut))
}

/// TLS with the proxy itself, by the host in its URL.
async fn secured(socket: TcpStream, proxy: &Proxy) -> Result<TlsStream<TcpStream>, ProxyError> {
    let tls = proxy.tls.clone().ok_or(ProxyError::NoTls)?;
    let name = ServerName::try_from(proxy.address.host().to_owned())
        .map_err(|error| ProxyError::Tls(io::Error::other(error)))?;
    let connecting = TlsConnector::from(tls).connect(name, socket);
    connecting.await.map_err(ProxyError::Tls)
}

impl ProxyError {
    fn credentials(given: bool, said: impl Into<String>) -> Self {
        let said = said.into();
        if given {
            Self::CredentialsRefused { said }
        } else {
            Self::CredentialsWanted { said }
        }
    }
}

impl Destination {
    /// Where it leads, for the proxy: a host, and the address that it may be.
    fn host(&self) -> (String, Option<IpAddr>) {
        match self {
            Self::Address(address) => (address.ip().to_string(), Some(address.ip())),
            Self::Host(hub) => (hub.host().to_owned(), hub.host().parse().ok()),
        }
    }

    fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Host(hub) => hub.port(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Host(hub) => hub.fmt(f),
        }
    }
}

/// What a proxy has said, if it has said anything.
struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.0)
    }
}

#[cfg(test)]
mod tests;
