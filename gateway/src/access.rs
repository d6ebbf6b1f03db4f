//! Who may reach what in which cluster: the one question the gateway asks.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::{Permission, User};

/// Decides which user may reach what in which cluster.
///
/// It is asked once for every request and connection, before anything is said about the
/// cluster.
pub trait Access: Debug + Send + Sync + 'static {
    /// Whether the user has the permission. Deny when in doubt.
    fn allows<'a>(
        &'a self,
        user: &'a User,
        permission: &'a Permission,
    ) -> BoxFuture<'a, Result<Decision, ReviewError>>;
}

/// The answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The request goes on.
    Allow,
    /// The request ends here.
    Deny,
}

/// Why it cannot be told who somebody is, or what he may do. Nobody is let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// The hub's API has answered with an error, or not at all.
    #[error("the hub's API cannot answer: {0}")]
    Api(#[from] Box<kube::Error>),
    /// The hub's API has not answered in time.
    #[error("the hub's API has not answered within {0:?}")]
    Late(Duration),
}
