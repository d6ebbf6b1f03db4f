//! Connections of listeners that take CONNECT and nothing else.

use std::sync::Arc;

use gateway::{ConnectClient, MASTERS, Peer, User};
use rustix::process::geteuid;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::counted::counted;
use super::{Connections, Io};
use crate::hub::metrics::{ConnectionEnd, ConnectionKind};

/// Who may not use a Unix socket of the hub.
#[derive(Debug, thiserror::Error)]
enum Stranger {
    #[error("the process at the other end is not known: {0}")]
    Unknown(#[from] std::io::Error),
    #[error("the process at the other end is of uid {0}; the hub's own and root may come")]
    Uid(u32),
    #[error(transparent)]
    User(#[from] gateway::UserError),
}

impl Connections {
    /// Serves a connection that takes CONNECT from whoever is on the network.
    pub(super) async fn connect(&self, io: impl Io, peer: Peer, stop: CancellationToken) {
        let remote = peer.remote;
        let client = ConnectClient::Remote(peer);
        let served = self.gateway.serve_connect(io, client, stop).await;
        // What becomes of a client's connection is the client's business.
        if let Err(error) = served {
            tracing::debug!(%remote, %error, "connection ended with an error");
        }
    }

    /// Serves a connection to a Unix socket: its owner is an administrator.
    pub(in crate::hub) async fn connect_locally(
        self: Arc<Self>,
        io: UnixStream,
        stop: CancellationToken,
    ) {
        let user = match administrator(&io) {
            Ok(user) => user,
            Err(error) => {
                tracing::warn!(%error, "connection to a Unix socket closed");
                return;
            }
        };
        let kind = ConnectionKind::Connect;
        let Some(place) = self.room.enter().and_then(|p| self.room.settle(p, kind)) else {
            self.metrics.refused(ConnectionEnd::TooMany);
            tracing::warn!("connection to a Unix socket closed: too many are open");
            return;
        };
        let (io, _) = counted(io, self.metrics.opened(kind), place);
        let client = ConnectClient::Local(user);
        if let Err(error) = Box::pin(self.gateway.serve_connect(io, client, stop)).await {
            tracing::debug!(%error, "connection to a Unix socket ended with an error");
        }
    }
}

/// The user that the process at the other end is. The socket's mode keeps
/// everybody else out already, where the system heeds it.
fn administrator(io: &UnixStream) -> Result<User, Stranger> {
    let uid = io.peer_cred()?.uid();
    if uid != 0 && uid != geteuid().as_raw() {
        return Err(Stranger::Uid(uid));
    }
    let name = format!("system:local:uid:{uid}");
    Ok(User::new(name, [MASTERS.to_owned()])?)
}
