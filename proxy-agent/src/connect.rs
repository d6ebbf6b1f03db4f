use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::{Hello, SessionKey};
use rustls::ProtocolVersion;
use rustls::client::Resumption;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tunnel::{Driver, HandshakeError, Incoming, Link, LinkConfig};

use crate::dial::{DialError, Dialer, Dialled, Remote};
use crate::{HubAddress, ProxyConfig};

/// Makes sessions with whichever of an agent's hubs can be reached.
#[derive(Debug)]
pub(crate) struct HubDialer {
    hubs: Vec<HubAddress>,
    /// How many of them are configured; a hub has told of the others.
    configured: usize,
    dialer: Dialer,
    server_name: ServerName<'static>,
    session: LinkConfig,
    tls: Arc<rustls::ClientConfig>,
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
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("no answer within {TLS_LIMIT:?} while agreeing on TLS with {remote}")]
    SlowTls { remote: Remote },
    #[error("no trust between this agent and the hub at {remote}: {source}")]
    Tls { remote: Remote, source: io::Error },
}

/// The longest that the TLS handshake may take.
const TLS_LIMIT: Duration = Duration::from_secs(10);

impl HubDialer {
    pub(crate) fn new(
        hubs: Vec<HubAddress>,
        tls: &rustls::ClientConfig,
        server_name: ServerName<'static>,
        agent_version: String,
        proxy: ProxyConfig,
    ) -> Self {
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![tunnel::ALPN.to_vec()];
        // A resumed connection would not show the certificate again.
        tls.resumption = Resumption::disabled();
        Self {
            configured: hubs.len(),
            hubs,
            dialer: Dialer::new(proxy),
            server_name,
            session: LinkConfig::new(Hello::new(agent_version)),
            tls: Arc::new(tls),
            first: 0,
        }
    }

    /// Whether there is no hub to connect to.
    pub(crate) fn is_empty(&self) -> bool {
        self.hubs.is_empty()
    }

    /// Links made from now on belong to another session.
    pub(crate) fn begin_session(&mut self) {
        self.session.hello.session_key = Some(SessionKey::random(&mut rand::rng()));
    }

    /// A hub has told of all its replicas; those that are not configured are tried last.
    pub(crate) fn learn(&mut self, replicas: &[String]) {
        self.hubs.truncate(self.configured);
        for replica in replicas {
            match replica.parse::<HubAddress>() {
                Ok(hub) if self.hubs.contains(&hub) => {}
                Ok(hub) => self.hubs.push(hub),
                Err(error) => tracing::debug!(%error, "a replica's address is not understood"),
            }
        }
    }

    /// Tries every address of every hub in turn, beginning where the last call
    /// succeeded or one further; the error is of the last one, unless a hub
    /// said why it does not want this agent.
    ///
    /// Not cancel-safe in that the next call may begin with another hub.
    pub(crate) async fn connect(&mut self) -> Result<Connected, ConnectError> {
        let mut failed = ConnectError::NoHub;
        for turn in 0..self.hubs.len() {
            let index = (self.first + turn) % self.hubs.len();
            let hub = &self.hubs[index];
            match Box::pin(self.connect_to(hub)).await {
                Ok(connected) => {
                    self.first = index;
                    return Ok(connected);
                }
                Err(error) => {
                    tracing::debug!(%hub, %error, "hub not reached");
                    if !failed.is_rejection() {
                        failed = error;
                    }
                }
            }
        }
        self.first = self.first.wrapping_add(1);
        Err(failed)
    }

    async fn connect_to(&self, hub: &HubAddress) -> Result<Connected, ConnectError> {
        let mut ways = self.dialer.ways(hub).await?;
        let mut failed = ConnectError::NoHub;
        while let Some(dialled) = ways.next().await {
            let joined = match dialled {
                Ok(dialled) => self.join(hub, dialled).await,
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
    async fn join(&self, hub: &HubAddress, dialled: Dialled) -> Result<Connected, ConnectError> {
        let Dialled { socket, remote } = dialled;
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        let handshake = tls.connect(self.server_name.clone(), socket);
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
            | Self::Dial(_)
            | Self::SlowTls { .. }
            | Self::Tls { .. } => false,
        }
    }
}

/// Only TLS 1.3 hides the agent's certificate, and only the protocol's own
/// name says that the server knows what follows.
fn check(stream: &TlsStream<TcpStream>, remote: &Remote) -> Result<(), ConnectError> {
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
