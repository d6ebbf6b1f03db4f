//! One connection, from its TLS handshake to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::{Gateway, HttpVersion, Peer};
use proxy_server::{AgentCertificate, Clusters as _, ProxyServer, ServeError};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tunnel::ReadAhead;

use super::backup::StoreBackup;
use super::endpoints::{ApiFace, EndpointParts, Endpoints};
use super::handshakes::{Handshake, Handshakes, Limits};
use super::known::Known;
use super::lookout::Lookout;
use super::membership::Membership;
use super::metrics::{ConnectionEnd, ConnectionKind, Metrics};
use super::trust::ClientTrust;
use super::watch::DataHealth;
use counted::counted;
use lapse::{Lapse, Until};
use quiet::Received;
use room::{Place, Room};
use shown::{Shown, of_agent};

mod connect;
mod counted;
mod datagram;
mod lapse;
mod quiet;
mod room;
mod shown;

/// What all connections of the hub share.
pub(super) struct Connections {
    tls: Arc<ServerConfig>,
    trust: Arc<ClientTrust>,
    /// The same for listeners that take CONNECT.
    connect_tls: Arc<ServerConfig>,
    proxy: ProxyServer,
    gateway: Gateway,
    endpoints: Arc<Endpoints>,
    membership: Arc<Membership>,
    lookout: Arc<Lookout>,
    metrics: Arc<Metrics>,
    handshakes: Arc<Handshakes>,
    room: Room,
}

/// What connections are served with.
pub(super) struct ConnectionParts {
    pub(super) tls: ServerConfig,
    /// What `tls` asks about clients' certificates.
    pub(super) trust: Arc<ClientTrust>,
    pub(super) proxy: ProxyServer,
    pub(super) gateway: Gateway,
    pub(super) known: Arc<Known>,
    pub(super) membership: Arc<Membership>,
    pub(super) lookout: Arc<Lookout>,
    pub(super) health: DataHealth,
    pub(super) limits: ConnectionLimits,
    /// Answers for the hub's API.
    pub(super) api: ApiFace,
    /// Gives the backup of what the hub keeps.
    pub(super) backup: Option<StoreBackup>,
}

/// How many connections a hub lets in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ConnectionLimits {
    /// Open at once, those of agents and users together; at least 16.
    pub(crate) open: usize,
    /// TLS handshakes in flight, some 20 KiB each; at least 16.
    pub(crate) handshakes: usize,
}

/// What kind of listener a connection comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Port {
    /// One for CONNECT and nothing else.
    Connect,
    /// The hub's own, for agents and users.
    Main,
}

/// What a connection holds from its first moment.
pub(super) struct Entrance {
    place: Place,
    handshake: Handshake,
}

/// A client speaks first; one that says nothing holds its place no longer.
const CLIENT_HELLO: Duration = Duration::from_secs(3);
/// The whole TLS handshake; whoever is slower is cut off.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What a link's TCP socket queues unsent, in bytes: behind it a small stream
/// would wait however fairly the link serves its streams.
const UNSENT: u32 = 128 * 1024;

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            open: 32_768,
            handshakes: 4096,
        }
    }
}

/// A client's connection.
trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

