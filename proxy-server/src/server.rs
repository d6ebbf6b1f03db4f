use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use proto::{AgentName, ClusterName, Reconnect, Refusal, RefusalReason, StreamHeader, Target};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tunnel::{Answer, CloseReason, Driver, Incoming, Link, LinkConfig, OpenError, Opening, Stream};

use crate::pace::ReconnectPace;
use crate::registry::{RegisteredLink, Registry, SessionId};
use crate::{
    AdmissionError, AgentCertificate, CertificateError, Clusters, DialError, ProxyServerConfig,
    ServeError, SessionInfo,
};

/// The hub's end of every tunnel; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct ProxyServer {
    inner: Arc<Inner>,
}

struct Inner {
    config: ProxyServerConfig,
    clusters: Arc<dyn Clusters>,
    registry: Registry,
    pace: ReconnectPace,
    draining: AtomicBool,
}

/// A stream on its way to a target, to be written at once.
#[derive(Debug)]
pub struct Dialled {
    /// The agent that was asked.
    pub agent: AgentName,
    /// Resolves when the agent has answered; somebody has to read the stream.
    pub answer: Answer,
    /// The stream. Reading waits for the answer.
    pub stream: Stream,
}

/// A stream to a target that an agent has reached.
#[derive(Debug)]
pub struct Reached {
    /// The agent that was asked.
    pub agent: AgentName,
    /// The stream.
    pub stream: Stream,
}

