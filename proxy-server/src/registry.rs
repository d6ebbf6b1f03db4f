use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::SystemTime;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use proto::{AgentName, ClusterName};
use tunnel::{CloseReason, Link};

use crate::AgentCertificate;

/// A number that no two sessions of a process share.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub u64);

/// One session as it stands, for people and metrics.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// Its number in this process.
    pub id: SessionId,
    /// The managed cluster.
    pub cluster: ClusterName,
    /// The agent.
    pub agent: AgentName,
    /// The release of the agent's program, as it says.
    pub agent_version: String,
    /// The serial number of its certificate, in hexadecimal.
    pub serial: String,
    /// When it began.
    pub connected_since: SystemTime,
    /// What carries it.
    pub carrier: &'static str,
    /// Where the agent dials from, as the hub sees it.
    pub remote: SocketAddr,
    /// Streams open now.
    pub streams: usize,
    /// Bytes received, the tunnel's framing included.
    pub bytes_in: u64,
    /// Bytes sent, the tunnel's framing included.
    pub bytes_out: u64,
}

/// The sessions of this hub by cluster and agent.
///
/// All sessions of a cluster are one entry, so that no reader sees two sessions
/// of one agent that both take streams. For one agent the newest session
/// counts; an older one that drains goes on until its streams have ended, any
/// other is closed, and its late end removes nothing but itself.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    clusters: DashMap<ClusterName, Vec<Registered>>,
    next_id: AtomicU64,
    count: AtomicUsize,
}

#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) id: SessionId,
    pub(crate) session: Link,
    pub(crate) certificate: AgentCertificate,
    pub(crate) remote: SocketAddr,
    pub(crate) since: SystemTime,
}

impl Registry {
    /// Adds a session; an older one of the same agent is closed.
    pub(crate) fn insert(
        &self,
        session: Link,
        certificate: AgentCertificate,
        remote: SocketAddr,
    ) -> SessionId {
        let id = SessionId(self.next_id.fetch_add(1, Relaxed) + 1);
        let cluster = certificate.identity.cluster.clone();
        let since = SystemTime::now();
        let registered = Registered {
            id,
            session,
            certificate,
            remote,
            since,
        };
        let mut sessions = self.clusters.entry(cluster).or_default();
        let identity = &registered.certificate.identity;
        for older in sessions
            .iter()
            .filter(|older| older.certificate.identity == *identity)
        {
            if older.session.takes_streams() {
                older.session.close(CloseReason::Superseded);
            }
        }
        sessions.push(registered);
        self.count.fetch_add(1, Relaxed);
        id
    }

    /// Removes a session that has ended.
    pub(crate) fn remove(&self, cluster: &ClusterName, id: SessionId) {
        let Entry::Occupied(mut entry) = self.clusters.entry(cluster.clone()) else {
            return;
        };
        let sessions = entry.get_mut();
        let before = sessions.len();
        sessions.retain(|registered| registered.id != id);
        self.count.fetch_sub(before - sessions.len(), Relaxed);
        if sessions.is_empty() {
            entry.remove();
        }
    }

    /// The sessions of a cluster that take streams, least loaded first.
    pub(crate) fn candidates(&self, cluster: &ClusterName) -> Vec<(AgentName, Link)> {
        let Some(sessions) = self.clusters.get(cluster) else {
            return Vec::new();
        };
        let mut candidates: Vec<_> = sessions
            .iter()
            .filter(|registered| registered.session.takes_streams())
            .map(|registered| {
                let agent = registered.certificate.identity.agent.clone();
                (agent, registered.session.clone())
            })
            .collect();
        drop(sessions);
        candidates.sort_by_key(|(_, session)| session.stats().open_streams);
        candidates
    }

    /// Sessions now.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// A copy of every session's entry, in no order.
    pub(crate) fn all(&self) -> Vec<Registered> {
        self.clusters
            .iter()
            .flat_map(|cluster| cluster.clone())
            .collect()
    }
}

impl Registered {
    pub(crate) fn info(&self) -> SessionInfo {
        let stats = self.session.stats();
        SessionInfo {
            id: self.id,
            cluster: self.certificate.identity.cluster.clone(),
            agent: self.certificate.identity.agent.clone(),
            agent_version: self.session.peer().software_version.clone(),
            serial: self.certificate.serial.clone(),
            connected_since: self.since,
            carrier: "h2",
            remote: self.remote,
            streams: stats.open_streams,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
        }
    }
}
