//! A connection over QUIC, which can only be an agent's.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::{Connection, ConnectionError, Incoming};
use rustls_pki_types::CertificateDer;
use tokio::time::timeout;

use super::shown::{Shown, of_agent};
use super::{Connections, Entrance, HANDSHAKE, note_end};
use crate::hub::metrics::{ConnectionEnd, ConnectionKind};

impl Connections {
    /// Whether a client has to prove its address before anything is done for it.
    pub(in crate::hub) fn is_crowded(&self, remote: SocketAddr) -> bool {
        self.handshakes.is_crowded(remote.ip())
    }

    /// Serves one connection to its end.
    pub(in crate::hub) async fn serve_quic(
        self: Arc<Self>,
        incoming: Incoming,
        remote: SocketAddr,
        entrance: Entrance,
    ) {
        let Entrance { place, handshake } = entrance;
        let trust_changes = self.trust.changes();
        let Some(connection) = self.shake_hands(incoming, remote).await else {
            return;
        };
        drop(handshake);
        let _open = (place, self.metrics.opened(ConnectionKind::Quic));
        if tunnel::quic::is_by_token(&connection) {
            let served = self.proxy.serve_token_quic(connection, remote);
            note_end(Box::pin(served).await, remote);
            return;
        }
        let Ok(shown) = Shown::of(shown(&connection), &self.trust) else {
            // Its authority has been trusted until a moment ago.
            return;
        };
        let certificate = of_agent(shown.as_ref().and_then(Shown::certificate));
        let lapse = shown.map(|shown| shown.lapse(self.trust.clone(), trust_changes));
        self.take_notice(certificate.as_deref()).await;
        let served = self
            .proxy
            .serve_quic(connection, certificate.as_deref(), remote);
        let lapsed = async {
            match lapse {
                Some(lapse) => lapse.over().await,
                None => pending().await,
            }
        };
        tokio::select! {
            served = Box::pin(served) => note_end(served, remote),
            () = lapsed => tracing::info!(%remote, "closed: the agent's certificate has ended"),
        }
    }

    async fn shake_hands(&self, incoming: Incoming, remote: SocketAddr) -> Option<Connection> {
        let shaken = timeout(HANDSHAKE, async { incoming.accept()?.await });
        match shaken.await {
            Ok(Ok(connection)) => Some(connection),
            Ok(Err(ConnectionError::TimedOut)) | Err(_) => {
                self.metrics.refused(ConnectionEnd::Slow);
                tracing::debug!(%remote, "QUIC handshake took too long");
                None
            }
            Ok(Err(error)) => {
                self.metrics.refused(ConnectionEnd::Handshake);
                tracing::debug!(%remote, %error, "QUIC handshake failed");
                None
            }
        }
    }
}

/// What the client has shown, and the handshake verified.
fn shown(connection: &Connection) -> Option<Vec<CertificateDer<'static>>> {
    let shown = connection.peer_identity()?;
    shown.downcast().ok().map(|chain| *chain)
}