impl ProxyServer {
    /// A hub's end without sessions.
    pub fn new(config: ProxyServerConfig, clusters: Arc<dyn Clusters>) -> Self {
        let registry = Registry::default();
        let pace = ReconnectPace::new(config.reconnects_per_second, config.hubs.clone());
        let inner = Inner {
            config,
            clusters,
            registry,
            pace,
            draining: AtomicBool::new(false),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Serves one connection with ALPN `adit/1` until its session has ended.
    ///
    /// `certificate` is what the client showed in the TLS handshake, which has
    /// verified it, in DER. A client that is not let in is told why. Dropping
    /// the future ends the session.
    pub async fn serve<IO>(
        &self,
        io: IO,
        certificate: Option<&[u8]>,
        remote: SocketAddr,
    ) -> Result<(), ServeError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let certificate = match self.admit(certificate) {
            Ok(certificate) => certificate,
            Err(error) => {
                tunnel::h2::reject(io, error.to_string()).await;
                return Err(error);
            }
        };
        let parts = tunnel::h2::hub(io, self.link_config()).await?;
        self.keep(parts, certificate, remote).await
    }

    /// Serves one QUIC connection with ALPN `adit/1`; see [`Self::serve`].
    pub async fn serve_quic(
        &self,
        connection: quinn::Connection,
        certificate: Option<&[u8]>,
        remote: SocketAddr,
    ) -> Result<(), ServeError> {
        let certificate = match self.admit(certificate) {
            Ok(certificate) => certificate,
            Err(error) => {
                tunnel::quic::reject(&connection, error.to_string());
                return Err(error);
            }
        };
        let parts = tunnel::quic::hub(connection, self.link_config()).await?;
        self.keep(parts, certificate, remote).await
    }

    /// Keeps a link, as part of its agent's session, until it has ended.
    async fn keep(
        &self,
        (link, incoming, driver): (Link, Incoming, Driver),
        certificate: AgentCertificate,
        remote: SocketAddr,
    ) -> Result<(), ServeError> {
        let mut registration = Registration::new(self, link.clone(), certificate, remote)?;
        let identity = &registration.certificate.identity;
        tracing::info!(
            cluster = %identity.cluster,
            agent = %identity.agent,
            session = registration.id.0,
            %remote,
            carrier = %link.carrier(),
            version = link.peer().software_version,
            "agent connected"
        );
        // Much may have come between admission and registration.
        link.tell_reconnect(self.inner.pace.told());
        if self.inner.draining.load(Relaxed) {
            link.drain(Duration::ZERO);
        }
        if self.check(&registration.certificate).is_err() {
            link.close(CloseReason::Revoked);
        }
        let reason = tokio::select! {
            reason = driver => reason,
            reason = refuse_all(incoming) => match reason {},
        };
        tracing::info!(
            cluster = %identity.cluster,
            agent = %identity.agent,
            session = registration.id.0,
            %remote,
            %reason,
            "agent disconnected"
        );
        registration.reason = reason.clone();
        if reason == CloseReason::Drained {
            Ok(())
        } else {
            Err(ServeError::Session(reason))
        }
    }

    /// Opens a stream to a target in `cluster` without waiting for the agent's answer.
    ///
    /// Among the cluster's agents the one with the fewest open streams is
    /// asked; one that cannot take the stream is passed over.
    pub async fn open(
        &self,
        cluster: &ClusterName,
        header: StreamHeader,
    ) -> Result<Dialled, DialError> {
        let (agent, opening) = self.opening(cluster, header).await?;
        let (stream, answer) = opening.early();
        Ok(Dialled {
            agent,
            answer,
            stream,
        })
    }

    /// Opens a stream to `target` in `cluster` and waits for the agent's answer,
    /// at most for `deadline`, which the agent is told.
    pub async fn dial(
        &self,
        cluster: &ClusterName,
        target: Target,
        deadline: Duration,
    ) -> Result<Stream, DialError> {
        let header = StreamHeader {
            deadline: Some(deadline),
            ..StreamHeader::new(target)
        };
        let reached = self.reach(cluster, header, deadline).await?;
        Ok(reached.stream)
    }

    /// Opens a stream to a target in `cluster` and waits for the agent's answer,
    /// at most for `patience`, which should be a little more than the header's
    /// deadline: then the agent says why it is late.
    pub async fn reach(
        &self,
        cluster: &ClusterName,
        header: StreamHeader,
        patience: Duration,
    ) -> Result<Reached, DialError> {
        let (agent, opening) = self.opening(cluster, header).await?;
        match timeout(patience, opening.opened()).await {
            Ok(Ok(stream)) => Ok(Reached { agent, stream }),
            Ok(Err(source)) => Err(DialError::Open {
                cluster: cluster.clone(),
                agent,
                source,
            }),
            Err(_) => Err(DialError::TimedOut {
                cluster: cluster.clone(),
                agent,
                after: patience,
            }),
        }
    }

    /// Every session as it stands, by cluster and agent.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        let mut sessions: Vec<_> = self
            .inner
            .registry
            .all()
            .iter()
            .map(crate::registry::Registered::info)
            .collect();
        sessions.sort_by(|a, b| (&a.cluster, &a.agent).cmp(&(&b.cluster, &b.agent)));
        sessions
    }

    /// Tells all agents the addresses of all replicas of this hub.
    pub fn set_hubs(&self, hubs: Vec<String>) {
        if let Some(reconnect) = self.inner.pace.set_hubs(hubs) {
            self.tell_all(&reconnect);
        }
    }

    /// Asks again whether every session's certificate is good, and closes those where it is not.
    pub fn recheck(&self) {
        for registered in self.inner.registry.all() {
            for link in registered.links {
                if let Err(error) = self.check(&link.certificate) {
                    let identity = &link.certificate.identity;
                    tracing::info!(
                        cluster = %identity.cluster,
                        agent = %identity.agent,
                        session = registered.id.0,
                        remote = %link.remote,
                        %error,
                        "closing the agent's link"
                    );
                    link.link.close(CloseReason::Revoked);
                }
            }
        }
    }

    /// Takes no more sessions, tells the agents to go elsewhere, and waits
    /// until the open streams have ended, at most for `deadline`.
    pub async fn drain(&self, deadline: Duration) {
        self.inner.draining.store(true, Relaxed);
        let sessions = self.inner.registry.all();
        for registered in &sessions {
            registered.session.drain(deadline);
        }
        for registered in sessions {
            registered.session.closed().await;
        }
    }

