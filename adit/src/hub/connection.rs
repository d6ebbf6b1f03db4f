//! One connection, from its TLS handshake to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::{Gateway, HttpVersion, Peer};
use proxy_server::{AgentCertificate, Clusters as _, ProxyServer, ServeError};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::endpoints::{EndpointParts, Endpoints};
use super::known::Known;
use super::lookout::Lookout;
use super::metrics::{ConnectionEnd, ConnectionKind, Metrics};
use super::watch::DataHealth;
use counted::Counted;

mod counted;

/// What all connections of the hub share.
pub(super) struct Connections {
    tls: TlsAcceptor,
    proxy: ProxyServer,
    gateway: Gateway,
    endpoints: Arc<Endpoints>,
    known: Arc<Known>,
    lookout: Arc<Lookout>,
    metrics: Arc<Metrics>,
    handshakes: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

/// What connections are served with.
pub(super) struct ConnectionParts {
    pub(super) tls: ServerConfig,
    pub(super) proxy: ProxyServer,
    pub(super) gateway: Gateway,
    pub(super) known: Arc<Known>,
    pub(super) lookout: Arc<Lookout>,
    pub(super) health: DataHealth,
}

/// The whole TLS handshake; whoever is slower is cut off.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes in flight: each costs a signature, and memory until it is done.
const MAX_HANDSHAKES: usize = 256;
/// Connections open at once, sessions and upgraded ones included; one more is closed at once.
const MAX_CONNECTIONS: usize = 32_768;

type Tls = Counted<TlsStream<TcpStream>>;

impl Connections {
    pub(super) fn new(parts: ConnectionParts) -> Self {
        let metrics = Arc::new(Metrics::default());
        let endpoints = Endpoints::new(EndpointParts {
            gateway: parts.gateway.clone(),
            proxy: parts.proxy.clone(),
            known: parts.known.clone(),
            metrics: metrics.clone(),
            health: parts.health,
        });
        Self {
            tls: TlsAcceptor::from(Arc::new(parts.tls)),
            proxy: parts.proxy,
            gateway: parts.gateway,
            endpoints: Arc::new(endpoints),
            known: parts.known,
            lookout: parts.lookout,
            metrics,
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            open: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        }
    }

    /// Leave for one handshake. Cancel-safe.
    pub(super) async fn handshake_permit(&self) -> OwnedSemaphorePermit {
        let permit = Arc::clone(&self.handshakes).acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(
        self: Arc<Self>,
        tcp: TcpStream,
        remote: SocketAddr,
        handshake: OwnedSemaphorePermit,
        stop: CancellationToken,
    ) {
        let Ok(permit) = Arc::clone(&self.open).try_acquire_owned() else {
            self.metrics.refused(ConnectionEnd::TooMany);
            tracing::warn!(%remote, limit = MAX_CONNECTIONS, "connection closed: too many");
            return;
        };
        let Some(tls) = self.handshake(tcp, remote).await else {
            return;
        };
        drop(handshake);
        let (_, session) = tls.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let certificate = certificate.map(|leaf| leaf.as_ref().to_vec());
        let kind = ConnectionKind::of(session.alpn_protocol());
        let io = Counted::new(tls, self.metrics.opened(kind), permit);
        match kind {
            ConnectionKind::Session => Box::pin(self.session(io, certificate, remote)).await,
            ConnectionKind::Http1 => {
                let peer = Peer {
                    remote,
                    certificate,
                };
                Box::pin(self.http(io, HttpVersion::One, peer, stop)).await;
            }
            ConnectionKind::Http2 => {
                let peer = Peer {
                    remote,
                    certificate,
                };
                Box::pin(self.http(io, HttpVersion::Two, peer, stop)).await;
            }
        }
    }

    async fn handshake(&self, tcp: TcpStream, remote: SocketAddr) -> Option<TlsStream<TcpStream>> {
        match tokio::time::timeout(HANDSHAKE, self.tls.accept(tcp)).await {
            Ok(Ok(tls)) => Some(tls),
            Ok(Err(error)) => {
                self.metrics.refused(ConnectionEnd::Handshake);
                tracing::debug!(%remote, %error, "TLS handshake failed");
                None
            }
            Err(_) => {
                self.metrics.refused(ConnectionEnd::Slow);
                tracing::debug!(%remote, "TLS handshake took too long");
                None
            }
        }
    }

    async fn session(&self, io: Tls, certificate: Option<Vec<u8>>, remote: SocketAddr) {
        self.take_notice(certificate.as_deref()).await;
        match self.proxy.serve(io, certificate.as_deref(), remote).await {
            // A session that was one has been logged with its end.
            Ok(()) | Err(ServeError::Session(_)) => {}
            Err(error) => tracing::info!(%remote, %error, "session refused"),
        }
    }

    /// An agent may come sooner than its credentials are noticed; it would be
    /// refused, and try again late.
    async fn take_notice(&self, certificate: Option<&[u8]>) {
        let certificate = certificate.map(AgentCertificate::from_der);
        if let Some(Ok(certificate)) = certificate
            && self.known.admit(&certificate).is_err()
        {
            self.lookout.look().await;
        }
    }

    async fn http(&self, io: Tls, version: HttpVersion, peer: Peer, stop: CancellationToken) {
        let remote = peer.remote;
        let served = self
            .gateway
            .serve_connection(io, version, peer, self.endpoints.clone(), stop)
            .await;
        // What becomes of a client's connection is the client's business.
        if let Err(error) = served {
            let error: &dyn std::error::Error = &error;
            tracing::debug!(%remote, error, "connection ended with an error");
        }
    }
}
