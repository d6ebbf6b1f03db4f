use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use proto::{AgentIdentity, AgentName, ClusterName, SessionKey};
use tunnel::{AttachError, CloseReason, Link, Session};

use crate::login::AgentLogin;
use crate::server::Room;

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
    /// The serial number of its newest link's certificate, in hexadecimal; empty
    /// for one that goes by a token.
    pub serial: String,
    /// The common name of that certificate's authority.
    pub authority: String,
    /// When it began.
    pub connected_since: SystemTime,
    /// Its links, oldest first; at least one.
    pub links: Vec<LinkInfo>,
}

impl SessionInfo {
    /// Streams open on all links.
    pub fn streams(&self) -> usize {
        self.links.iter().map(|link| link.streams).sum()
    }

    /// Bytes received on the links that there are, framing included.
    pub fn bytes_in(&self) -> u64 {
        self.links.iter().map(|link| link.bytes_in).sum()
    }

    /// Bytes sent on the links that there are, framing included.
    pub fn bytes_out(&self) -> u64 {
        self.links.iter().map(|link| link.bytes_out).sum()
    }
}

/// One link of a session as it stands.
#[derive(Clone, Debug)]
pub struct LinkInfo {
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
/// other is closed, and its late end removes nothing but itself. A link whose
/// hello has the key of a session of the same agent becomes part of it.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    clusters: DashMap<ClusterName, Vec<Registered>>,
    next_id: AtomicU64,
    count: AtomicUsize,
}

#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) id: SessionId,
    pub(crate) session: Session,
    key: Option<SessionKey>,
    since: SystemTime,
    room: Room,
    /// At least one; the newest is the last.
    pub(crate) links: Vec<RegisteredLink>,
}

#[derive(Clone, Debug)]
pub(crate) struct RegisteredLink {
    pub(crate) link: Link,
    pub(crate) login: AgentLogin,
    pub(crate) remote: SocketAddr,
    since: SystemTime,
}

/// Where a link has gone.
#[derive(Debug)]
pub(crate) struct Inserted {
    /// Its session.
    pub(crate) id: SessionId,
    /// The session, if it had links before.
    pub(crate) joined: Option<Session>,
    /// The session's, for the streams that the agent opens.
    pub(crate) room: Room,
    /// By what the link is known from now on.
    pub(crate) login: AgentLogin,
}

impl RegisteredLink {
    pub(crate) fn new(link: Link, login: AgentLogin, remote: SocketAddr) -> Self {
        let since = SystemTime::now();
        Self {
            link,
            login,
            remote,
            since,
        }
    }
}

impl Registry {
    /// Adds a link to the session that it belongs to, or else a session with
    /// this room; an older session of the same agent is closed.
    pub(crate) fn insert(
        &self,
        mut link: RegisteredLink,
        room: Room,
    ) -> Result<Inserted, AttachError> {
        let identity = &link.login.identity().clone();
        let key = link.link.peer().session_key;
        let mut sessions = self.clusters.entry(identity.cluster.clone()).or_default();
        let mut of_agent = sessions
            .iter_mut()
            .filter(|older| older.login().identity() == identity);
        if let Some(key) = key
            && let Some(session) = of_agent.find(|older| older.key == Some(key))
        {
            match session.session.attach(link.link.clone()) {
                Ok(()) => {
                    session.share_token(&mut link);
                    let login = link.login.clone();
                    session.links.push(link);
                    return Ok(Inserted {
                        id: session.id,
                        joined: Some(session.session.clone()),
                        room: session.room.clone(),
                        login,
                    });
                }
                Err(AttachError::Full) => return Err(AttachError::Full),
                // Its last link has just ended: this one begins it anew.
                Err(AttachError::Over) => {}
            }
        }
        for older in sessions
            .iter()
            .filter(|older| older.login().identity() == identity)
        {
            if older.session.takes_streams() {
                older.session.close(&CloseReason::Superseded);
            }
        }
        let id = SessionId(self.next_id.fetch_add(1, Relaxed) + 1);
        let login = link.login.clone();
        sessions.push(Registered {
            id,
            session: Session::new(link.link.clone()),
            key,
            since: link.since,
            room: room.clone(),
            links: vec![link],
        });
        self.count.fetch_add(1, Relaxed);
        Ok(Inserted {
            id,
            joined: None,
            room,
            login,
        })
    }