impl Connections {
    pub(super) fn new(parts: ConnectionParts) -> Self {
        let metrics = Arc::new(Metrics::default());
        let endpoints = Endpoints::new(EndpointParts {
            gateway: parts.gateway.clone(),
            proxy: parts.proxy.clone(),
            known: parts.known,
            membership: parts.membership.clone(),
            metrics: metrics.clone(),
            health: parts.health,
            api: parts.api,
            backup: parts.backup,
        });
        let mut connect_tls = parts.tls.clone();
        connect_tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            tls: Arc::new(parts.tls),
            trust: parts.trust,
            connect_tls: Arc::new(connect_tls),
            proxy: parts.proxy,
            gateway: parts.gateway,
            endpoints: Arc::new(endpoints),
            membership: parts.membership,
            lookout: parts.lookout,
            metrics,
            handshakes: Handshakes::new(Limits {
                in_all: parts.limits.handshakes,
                // As many as a site full of clients begins at once.
                per_source: parts.limits.handshakes / 4,
            }),
            room: Room::new(parts.limits.open),
        }
    }

    /// A place for a new connection, unless it has to be closed.
    pub(super) fn admit(&self, remote: SocketAddr) -> Option<Entrance> {
        let Some(place) = self.room.enter() else {
            self.too_many(remote);
            return None;
        };
        match self.handshakes.begin(remote.ip()) {
            Ok(handshake) => Some(Entrance { place, handshake }),
            Err(error) => {
                self.metrics.refused(ConnectionEnd::Busy);
                tracing::debug!(%remote, %error, "connection closed");
                None
            }
        }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(
        self: Arc<Self>,
        tcp: TcpStream,
        port: Port,
        remote: SocketAddr,
        entrance: Entrance,
        stop: CancellationToken,
    ) {
        let Entrance { place, handshake } = entrance;
        let trust_changes = self.trust.changes();
        let Some(tls) = Box::pin(self.handshake(tcp, port, remote)).await else {
            return;
        };
        drop(handshake);
        let (socket, session) = tls.get_ref();
        let chain = session.peer_certificates().map(<[_]>::to_vec);
        let Ok(shown) = Shown::of(chain, &self.trust) else {
            // Its authority has been trusted until a moment ago.
            return;
        };
        let certificate = shown.as_ref().and_then(Shown::certificate);
        let lapse = shown.map(|shown| shown.lapse(self.trust.clone(), trust_changes));
        let kind = match port {
            Port::Connect => ConnectionKind::Connect,
            Port::Main => ConnectionKind::of(session.alpn_protocol()),
        };
        if matches!(kind, ConnectionKind::Session | ConnectionKind::Token) {
            // It works without this too, only less well.
            let _ = SockRef::from(socket.get_ref()).set_tcp_notsent_lowat(UNSENT);
        }
        let tcp = socket.get_ref();
        let ends = tcp.local_addr().ok().zip(tcp.peer_addr().ok());
        let Some(place) = self.room.settle(place, kind) else {
            self.too_many(remote);
            return;
        };
        let (io, received) = counted(tls, self.metrics.opened(kind), place);
        let io = Until::new(io, lapse.map(Lapse::over));
        match kind {
            ConnectionKind::Connect => {
                let peer = Peer {
                    remote,
                    certificate,
                };
                Box::pin(self.connect(io, peer, stop)).await;
            }
            // No ALPN says QUIC.
            ConnectionKind::Quic | ConnectionKind::Session => {
                let certificate = of_agent(certificate);
                Box::pin(self.session(io, certificate, remote, ends)).await;
            }
            ConnectionKind::Token => {
                let served = self.proxy.serve_token(io, remote, ends);
                note_end(Box::pin(served).await, remote);
            }
            ConnectionKind::Join => {
                let served = self.proxy.serve_join(io, remote);
                note_end(Box::pin(served).await, remote);
            }
            ConnectionKind::Http1 => {
                let peer = Peer {
                    remote,
                    certificate,
                };
                Box::pin(self.http(io, HttpVersion::One, peer, received, stop)).await;
            }
            ConnectionKind::Http2 => {
                let peer = Peer {
                    remote,
                    certificate,
                };
                Box::pin(self.http(io, HttpVersion::Two, peer, received, stop)).await;
            }
        }
    }

    async fn handshake(
        &self,
        tcp: TcpStream,
        port: Port,
        remote: SocketAddr,
    ) -> Option<TlsStream<ReadAhead<TcpStream>>> {
        let begun = Instant::now();
        let shaken = async {
            let hello =
                LazyConfigAcceptor::new(rustls::server::Acceptor::default(), ReadAhead::new(tcp));
            let hello = timeout_at(begun + CLIENT_HELLO, hello).await??;
            let config = match port {
                Port::Connect => self.connect_tls.clone(),
                Port::Main => self.tls.clone(),
            };
            let tls = hello.into_stream(config);
            timeout_at(begun + HANDSHAKE, tls).await?
        };
        let _in_flight = self.metrics.handshaking();
        match shaken.await {
            Ok(tls) => {
                self.metrics.shaken(begun.elapsed());
                Some(tls)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.metrics.refused(ConnectionEnd::Slow);
                tracing::debug!(%remote, "TLS handshake took too long");
                None
            }
            Err(error) => {
                self.metrics.refused(ConnectionEnd::Handshake);
                tracing::debug!(%remote, %error, "TLS handshake failed");
                None
            }
        }
    }

    fn too_many(&self, remote: SocketAddr) {
        self.metrics.refused(ConnectionEnd::TooMany);
        tracing::warn!(%remote, "connection closed: too many are open");
    }

    async fn session(
        &self,
        io: impl Io,
        certificate: Option<Vec<u8>>,
        remote: SocketAddr,
        socket: Option<(SocketAddr, SocketAddr)>,
    ) {
        self.take_notice(certificate.as_deref()).await;
        let served = self.proxy.serve(io, certificate.as_deref(), remote, socket);
        note_end(served.await, remote);
    }

    /// An agent may come sooner than its credentials are noticed; it would be
    /// refused, and try again late.
    async fn take_notice(&self, certificate: Option<&[u8]>) {
        let certificate = certificate.map(AgentCertificate::from_der);
        if let Some(Ok(certificate)) = certificate
            && self.membership.admit(&certificate).is_err()
        {
            self.lookout.look().await;
        }
    }

    async fn http(
        &self,
        io: impl Io,
        version: HttpVersion,
        peer: Peer,
        received: Received,
        stop: CancellationToken,
    ) {
        let remote = peer.remote;
        let stop = stop.child_token();
        let endpoints = self.endpoints.clone();
        let gateway = &self.gateway;
        let served = gateway.serve_connection(io, version, peer, endpoints, stop.clone());
        let served = match version {
            // Between requests it has as long as for the head of its first.
            HttpVersion::One => served.await,
            // It may stay for ever, and answer pings.
            HttpVersion::Two => quiet::serve(served, received, stop).await,
        };
        // What becomes of a client's connection is the client's business.
        if let Err(error) = served {
            let error: &dyn std::error::Error = &error;
            tracing::debug!(%remote, error, "connection ended with an error");
        }
    }
}

/// A session that was one has been logged with its end.
fn note_end(served: Result<(), ServeError>, remote: SocketAddr) {
    match served {
        Ok(()) | Err(ServeError::Session(_)) => {}
        Err(error) => tracing::info!(%remote, %error, "session refused"),
    }
}
