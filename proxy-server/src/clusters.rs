use proto::{AgentIdentity, ClusterName};

use crate::AgentCertificate;

/// What the hub knows of its managed clusters.
pub trait Clusters: Send + Sync + 'static {
    /// Whether a cluster of this name is known, connected or not.
    fn contains(&self, cluster: &ClusterName) -> bool;

    /// Decides whether an agent with this certificate may hold a session now.
    ///
    /// It is asked when a session begins, and again by
    /// [`ProxyServer::recheck`](crate::ProxyServer::recheck).
    fn admit(&self, certificate: &AgentCertificate) -> Result<(), AdmissionError>;

    /// The same for an agent whose token has been reviewed; by default none may.
    fn admit_token(&self, _identity: &AgentIdentity) -> Result<(), AdmissionError> {
        Err(AdmissionError::NotAccepted)
    }
}

/// Why an agent is not let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AdmissionError {
    /// The certificate has expired.
    #[error("the certificate has expired: issue new credentials for the cluster")]
    Expired,
    /// The hub's administrators have not accepted the cluster, or not any more.
    #[error(
        "the cluster is not accepted by this hub: `adit accept` sets hubAcceptsClient of its \
         ManagedCluster"
    )]
    NotAccepted,
    /// The certificate was revoked.
    #[error("the certificate was revoked: issue new credentials for the cluster")]
    Revoked,
    /// The token has expired.
    #[error("the token has expired; the agent renews it while it has a session")]
    TokenExpired,
    /// The cluster is not known here.
    #[error("the cluster is not known to this hub: issue credentials for it here")]
    UnknownCluster,
}
