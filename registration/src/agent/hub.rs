//! How an agent reaches its hub.

use std::fmt;

use futures_util::future::BoxFuture;
use kube::Client;
use proto::{AgentIdentity, ClusterName};
use secrecy::SecretString;
use tokio::sync::watch;

use super::{Credential, HubEndpoint};

/// An agent's way to its hub: over a tunnel, or straight to an API server.
pub trait HubAccess: fmt::Debug + Send + Sync {
    /// Where the hub is, as whoever set the agent up has it. When that
    /// changes, the agent joins anew.
    fn endpoint(&self) -> watch::Receiver<HubEndpoint>;

    /// The hub is trusted by other authorities from now on, and this is kept:
    /// the same as [`Self::endpoint`] but for them.
    fn trust(&self, endpoint: HubEndpoint);

    /// Where the hub tells its authorities, asked for once there is a client by
    /// [`Self::enter`]; by default where an API server tells its own. The way
    /// may lead to an API server that has others than the hub.
    fn told_authorities<'a>(&'a self, cluster: &'a ClusterName) -> BoxFuture<'a, ToldAuthorities> {
        Box::pin(async { ToldAuthorities::of_api_server(cluster) })
    }

    /// A client that may do what a cluster needs to join, and no more.
    fn bootstrap(&self) -> BoxFuture<'_, Result<Client, HubAccessError>>;

    /// The first token of an agent that registers by token; by default there is
    /// none this way. The cluster is accepted by then.
    fn first_token<'a>(
        &'a self,
        _asked: &'a FirstToken<'a>,
    ) -> BoxFuture<'a, Result<SecretString, HubAccessError>> {
        Box::pin(async { Err(HubAccessError("nobody gives tokens there".into())) })
    }

    /// A client that speaks as the agent; asked for at the start and whenever
    /// the credential is new. From now on everything else that the agent does
    /// with the hub is to go by this credential too.
    fn enter<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Client, HubAccessError>>;
}

/// The ConfigMap that has a hub's authorities in its `ca.crt`, PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToldAuthorities {
    /// The ConfigMap's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ToldAuthorities {
    /// Where an API server tells every namespace whom to trust it by.
    #[must_use]
    pub fn of_api_server(cluster: &ClusterName) -> Self {
        Self {
            namespace: cluster.to_string(),
            name: "kube-root-ca.crt".to_owned(),
        }
    }
}

/// What an agent's first token is asked for with.
#[derive(Clone, Copy, Debug)]
pub struct FirstToken<'a> {
    /// Whose it is to be.
    pub identity: &'a AgentIdentity,
    /// The secret of which the ManagedCluster has the hash.
    pub claim: &'a SecretString,
    /// For how long it is to be good; the hub may say otherwise.
    pub expiration_seconds: i64,
}

/// Why there is no way to the hub. It is tried again.
#[derive(Debug, thiserror::Error)]
#[error("the hub cannot be reached")]
pub struct HubAccessError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
