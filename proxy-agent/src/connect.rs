use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::{Hello, SessionKey};
use rustls::ProtocolVersion;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tunnel::{Carrier, Driver, HandshakeError, Incoming, Link, LinkConfig, ReadAhead};

use crate::access::{CurrentAccess, HubAccess};
use crate::carrier::side_by_side;
use crate::datagrams::QuicDialer;
use crate::dial::{DialError, Dialer, Dialled, Remote, Unreached};
use crate::{CarrierChoice, HubAddress, ProxyConfig};

/// Makes sessions with whichever of an agent's hubs can be reached.
#[derive(Debug)]
pub(crate) struct HubDialer {
    access: CurrentAccess,
    /// Hubs that are not configured; a hub has told of them.
    replicas: Vec<HubAddress>,
    dialer: Dialer,
    session: LinkConfig,
    quic: QuicDialer,
    choice: CarrierChoice,
    /// What has worked last, to begin with.
    worked: Carrier,
    /// Which hub to begin with.
    first: usize,
}

/// A session, and what is known of its hub.
pub(crate) struct Connected {
    pub(crate) session: Link,
    pub(crate) incoming: Incoming,
    pub(crate) driver: Driver,
    pub(crate) hub: HubAddress,
    pub(crate) remote: Remote,
}

/// Why a hub was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the server at {remote} does not speak the tunnel's protocol: is it a hub?")]
    Alpn { remote: Remote },
    #[error("no session with the hub at {remote}: {source}")]
    Handshake {
        remote: Remote,
        source: HandshakeError,
    },
    #[error("no hub is named")]
    NoHub,
    #[error("none of {hubs} hubs is reached: {told}")]
    NoneOf { hubs: usize, told: String },
    #[error("QUIC needs the cipher suite AES-128-GCM, which this agent does not have")]
    NoQuicCipher,
    #[error("QUIC does not go through a proxy")]
    NoQuicProxy,
    #[error("by QUIC: {0}")]
    Quic(#[source] Unreached),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("no answer within {TLS_LIMIT:?} while agreeing on TLS with {remote}")]
    SlowTls { remote: Remote },
    #[error("no trust between this agent and the hub at {remote}: {source}")]
    Tls { remote: Remote, source: io::Error },
}

/// Of more hubs than this it is not told why they were not reached.
const MAX_TOLD: usize = 8;
/// How long QUIC is still tried once TCP has failed: most often the hub is gone,
/// and over UDP nobody says so.
const QUIC_LAST_CHANCE: Duration = Duration::from_secs(1);
/// The longest that the TLS handshake may take.
const TLS_LIMIT: Duration = Duration::from_secs(10);

impl HubDialer {
    pub(crate) fn new(
        access: CurrentAccess,
        agent_version: String,
        proxy: ProxyConfig,
        choice: CarrierChoice,
    ) -> Self {
        Self {
            access,
            replicas: Vec::new(),
            dialer: Dialer::new(proxy),
            session: LinkConfig::new(Hello::new(agent_version)),
            quic: QuicDialer::default(),
            choice,
            worked: Carrier::H2,
            first: 0,
        }
    }

    /// Whether there is no hub to connect to.
    pub(crate) fn is_empty(&self) -> bool {
        self.access.is_empty()
    }

    /// Waits until there is another access than what was last tried. Cancel-safe.
    pub(crate) async fn renewed(&mut self) {
        self.access.renewed().await;
    }

    /// Links made from now on belong to another session.
    pub(crate) fn begin_session(&mut self) {
        self.session.hello.session_key = Some(SessionKey::random(&mut rand::rng()));
    }

    /// A hub has told of all its replicas; those that are not configured are tried last.
    pub(crate) fn learn(&mut self, replicas: &[String]) {
        self.replicas.clear();
        for replica in replicas {
            match replica.parse::<HubAddress>() {
                Ok(hub) => self.replicas.push(hub),
                Err(error) => tracing::debug!(%error, "a replica's address is not understood"),
            }
        }
    }

    /// Whom to try, in turn: those that are configured first.
    fn hubs(&self, access: &HubAccess) -> Vec<HubAddress> {
        let mut hubs = access.hubs.clone();
        for replica in &self.replicas {
            if !hubs.contains(replica) {
                hubs.push(replica.clone());
            }
        }
        hubs
    }

    /// Tries every address of every hub in turn, beginning where the last call
    /// succeeded or one further; the error is of the last one, unless a hub
    /// said why it does not want this agent.
    ///
    /// An access that has worked before is tried when the newest has not.
    /// Not cancel-safe in that the next call may begin with another hub.
    pub(crate) async fn connect(&mut self) -> Result<Connected, ConnectError> {
        let mut failed = ConnectError::NoHub;
        for access in self.access.candidates() {
            match Box::pin(self.connect_with(&access)).await {
                Ok(connected) => {
                    if !matches!(failed, ConnectError::NoHub) {
                        tracing::error!(error = %failed, "connected with the former credentials");
                    }
                    self.access.note_proven(&access);
                    return Ok(connected);
                }
                Err(error) if failed.is_rejection() => tracing::debug!(%error, "no hub reached"),
                Err(error) => failed = error,
            }
        }
        self.first = self.first.wrapping_add(1);
        Err(failed)
    }

