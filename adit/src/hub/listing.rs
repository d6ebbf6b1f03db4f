//! What `GET /sessions` answers and `adit clusters` shows. Where a Kubernetes
//! cluster is the hub, its aggregation layer leads to the same by a path of its own.

use std::net::SocketAddr;

use proto::ClusterName;
use proxy_server::{LinkInfo, SessionInfo, StreamOfSession};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

/// Where a Kubernetes cluster that is a hub tells it.
pub(crate) const AGGREGATED_SESSIONS: &str = "/apis/cluster.core.oam.dev/v1alpha1/sessions";

/// All known clusters, by name.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Listing {
    pub(crate) clusters: Vec<ClusterListing>,
}

/// One known cluster; without a session it is not connected.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ClusterListing {
    pub(crate) name: String,
    pub(crate) sessions: Vec<SessionListing>,
}

/// One session of an agent.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionListing {
    pub(crate) id: u64,
    pub(crate) agent: String,
    pub(crate) agent_version: String,
    #[serde(with = "rfc3339")]
    pub(crate) connected_since: OffsetDateTime,
    /// Of the certificate, lower-case hexadecimal.
    pub(crate) serial: String,
    /// Who signed it. A hub of an earlier release does not tell.
    #[serde(default)]
    pub(crate) authority: String,
    /// Open now.
    pub(crate) streams: u64,
    /// Received from the agent on the links below, framing included.
    pub(crate) bytes_in: u64,
    /// Sent to the agent on the links below, framing included.
    pub(crate) bytes_out: u64,
    /// At least one, oldest first.
    pub(crate) links: Vec<LinkListing>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkListing {
    pub(crate) carrier: String,
    #[serde(with = "rfc3339")]
    pub(crate) connected_since: OffsetDateTime,
    pub(crate) remote: SocketAddr,
    /// Open now.
    pub(crate) streams: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

/// The open streams of a cluster.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StreamsListing {
    pub(crate) cluster: String,
    /// Link by link, oldest first.
    pub(crate) streams: Vec<StreamListing>,
    /// Whether there are more than are listed.
    pub(crate) more: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamListing {
    pub(crate) session: u64,
    pub(crate) agent: String,
    /// Empty until it is known.
    pub(crate) target: String,
    /// For whom it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    pub(crate) age_seconds: f64,
    /// Received from the agent and read.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// Received from the agent and not yet read.
    pub(crate) unread: u64,
}

impl StreamsListing {
    /// At most so many of the streams.
    pub(crate) fn new(cluster: &ClusterName, streams: Vec<StreamOfSession>, most: usize) -> Self {
        let more = streams.len() > most;
        Self {
            cluster: cluster.to_string(),
            streams: streams
                .into_iter()
                .take(most)
                .map(StreamListing::from)
                .collect(),
            more,
        }
    }
}

impl From<StreamOfSession> for StreamListing {
    fn from(of: StreamOfSession) -> Self {
        let stream = of.stream;
        Self {
            session: of.session.0,
            agent: of.agent.to_string(),
            target: stream
                .target
                .map(|target| target.to_string())
                .unwrap_or_default(),
            user: stream.user.as_deref().map(str::to_owned),
            age_seconds: stream.age.as_secs_f64(),
            bytes_in: stream.received,
            bytes_out: stream.sent,
            unread: stream.unread as u64,
        }
    }
}

impl Listing {
    /// Sorts the sessions under the clusters they belong to.
    pub(crate) fn new(mut known: Vec<ClusterName>, sessions: Vec<SessionInfo>) -> Self {
        known.sort_unstable();
        known.dedup();
        let empty = |name: &ClusterName| ClusterListing {
            name: name.to_string(),
            sessions: Vec::new(),
        };
        let mut clusters: Vec<_> = known.iter().map(empty).collect();
        for session in sessions {
            if let Ok(index) = known.binary_search(&session.cluster) {
                clusters[index].sessions.push(SessionListing::from(session));
            }
        }
        for cluster in &mut clusters {
            cluster
                .sessions
                .sort_by(|a, b| (&a.agent, a.id).cmp(&(&b.agent, b.id)));
        }
        Self { clusters }
    }
}

impl From<SessionInfo> for SessionListing {
    fn from(session: SessionInfo) -> Self {
        let (streams, bytes_in, bytes_out) =
            (session.streams(), session.bytes_in(), session.bytes_out());
        Self {
            id: session.id.0,
            agent: session.agent.to_string(),
            agent_version: session.agent_version,
            connected_since: session.connected_since.into(),
            streams: streams as u64,
            bytes_in,
            bytes_out,
            serial: session.serial,
            authority: session.authority,
            links: session.links.into_iter().map(LinkListing::from).collect(),
        }
    }
}

impl From<LinkInfo> for LinkListing {
    fn from(link: LinkInfo) -> Self {
        Self {
            carrier: link.carrier.to_owned(),
            connected_since: link.connected_since.into(),
            remote: link.remote,
            streams: link.streams as u64,
            bytes_in: link.bytes_in,
            bytes_out: link.bytes_out,
        }
    }
}
