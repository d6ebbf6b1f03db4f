//! Agents' connections, from their certificates to their ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use proto::AgentIdentity;
use tokio::io::{AsyncRead, AsyncWrite};
use tunnel::{AttachError, CloseReason, Driver, Incoming, Link, LinkConfig, Session};

use super::ProxyServer;
use super::opened::{Opened, Room};
use crate::login::AgentLogin;
use crate::registry::{Inserted, RegisteredLink, SessionId};
use crate::{
    AdmissionError, AgentCertificate, Caller, CallerIdentity, CertificateError, ServeError,
};

/// A link's entry in the registry, removed however its service ends.
struct Registration<'a> {
    server: &'a ProxyServer,
    login: AgentLogin,
    id: SessionId,
    link: Link,
    /// What it is a further link of.
    session: Option<Session>,
    /// For the streams that it opens, with the session's other links.
    room: Room,
    /// Why the link has ended.
    reason: CloseReason,
}

impl ProxyServer {
    /// Serves one connection with ALPN `adit/1` until its session has ended.
    ///
    /// `certificate` is what the client showed in the TLS handshake, which has
    /// verified it, in DER. A client that is not let in is told why. `socket`
    /// has the two ends of a TCP connection as the system knows them, this one's
    /// first, where the system is to be asked what is lost. Dropping the future
    /// ends the session.
    pub async fn serve<IO>(
        &self,
        io: IO,
        certificate: Option<&[u8]>,
        remote: SocketAddr,
        socket: Option<(SocketAddr, SocketAddr)>,
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
        if let Some((local, remote)) = socket {
            parts.0.set_socket(local, remote);
        }
        let login = AgentLogin::Certificate(certificate);
        self.keep(parts, login, remote).await
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
        let login = AgentLogin::Certificate(certificate);
        self.keep(parts, login, remote).await
    }

    /// Keeps a link, as part of its agent's session, until it has ended.
    pub(super) async fn keep(
        &self,
        (link, incoming, driver): (Link, Incoming, Driver),
        login: AgentLogin,
        remote: SocketAddr,
    ) -> Result<(), ServeError> {
        let mut registration = Registration::new(self, link.clone(), login, remote)?;
        let identity = registration.login.identity();
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
        if *self.inner.draining.borrow() {
            link.drain(Duration::ZERO);
        }
        if self.check(&registration.login).is_err() {
            link.close(CloseReason::Revoked);
        }
        let opened = Opened {
            targets: self.inner.targets.clone(),
            caller: Caller {
                identity: match &registration.login {
                    AgentLogin::Certificate(of) => CallerIdentity::Agent(of.identity.clone()),
                    AgentLogin::Token(token) => CallerIdentity::Token(token.clone()),
                },
                remote,
            },
            room: registration.room.clone(),
            counters: &self.inner.counters,
            draining: self.inner.draining.subscribe(),
        };
        let reason = tokio::select! {
            reason = driver => reason,
            reason = Box::pin(opened.serve(incoming)) => match reason {},
            reason = registration.balance() => match reason {},
            never = Box::pin(self.end_with_token(&registration.login, &link)) => match never {},
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

    /// The configuration of a new link: its hello tells how to come back.
    pub(super) fn link_config(&self) -> LinkConfig {
        let mut config = self.inner.config.link.clone();
        config.hello.reconnect = Some(self.inner.pace.told());
        config
    }

    fn admit(&self, certificate: Option<&[u8]>) -> Result<AgentCertificate, ServeError> {
        let der = certificate.ok_or(CertificateError::Missing)?;
        let certificate = AgentCertificate::from_der(der)?;
        self.check_certificate(&certificate)?;
        self.takes_links()?;
        self.has_room(&certificate.identity)?;
        Ok(certificate)
    }

    /// Whether links are taken at all.
    pub(super) fn takes_links(&self) -> Result<(), ServeError> {
        match *self.inner.draining.borrow() {
            true => Err(ServeError::Draining),
            false => Ok(()),
        }
    }

    /// Whether the agent may have a session. One that has one may have further
    /// links, and another session in its place.
    pub(super) fn has_room(&self, agent: &AgentIdentity) -> Result<(), ServeError> {
        let registry = &self.inner.registry;
        let limit = self.inner.config.max_sessions;
        if registry.len() >= limit && !registry.has_session_of(agent) {
            self.inner.counters.note_sessions_full();
            return Err(ServeError::Full { limit });
        }
        Ok(())
    }

    /// Whether an agent may have a session now, as far as the hub's own records tell.
    pub(super) fn check(&self, login: &AgentLogin) -> Result<(), AdmissionError> {
        match login {
            AgentLogin::Certificate(certificate) => self.check_certificate(certificate),
            AgentLogin::Token(_) if login.not_after() < SystemTime::now() => {
                Err(AdmissionError::TokenExpired)
            }
            AgentLogin::Token(token) => self.inner.clusters.admit_token(token.identity()),
        }
    }

    fn check_certificate(&self, certificate: &AgentCertificate) -> Result<(), AdmissionError> {
        if certificate.not_after < SystemTime::now() {
            return Err(AdmissionError::Expired);
        }
        self.inner.clusters.admit(certificate)
    }
}

impl<'a> Registration<'a> {
    fn new(
        server: &'a ProxyServer,
        link: Link,
        login: AgentLogin,
        remote: SocketAddr,
    ) -> Result<Self, ServeError> {
        let registered = RegisteredLink::new(link.clone(), login, remote);
        let room = Room::new(server.inner.config.max_hub_streams);
        let inserted = server.inner.registry.insert(registered, room);
        if let Err(AttachError::Full) = inserted {
            server.inner.counters.note_links_full();
        }
        let Inserted {
            id,
            joined,
            room,
            login,
        } = inserted?;
        server.follow_sessions();
        Ok(Self {
            server,
            login,
            id,
            link,
            session: joined,
            room,
            reason: CloseReason::Aborted,
        })
    }
}

impl Registration<'_> {
    /// Moves streams between the links of the session, if this is not its only one.
    async fn balance(&self) -> Infallible {
        match &self.session {
            Some(session) => session.balance().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.server.inner.registry.remove(
            &self.login.identity().cluster,
            self.id,
            &self.link,
            self.reason.clone(),
        );
        let stats = self.link.stats();
        let traffic = &self.server.inner.counters.traffic;
        traffic.note_ended(stats.bytes_in, stats.bytes_out);
        self.server.follow_sessions();
    }
}
