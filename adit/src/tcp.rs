//! TCP sockets as the hub and its clients want them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// A connection that is reset when it is dropped, unless it has ended well.
pub(crate) struct ResetOnDrop {
    socket: TcpStream,
    ended: bool,
}

/// The pause after a failed accept: out of descriptors, most often, and these
/// come back only as connections end.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Connections the system holds until they are accepted.
const BACKLOG: i32 = 1024;

/// A client that answers nothing for about a minute is gone.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(30))
    .with_interval(Duration::from_secs(10))
    .with_retries(3);

/// Binds an address that an earlier hub may have left a moment ago.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A connection works without these as well, only less well.
pub(crate) fn tune(tcp: &TcpStream) {
    if let Err(error) = tcp
        .set_nodelay(true)
        .and_then(|()| SockRef::from(tcp).set_tcp_keepalive(&KEEPALIVE))
    {
        tracing::debug!(%error, "cannot tune a connection");
    }
}

impl ResetOnDrop {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            ended: false,
        }
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Both directions have ended: there is nothing to reset.
    pub(crate) fn keep(mut self) {
        self.ended = true;
    }
}

impl Drop for ResetOnDrop {
    fn drop(&mut self) {
        if !self.ended {
            // Without it the peer would see a clean end. A socket that is
            // already broken has no use for it.
            let _ = self.socket.set_zero_linger();
        }
    }
}
