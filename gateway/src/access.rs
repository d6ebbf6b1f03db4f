//! Who may reach which cluster: the one question the gateway asks.

use std::fmt::Debug;

use http::Method;
use proto::ClusterName;

use crate::User;

/// Decides which user may reach which cluster.
///
/// It is asked once for every request, before anything is said about the
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
    /// The HTTP method.
    pub method: &'a Method,
    /// The segments of the path in the managed cluster, percent-decoded. The
    /// path is sent as it was written; these are what it means.
    pub segments: &'a [String],
}

/// The answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The request goes on.
    Allow,
    /// The request ends here.
    Deny,
}
