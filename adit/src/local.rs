//! Listeners that only this machine can reach.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::tcp;
pub(crate) use unix::UnixSocket;

mod unix;

/// A loopback address, or the path of a Unix socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LocalAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Why a text is no local address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LocalAddressError {
    #[error("{0:?} is no address: write 127.0.0.1:PORT, [::1]:PORT or unix:/PATH")]
    Form(String),
    #[error(
        "{0} is no loopback address: nobody is asked there who he is, so other machines must \
         not reach it"
    )]
    NotLoopback(SocketAddr),
    #[error("{0:?} is no absolute path")]
    Relative(String),
}

/// A listener on a [`LocalAddress`].
pub(crate) enum LocalListener {
    Tcp(TcpListener),
    Unix(UnixSocket),
}

/// A connection of a [`LocalListener`].
pub(crate) enum LocalStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl LocalAddress {
    /// What stands before the path of a Unix socket.
    pub(crate) const UNIX: &str = "unix:";
}

impl LocalListener {
    /// Binds the address. A Unix socket has mode 0600, and takes the place of
    /// one that nobody listens on any more.
    pub(crate) async fn bind(address: &LocalAddress) -> io::Result<Self> {
        match address {
            LocalAddress::Tcp(address) => tcp::bind(*address).map(Self::Tcp),
            LocalAddress::Unix(path) => UnixSocket::bind(path).await.map(Self::Unix),
        }
    }

    /// The address as it was bound.
    pub(crate) fn address(&self) -> io::Result<LocalAddress> {
        match self {
            Self::Tcp(tcp) => tcp.local_addr().map(LocalAddress::Tcp),
            Self::Unix(unix) => Ok(LocalAddress::Unix(unix.path().to_owned())),
        }
    }

    /// The next connection; cancel-safe.
    pub(crate) async fn accept(&self) -> io::Result<LocalStream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                tcp::tune(&stream);
                Ok(LocalStream::Tcp(stream))
            }
            Self::Unix(unix) => unix.accept().await.map(LocalStream::Unix),
        }
    }
}

impl FromStr for LocalAddress {
    type Err = LocalAddressError;

    fn from_str(text: &str) -> Result<Self, LocalAddressError> {
        if let Some(path) = text.strip_prefix(Self::UNIX) {
            let absolute = path.starts_with('/');
            return absolute
                .then(|| Self::Unix(path.into()))
                .ok_or_else(|| LocalAddressError::Relative(path.to_owned()));
        }
        let form = |_| LocalAddressError::Form(text.to_owned());
        let address: SocketAddr = text.parse().map_err(form)?;
        if address.ip().to_canonical().is_loopback() {
            Ok(Self::Tcp(address))
        } else {
            Err(LocalAddressError::NotLoopback(address))
        }
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{}{}", Self::UNIX, path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in ["127.0.0.1:9000", "127.9.0.1:0", "[::1]:80", "unix:/run/a b"] {
            assert_eq!(text.parse::<LocalAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_other_machines_reach_is_refused_and_says_why() {
        for text in ["0.0.0.0:80", "10.0.0.1:80", "[::]:80", "[2001:db8::1]:80"] {
            let error = text.parse::<LocalAddress>().unwrap_err();
            assert_eq!(error, LocalAddressError::NotLoopback(text.parse().unwrap()));
        }
        for text in ["", "9000", "localhost:80", "/run/a", "127.0.0.1"] {
            let error = text.parse::<LocalAddress>().unwrap_err();
            assert_eq!(error, LocalAddressError::Form(text.to_owned()));
        }
        assert!("unix:run/a".parse::<LocalAddress>().is_err());
    }
}
