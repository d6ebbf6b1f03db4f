use std::time::Duration;

use proto::{AgentName, ClusterName};
use tunnel::{AttachError, CloseReason, HandshakeError, OpenError};

use crate::{AdmissionError, CertificateError, ReviewError, TooOften};

/// Why a target in a cluster was not reached.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// No agent of the cluster is connected.
    #[error("cluster {cluster} is known, but no agent of it is connected to this hub")]
    NotConnected {
        /// The cluster.
        cluster: ClusterName,
    },
    /// The agent, or the tunnel to it, did not open the stream.
    #[error("cluster {cluster}, agent {agent}: {source}")]
    Open {
        /// The cluster.
        cluster: ClusterName,
        /// The agent that was asked.
        agent: AgentName,
        /// What it said.
        source: OpenError,
    },
    /// The agent did not answer in time.
    #[error("cluster {cluster}, agent {agent}: no answer within {after:?}")]
    TimedOut {
        /// The cluster.
        cluster: ClusterName,
        /// The agent that was asked.
        agent: AgentName,
        /// How long it was waited for.
        after: Duration,
    },
    /// The hub opens no more streams for the moment.
    #[error(transparent)]
    TooOften(#[from] TooOften),
    /// The cluster is not known here.
    #[error("cluster {cluster} is not known to this hub")]
    UnknownCluster {
        /// The cluster.
        cluster: ClusterName,
    },
}

/// Why an agent's connection was not served, or how its session ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The agent is not let in.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The certificate is no agent's.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The hub stops.
    #[error("the hub is draining")]
    Draining,
    /// As many sessions as are allowed.
    #[error("the hub has {limit} sessions, the most it may have")]
    Full {
        /// The limit reached.
        limit: usize,
    },
    /// No session came about.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// As many are joining as may at once.
    #[error("{limit} agents are joining now, the most that may; try again later")]
    JoinsFull {
        /// The limit reached.
        limit: usize,
    },
    /// Nobody can join here.
    #[error("this hub lets nobody join with a token")]
    NoJoining,
    /// The agent's session takes no further link.
    #[error(transparent)]
    Link(#[from] AttachError),
    /// The token is not good.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// The session ended otherwise than by being drained.
    #[error("{0}")]
    Session(CloseReason),
}
