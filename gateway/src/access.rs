//! Who may reach what in which cluster: the one question the gateway asks.

use std::fmt::Debug;

use http::Method;
use proto::ClusterName;

use crate::{DialTarget, ServiceTarget, User};

/// Decides which user may reach what in which cluster.
///
/// It is asked once for every request and connection, before anything is said about the
/// cluster, so it answers from memory.
pub trait Access: Debug + Send + Sync + 'static {
    /// Whether the request may go on. Deny when in doubt.
    fn allows(&self, request: &AccessRequest<'_>) -> Decision;
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    /// Who asks.
    pub user: &'a User,
    /// The managed cluster.
    pub cluster: &'a ClusterName,
    /// What he wants there.
    pub ask: Ask<'a>,
}

/// What a user wants in a cluster.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Ask<'a> {
    /// A TCP connection to a host and port, as the cluster's agent sees them.
    Connect(&'a DialTarget),
    /// A request to the cluster's API server, which decides by the user's
    /// rights there what it does.
    Request {
        /// The HTTP method.
        method: &'a Method,
        /// The segments of the path in the managed cluster, percent-decoded.
        /// The path is sent as it was written; these are what it means.
        segments: &'a [String],
    },
    /// A request to a Service of the cluster, which knows nothing of the user's
    /// rights there.
    Service {
        /// The Service and its port.
        service: &'a ServiceTarget,
        /// The HTTP method.
        method: &'a Method,
        /// As in [`Self::Request`], from `api` on: `proxy-service` is the
        /// seventh, and the Service's own path stands behind it.
        segments: &'a [String],
    },
}

/// The answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The request goes on.
    Allow,
    /// The request ends here.
    Deny,
}