    /// Removes a link that has ended, and with its last link the session.
    pub(crate) fn remove(
        &self,
        cluster: &ClusterName,
        id: SessionId,
        link: &Link,
        reason: CloseReason,
    ) {
        let Entry::Occupied(mut entry) = self.clusters.entry(cluster.clone()) else {
            return;
        };
        let sessions = entry.get_mut();
        let Some(index) = sessions.iter().position(|registered| registered.id == id) else {
            return;
        };
        let registered = &mut sessions[index];
        registered.links.retain(|other| !other.link.is(link));
        registered.session.detach(link, reason);
        if registered.links.is_empty() {
            sessions.swap_remove(index);
            self.count.fetch_sub(1, Relaxed);
        }
        if sessions.is_empty() {
            entry.remove();
        }
    }

    /// Whether any of the cluster's sessions takes streams.
    pub(crate) fn takes_streams(&self, cluster: &ClusterName) -> bool {
        let takes = |of: &Registered| of.session.takes_streams();
        let sessions = self.clusters.get(cluster);
        sessions.is_some_and(|sessions| sessions.iter().any(takes))
    }

    /// The clusters with a session that takes streams, in no order.
    pub(crate) fn connected(&self) -> Vec<ClusterName> {
        let takes = |of: &Registered| of.session.takes_streams();
        let of_any = self.clusters.iter().filter(|of| of.iter().any(takes));
        of_any.map(|of| of.key().clone()).collect()
    }

    /// The sessions of a cluster that take streams, least loaded first.
    pub(crate) fn candidates(&self, cluster: &ClusterName) -> Vec<(AgentName, Session)> {
        let Some(sessions) = self.clusters.get(cluster) else {
            return Vec::new();
        };
        let mut candidates: Vec<_> = sessions
            .iter()
            .filter(|registered| registered.session.takes_streams())
            .map(|registered| {
                let agent = registered.login().identity().agent.clone();
                (agent, registered.session.clone())
            })
            .collect();
        drop(sessions);
        if candidates.len() > 1 {
            candidates.sort_by_cached_key(|(_, session)| session.open_streams());
        }
        candidates
    }

    /// Whether an agent has a session.
    pub(crate) fn has_session_of(&self, agent: &AgentIdentity) -> bool {
        let sessions = self.clusters.get(&agent.cluster);
        sessions.is_some_and(|all| all.iter().any(|of| of.login().identity() == agent))
    }

    /// Sessions now.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Whether there are sessions, and from none of them anything was heard
    /// for so long.
    pub(crate) fn is_silent(&self, limit: Duration) -> bool {
        let heard = |registered: &Registered| {
            let mut links = registered.links.iter();
            links.any(|link| link.link.silent_for() <= limit)
        };
        let mut some = false;
        for cluster in &self.clusters {
            some = true;
            if cluster.iter().any(heard) {
                return false;
            }
        }
        some
    }

    /// A copy of the entries of a cluster's sessions.
    pub(crate) fn of_cluster(&self, cluster: &ClusterName) -> Vec<Registered> {
        let sessions = self.clusters.get(cluster);
        sessions.map_or_else(Vec::new, |sessions| sessions.clone())
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
    /// That of the newest link. A session without links is removed with its last.
    pub(crate) fn login(&self) -> &AgentLogin {
        &self.links[self.links.len() - 1].login
    }

    /// Has a further link go by the session's token, or the session by the link's
    /// if that ends later: then all of them are renewed together.
    fn share_token(&self, link: &mut RegisteredLink) {
        let tokens = self.links.iter().map(|of| &of.login);
        let shared = tokens.filter_map(|login| match login {
            AgentLogin::Token(token) => Some(token),
            AgentLogin::Certificate(_) => None,
        });
        if let AgentLogin::Token(own) = &mut link.login
            && let Some(shared) = shared.into_iter().next()
        {
            shared.take_later(own);
            *own = shared.clone();
        }
    }

    pub(crate) fn info(&self) -> SessionInfo {
        let login = self.login();
        let identity = login.identity();
        let newest = &self.links[self.links.len() - 1];
        SessionInfo {
            id: self.id,
            cluster: identity.cluster.clone(),
            agent: identity.agent.clone(),
            agent_version: newest.link.peer().software_version.clone(),
            serial: login.serial().to_owned(),
            authority: login.authority().to_owned(),
            connected_since: self.since,
            links: self.links.iter().map(RegisteredLink::info).collect(),
        }
    }
}

impl RegisteredLink {
    fn info(&self) -> LinkInfo {
        let stats = self.link.stats();
        LinkInfo {
            connected_since: self.since,
            carrier: self.link.carrier().name(),
            remote: self.remote,
            streams: stats.open_streams,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
        }
    }
}
