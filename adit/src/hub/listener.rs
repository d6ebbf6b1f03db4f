//! Accepts connections, as many as the limits allow.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::{Connections, Port};
use crate::tcp;

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
                Ok((stream, remote)) => {
                    let Some(entrance) = connections.admit(remote) else {
                        continue;
                    };
                    tcp::tune(&stream);
                    tasks.spawn(connections.clone().serve(stream, port, remote, entrance, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(tcp::PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}
