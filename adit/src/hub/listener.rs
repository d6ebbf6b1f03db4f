//! Accepts connections, as many as the limits allow.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::{Connections, Port};

/// Connections the system holds until they are accepted.
const BACKLOG: i32 = 1024;

/// The pause after a failed accept: out of descriptors, most often, and these
/// come back only as connections end.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// A client that answers nothing for about a minute is gone.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(30))
    .with_interval(Duration::from_secs(10))
    .with_retries(3);

/// Binds an address that an earlier hub may have left a moment ago.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
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

/// Serves connections until told to stop, then until they have ended.
///
/// A connection for which there is no place is closed at once: left waiting, it
/// would keep others behind it out. Dropping the future cuts off every
/// connection.
pub(super) async fn accept(
    listener: TcpListener,
    port: Port,
    connections: Arc<Connections>,
    stop: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_ended) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((tcp, remote)) => {
                    let Some(entrance) = connections.admit(remote) else {
                        continue;
                    };
                    tune(&tcp);
                    tasks.spawn(connections.clone().serve(tcp, port, remote, entrance, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// A connection works without these as well, only less well.
pub(super) fn tune(tcp: &TcpStream) {
    if let Err(error) = tcp
        .set_nodelay(true)
        .and_then(|()| SockRef::from(tcp).set_tcp_keepalive(&KEEPALIVE))
    {
        tracing::debug!(%error, "cannot tune a connection");
    }
}