    async fn connect_with(&mut self, access: &HubAccess) -> Result<Connected, ConnectError> {
        let mut failed = ConnectError::NoHub;
        let mut told = Vec::new();
        let hubs = self.hubs(access);
        for turn in 0..hubs.len() {
            let index = (self.first + turn) % hubs.len();
            let hub = &hubs[index];
            match Box::pin(self.connect_to(hub, access)).await {
                Ok(connected) => {
                    self.first = index;
                    self.worked = connected.session.carrier();
                    return Ok(connected);
                }
                Err(error) => {
                    tracing::debug!(%hub, %error, "hub not reached");
                    if told.len() < MAX_TOLD {
                        told.push(format!("{hub}: {error}"));
                    }
                    if !failed.is_rejection() {
                        failed = error;
                    }
                }
            }
        }
        if hubs.len() > 1 && !failed.is_rejection() {
            return Err(ConnectError::NoneOf {
                hubs: hubs.len(),
                told: told.join("; "),
            });
        }
        Err(failed)
    }

    /// Waits until the hubs know what has ended, at most 1 s.
    pub(crate) async fn settle(&self) {
        self.quic.settle().await;
    }

    async fn connect_to(
        &self,
        hub: &HubAddress,
        access: &HubAccess,
    ) -> Result<Connected, ConnectError> {
        let h2 = Box::pin(self.by_h2(hub, access));
        let quic = Box::pin(self.by_quic(hub, access));
        match (self.choice, self.worked) {
            (CarrierChoice::H2, _) => h2.await,
            (CarrierChoice::Quic, _) => quic.await,
            (CarrierChoice::Auto, Carrier::Quic) => side_by_side(quic, h2, Duration::MAX).await,
            (CarrierChoice::Auto, _) => side_by_side(h2, quic, QUIC_LAST_CHANCE).await,
        }
    }

    async fn by_quic(
        &self,
        hub: &HubAddress,
        access: &HubAccess,
    ) -> Result<Connected, ConnectError> {
        let addresses = self.dialer.direct_addresses(hub).await?;
        let addresses = addresses.ok_or(ConnectError::NoQuicProxy)?;
        let tls = rustls::ClientConfig::clone(&access.tls);
        let client = tunnel::quic::client_config(tls, &self.session)
            .map_err(|_| ConnectError::NoQuicCipher)?;
        let server_name = access.server_name.to_str();
        let connected = self.quic.connect(&client, &server_name, &addresses).await;
        let (address, connection) = connected.map_err(ConnectError::Quic)?;
        let remote = Remote::direct(address);
        let handshake = tunnel::quic::agent(connection, self.session.clone());
        let (session, incoming, driver) = match handshake.await {
            Ok(made) => made,
            Err(source) => return Err(ConnectError::Handshake { remote, source }),
        };
        Ok(Connected {
            session,
            incoming,
            driver,
            hub: hub.clone(),
            remote,
        })
    }

    async fn by_h2(&self, hub: &HubAddress, access: &HubAccess) -> Result<Connected, ConnectError> {
        let mut ways = self.dialer.ways(hub).await?;
        let mut failed = ConnectError::NoHub;
        while let Some(dialled) = ways.next().await {
            let joined = match dialled {
                Ok(dialled) => self.join(hub, dialled, access).await,
                Err(error) => Err(error.into()),
            };
            match joined {
                Ok(connected) => return Ok(connected),
                Err(error) if error.is_rejection() => return Err(error),
                // What was reached says more than what was not.
                Err(ConnectError::Dial(_)) if !matches!(failed, ConnectError::NoHub) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// TLS and the tunnel's own handshake with the hub at the far end.
    async fn join(
        &self,
        hub: &HubAddress,
        dialled: Dialled,
        access: &HubAccess,
    ) -> Result<Connected, ConnectError> {
        let Dialled { socket, remote } = dialled;
        let tls = TlsConnector::from(Arc::clone(&access.tls));
        let handshake = tls.connect(access.server_name.clone(), ReadAhead::new(socket));
        let stream = match timeout(TLS_LIMIT, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(source)) => return Err(ConnectError::Tls { remote, source }),
            Err(_) => return Err(ConnectError::SlowTls { remote }),
        };
        check(&stream, &remote)?;
        let handshake = tunnel::h2::agent(stream, self.session.clone());
        let (session, incoming, driver) = match handshake.await {
            Ok(made) => made,
            Err(source) => return Err(ConnectError::Handshake { remote, source }),
        };
        Ok(Connected {
            session,
            incoming,
            driver,
            hub: hub.clone(),
            remote,
        })
    }
}

impl ConnectError {
    /// Whether a hub was reached and does not want this agent: time alone rarely mends that.
    pub(crate) fn is_rejection(&self) -> bool {
        match self {
            Self::Handshake { source, .. } => match source {
                HandshakeError::Hello(_) | HandshakeError::Rejected { .. } => true,
                HandshakeError::Closed(_)
                | HandshakeError::Malformed(_)
                | HandshakeError::Protocol(_)
                | HandshakeError::TimedOut(_)
                | _ => false,
            },
            Self::Alpn { .. }
            | Self::NoHub
            | Self::NoneOf { .. }
            | Self::NoQuicCipher
            | Self::NoQuicProxy
            | Self::Quic(_)
            | Self::Dial(_)
            | Self::SlowTls { .. }
            | Self::Tls { .. } => false,
        }
    }
}

/// Only TLS 1.3 hides the agent's certificate, and only the protocol's own
/// name says that the server knows what follows.
fn check(stream: &TlsStream<ReadAhead<TcpStream>>, remote: &Remote) -> Result<(), ConnectError> {
    let (_, tls) = stream.get_ref();
    if tls.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        let source = io::Error::other("the hub does not speak TLS 1.3");
        return Err(ConnectError::Tls {
            remote: remote.clone(),
            source,
        });
    }
    if tls.alpn_protocol() != Some(tunnel::ALPN) {
        return Err(ConnectError::Alpn {
            remote: remote.clone(),
        });
    }
    Ok(())
}
