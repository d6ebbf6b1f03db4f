use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use proto::{AgentName, ClusterName, Reconnect, Refusal, RefusalReason, StreamHeader, Target};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tunnel::{
    AttachError, CloseReason, Driver, Incoming, Link, LinkConfig, OpenError, Opening, Stream,
    StreamInfo,
};

use crate::answer::Dial;
use crate::pace::ReconnectPace;
use crate::registry::{RegisteredLink, Registry, SessionId};
use crate::{
    AdmissionError, AgentCertificate, Answer, CertificateError, Clusters, Counters, DialError,
    DialOutcome, ProxyServerConfig, ServeError, SessionInfo,
};

/// The hub's end of every tunnel; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct ProxyServer {
    inner: Arc<Inner>,
}

struct Inner {
    config: ProxyServerConfig,
    clusters: Arc<dyn Clusters>,
    counters: Arc<Counters>,
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

/// A stream, and whose it is.
#[derive(Clone, Debug)]
pub struct StreamOfSession {
    /// The session.
    pub session: SessionId,
    /// The session's agent.
    pub agent: AgentName,
    /// The stream.
    pub stream: StreamInfo,
}

impl ProxyServer {
    /// A hub's end without sessions.
    pub fn new(config: ProxyServerConfig, clusters: Arc<dyn Clusters>) -> Self {
        let registry = Registry::default();
        let pace = ReconnectPace::new(config.reconnects_per_second, config.hubs.clone());
        let inner = Inner {
            config,
            clusters,
            counters: Arc::default(),
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
        let dial = self.dialling(&header.target);
        let (agent, opening) = match self.opening(cluster, header).await {
            Ok(opening) => opening,
            Err(error) => {
                dial.ended((&error).into());
                return Err(error);
            }
        };
        let (stream, answer) = opening.early();
        let answer = Answer::new(answer, dial);
        Ok(Dialled {
            agent,
            answer,
            stream,
        })
    }

    /// Opens a stream to `target` in `cluster` and waits for the agent's answer,
    /// at most for `deadline`, which the agent is told.
    ///
    /// This is the way for programs that have a hub inside. Nobody is asked
    /// here who wants the stream: that is the caller's to know.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use proto::Target;
    /// use proxy_server::ProxyServer;
    /// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    ///
    /// async fn ask(hub: &ProxyServer) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    ///     let cluster = "edge-7".parse()?;
    ///     let target = Target::Tcp {
    ///         host: "db.example.org".to_owned(),
    ///         port: 5432,
    ///     };
    ///     let mut stream = hub.dial(&cluster, target, Duration::from_secs(10)).await?;
    ///     stream.write_all(b"a question").await?;
    ///     // Ends this direction alone; a stream that is dropped instead is a reset.
    ///     stream.shutdown().await?;
    ///     let mut answer = Vec::new();
    ///     stream.read_to_end(&mut answer).await?;
    ///     Ok(answer)
    /// }
    /// ```
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
        let dial = self.dialling(&header.target);
        let reached = self.reach_uncounted(cluster, header, patience).await;
        dial.ended(match &reached {
            Ok(_) => DialOutcome::Opened,
            Err(error) => error.into(),
        });
        reached
    }

    async fn reach_uncounted(
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

    /// What has been counted so far.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// What has been counted on all links so far.
    pub fn link_counters(&self) -> &tunnel::Counters {
        &self.inner.config.link.counters
    }

    /// Bytes received and not yet read, on all links.
    pub fn unread(&self) -> u64 {
        self.inner.config.link.process_budget.used()
    }

    /// Bytes received and sent on all links since this was made, framing included.
    pub fn traffic(&self, sessions: &[SessionInfo]) -> (u64, u64) {
        let received = sessions.iter().map(SessionInfo::bytes_in).sum();
        let sent = sessions.iter().map(SessionInfo::bytes_out).sum();
        self.inner.counters.traffic(received, sent)
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

    /// The open streams of a cluster's sessions, link by link, at most so many.
    pub fn streams(&self, cluster: &ClusterName, most: usize) -> Vec<StreamOfSession> {
        let mut streams = Vec::new();
        for registered in self.inner.registry.of_cluster(cluster) {
            let agent = &registered.certificate().identity.agent;
            for link in &registered.links {
                let left = most - streams.len();
                let of_link = link.link.streams(left).into_iter();
                streams.extend(of_link.map(|stream| StreamOfSession {
                    session: registered.id,
                    agent: agent.clone(),
                    stream,
                }));
            }
        }
        streams
    }

    /// Whether there are sessions, and nothing was heard from any of them for
    /// so long, although each is asked after 5 s of silence and given up after 10.
    pub fn is_silent(&self, limit: Duration) -> bool {
        self.inner.registry.is_silent(limit)
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

    fn dialling(&self, target: &Target) -> Dial {
        Dial::begin(Arc::clone(&self.inner.counters), target.into())
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
            self.inner.counters.note_sessions_full();
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
        let inserted = server.inner.registry.insert(registered);
        if inserted == Err(AttachError::Full) {
            server.inner.counters.note_links_full();
        }
        let id = inserted?;
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
        let stats = self.link.stats();
        self.server
            .inner
            .counters
            .note_ended(stats.bytes_in, stats.bytes_out);
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
