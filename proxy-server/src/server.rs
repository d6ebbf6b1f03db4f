use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proto::{AgentName, ClusterName, Reconnect};
use tokio::sync::watch;
use tunnel::{CloseReason, StreamInfo};

use crate::dial_rate::DialRate;
use crate::pace::ReconnectPace;
use crate::registry::{Registered, Registry, SessionId};
use crate::{Clusters, Counters, HubTargets, ProxyServerConfig, SessionInfo};
use joining::Joins;

mod dialling;
mod joining;
mod opened;
mod serving;
mod tokens;

pub use dialling::{Dialled, Reached};
pub(crate) use opened::Room;

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
    dial_rate: DialRate,
    draining: watch::Sender<bool>,
    targets: Option<Arc<dyn HubTargets>>,
    joins: Joins,
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
    /// A hub's end without sessions, to which agents open no streams.
    pub fn new(config: ProxyServerConfig, clusters: Arc<dyn Clusters>) -> Self {
        Self::with_targets(config, clusters, None)
    }

    /// A hub's end without sessions; agents may open streams to these targets
    /// on it, and join there with a token.
    pub fn with_targets(
        config: ProxyServerConfig,
        clusters: Arc<dyn Clusters>,
        targets: Option<Arc<dyn HubTargets>>,
    ) -> Self {
        let registry = Registry::default();
        let pace = ReconnectPace::new(config.reconnects_per_second, config.hubs.clone());
        let inner = Inner {
            dial_rate: DialRate::new(config.dials_per_second),
            config,
            clusters,
            counters: Arc::default(),
            registry,
            pace,
            draining: watch::Sender::new(false),
            targets,
            joins: Joins::default(),
        };
        Self {
            inner: Arc::new(inner),
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
        self.inner.counters.traffic.total(received, sent)
    }

    /// Every session as it stands, by cluster and agent.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        let mut sessions: Vec<_> = self
            .inner
            .registry
            .all()
            .iter()
            .map(Registered::info)
            .collect();
        sessions.sort_by(|a, b| (&a.cluster, &a.agent).cmp(&(&b.cluster, &b.agent)));
        sessions
    }

    /// The clusters with a session that takes streams, in no order.
    pub fn connected(&self) -> Vec<ClusterName> {
        self.inner.registry.connected()
    }

    /// Whether any of the cluster's sessions takes streams.
    pub fn is_connected(&self, cluster: &ClusterName) -> bool {
        self.inner.registry.takes_streams(cluster)
    }

    /// The open streams of a cluster's sessions, link by link, at most so many.
    pub fn streams(&self, cluster: &ClusterName, most: usize) -> Vec<StreamOfSession> {
        let mut streams = Vec::new();
        for registered in self.inner.registry.of_cluster(cluster) {
            let agent = &registered.login().identity().agent;
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

    /// Asks again whether every session's agent may have one, and closes those where it is not.
    pub fn recheck(&self) {
        self.recheck_these(self.inner.registry.all());
    }

    /// The same for one cluster's sessions.
    pub fn recheck_cluster(&self, cluster: &ClusterName) {
        self.recheck_these(self.inner.registry.of_cluster(cluster));
    }

    fn recheck_these(&self, sessions: Vec<Registered>) {
        for registered in sessions {
            for link in registered.links {
                if let Err(error) = self.check(&link.login) {
                    let identity = link.login.identity();
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
        self.inner.draining.send_replace(true);
        let sessions = self.inner.registry.all();
        for registered in &sessions {
            registered.session.drain(deadline);
        }
        for registered in sessions {
            registered.session.closed().await;
        }
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
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("config", &self.config)
            .field("sessions", &self.registry.len())
            .finish_non_exhaustive()
    }
}