    async fn opening(
        &self,
        cluster: &ClusterName,
        header: StreamHeader,
    ) -> Result<(AgentName, Opening), DialError> {
        if !self.inner.clusters.contains(cluster) {
            return Err(DialError::UnknownCluster {
                cluster: cluster.clone(),
            });
        }
        let mut failure = DialError::NotConnected {
            cluster: cluster.clone(),
        };
        for (agent, session) in self.inner.registry.candidates(cluster) {
            match session.open(header.clone()).await {
                Ok(opening) => return Ok((agent, opening)),
                // It has just begun to drain or ended: as if it were not there.
                Err(OpenError::Draining | OpenError::Stream(_)) => {}
                Err(source) => {
                    failure = DialError::Open {
                        cluster: cluster.clone(),
                        agent,
                        source,
                    };
                }
            }
        }
        Err(failure)
    }

    /// The configuration of a new link: its hello tells how to come back.
    fn link_config(&self) -> LinkConfig {
        let mut config = self.inner.config.link.clone();
        config.hello.reconnect = Some(self.inner.pace.told());
        config
    }

    fn tell_all(&self, reconnect: &Reconnect) {
        for registered in self.inner.registry.all() {
            for link in registered.links {
                link.link.tell_reconnect(reconnect.clone());
            }
        }
    }

    /// Has the agents' pace follow how many there are.
    fn follow_sessions(&self) {
        if let Some(reconnect) = self.inner.pace.follow(self.inner.registry.len()) {
            self.tell_all(&reconnect);
        }
    }

    fn admit(&self, certificate: Option<&[u8]>) -> Result<AgentCertificate, ServeError> {
        let der = certificate.ok_or(CertificateError::Missing)?;
        let certificate = AgentCertificate::from_der(der)?;
        self.check(&certificate)?;
        if self.inner.draining.load(Relaxed) {
            return Err(ServeError::Draining);
        }
        let limit = self.inner.config.max_sessions;
        if self.inner.registry.len() >= limit {
            return Err(ServeError::Full { limit });
        }
        Ok(certificate)
    }

    fn check(&self, certificate: &AgentCertificate) -> Result<(), AdmissionError> {
        if certificate.not_after < SystemTime::now() {
            return Err(AdmissionError::Expired);
        }
        self.inner.clusters.admit(certificate)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("config", &self.config)
            .field("sessions", &self.registry.len())
            .finish_non_exhaustive()
    }
}

/// A link's entry in the registry, removed however its service ends.
struct Registration<'a> {
    server: &'a ProxyServer,
    certificate: AgentCertificate,
    id: SessionId,
    link: Link,
    /// Why the link has ended.
    reason: CloseReason,
}

impl<'a> Registration<'a> {
    fn new(
        server: &'a ProxyServer,
        link: Link,
        certificate: AgentCertificate,
        remote: SocketAddr,
    ) -> Result<Self, ServeError> {
        let registered = RegisteredLink::new(link.clone(), certificate.clone(), remote);
        let id = server.inner.registry.insert(registered)?;
        server.follow_sessions();
        Ok(Self {
            server,
            certificate,
            id,
            link,
            reason: CloseReason::Aborted,
        })
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.server.inner.registry.remove(
            &self.certificate.identity.cluster,
            self.id,
            &self.link,
            self.reason.clone(),
        );
        self.server.follow_sessions();
    }
}

/// Agents have nothing to open streams to on this hub.
async fn refuse_all(mut incoming: Incoming) -> Infallible {
    while let Some(stream) = incoming.next().await {
        let message = format!("this hub does not serve {}", stream.header().target);
        stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
    }
    // The driver may still have last frames to send.
    std::future::pending().await
}
