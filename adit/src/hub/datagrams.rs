//! The hub's port over UDP: agents that come with QUIC.

use std::sync::Arc;
use std::time::Duration;

use quinn::Endpoint;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection::Connections;

/// How long the last datagrams of ended connections may take.
const LAST_DATAGRAMS: Duration = Duration::from_secs(1);

/// Serves connections until told to stop, then until they have ended.
///
/// A connection for which there is no place is dropped unanswered, and while
/// many are being made, a client has to prove that it is where it says: whoever
/// writes other addresses on his datagrams is served none. Dropping the future
/// cuts off every connection.
pub(super) async fn accept(
    endpoint: Endpoint,
    connections: Arc<Connections>,
    stop: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    loop {
        let incoming = tokio::select! {
            () = stop.cancelled() => break,
            Some(_ended) = tasks.join_next() => continue,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else {
            tracing::error!("the UDP port has failed; agents can still come over TCP");
            stop.cancelled().await;
            break;
        };
        let remote = incoming.remote_address();
        if incoming.may_retry()
            && !incoming.remote_address_validated()
            && connections.is_crowded(remote)
        {
            // One that cannot be asked is dropped.
            let _ = incoming.retry();
            continue;
        }
        match connections.admit(remote) {
            Some(entrance) => {
                tasks.spawn(connections.clone().serve_quic(incoming, remote, entrance));
            }
            None => incoming.ignore(),
        }
    }
    endpoint.set_server_config(None);
    while tasks.join_next().await.is_some() {}
    // Otherwise the agents would learn of their sessions' end by its silence.
    let _ = timeout(LAST_DATAGRAMS, endpoint.wait_idle()).await;
}
