use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::SessionKey;
use tunnel::{Carrier, HandshakeError, LinkConfig};

use crate::access::{CurrentAccess, HubAccess};
use crate::carrier::side_by_side;
use crate::dial::{DialError, Remote, Unreached};
use crate::join::{Carriers, Connected, Further, TLS_LIMIT};
use crate::{CarrierChoice, HubAddress, ProxyConfig};

/// Makes sessions with whichever of an agent's hubs can be reached.
#[derive(Debug)]
pub(crate) struct HubDialer {
    access: CurrentAccess,
    /// Hubs that are not configured; a hub has told of them.
    replicas: Vec<HubAddress>,
    carriers: Arc<Carriers>,
    link: LinkConfig,
    choice: CarrierChoice,
    /// What has worked last, to begin with.
    worked: Carrier,
    /// Which hub to begin with.
    first: usize,
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
    #[error("QUIC needs a certificate to show")]
    NoQuicLogin,
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

impl HubDialer {
    pub(crate) fn new(
        access: CurrentAccess,
        link: LinkConfig,
        proxy: ProxyConfig,
        choice: CarrierChoice,
    ) -> Self {
        Self {
            access,
            replicas: Vec::new(),
            carriers: Arc::new(Carriers::new(proxy)),
            link,
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
        self.link.siblings = Arc::default();
        self.link.hello.session_key = Some(SessionKey::random(&mut rand::rng()));
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
                    self.worked = connected.link.carrier();
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

    /// How further links of the session are made that has just come about at `hub`.
    pub(crate) fn further(&self, hub: &HubAddress) -> Option<Further> {
        let access = self.access.proven().filter(|of| of.login.is_free())?;
        Some(Further {
            carriers: Arc::clone(&self.carriers),
            link: self.link.clone(),
            hub: hub.clone(),
            access,
            choice: self.choice,
        })
    }

    /// Waits until the hubs know what has ended, at most 1 s.
    pub(crate) async fn settle(&self) {
        self.carriers.settle().await;
    }

    async fn connect_to(
        &self,
        hub: &HubAddress,
        access: &HubAccess,
    ) -> Result<Connected, ConnectError> {
        let h2 = Box::pin(self.carriers.by_h2(&self.link, hub, access));
        if !access.login.is_free() {
            return h2.await;
        }
        let quic = Box::pin(self.carriers.by_quic(&self.link, hub, access));
        match (self.choice, self.worked) {
            (CarrierChoice::H2, _) => h2.await,
            (CarrierChoice::Quic, _) => quic.await,
            (CarrierChoice::Auto, Carrier::Quic) => side_by_side(quic, h2, Duration::MAX).await,
            (CarrierChoice::Auto, _) => side_by_side(h2, quic, QUIC_LAST_CHANCE).await,
        }
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
            | Self::NoQuicLogin
            | Self::NoQuicProxy
            | Self::Quic(_)
            | Self::Dial(_)
            | Self::SlowTls { .. }
            | Self::Tls { .. } => false,
        }
    }
}
