//! The handshake: the cluster asks, people on the hub decide.

use std::convert::Infallible;

use api::types::cluster::ManagedCluster;
use futures_util::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use proto::{AgentIdentity, ClusterName};
use tokio::sync::watch;
use tokio::time::sleep;

use super::hub::HubAccessError;
use super::managed_cluster::{self, is_accepted};
use super::pace::jittered;
use super::refusal::answered_to_watch;
use super::request::{Request, RequestError};
use super::state::{Missing, State};
use super::store::{CredentialStore, StoreError};
use super::validity::Invalid;
use super::{ClusterDescription, Credential, HubEndpoint, Pace};

/// Why a cluster has not joined. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum JoinError {
    #[error(
        "the hub does not take the cluster {cluster}; if its bootstrap token is over, get \
         another with `adit token` on the hub"
    )]
    Cluster {
        cluster: ClusterName,
        source: kube::Error,
    },
    #[error(transparent)]
    Hub(#[from] HubAccessError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the hub's token is of no use")]
    Token(#[from] Invalid),
}

/// One attempt to join.
pub(super) struct Joining<'a> {
    /// As who bootstraps.
    pub(super) hub: Client,
    pub(super) identity: &'a AgentIdentity,
    pub(super) endpoint: &'a HubEndpoint,
    pub(super) description: &'a ClusterDescription,
    pub(super) expiration_seconds: Option<i32>,
    pub(super) store: &'a dyn CredentialStore,
    pub(super) state: &'a watch::Sender<State>,
    pub(super) pace: &'a Pace,
}

impl Joining<'_> {
    /// Tells the hub of the cluster, asks for a certificate, and waits for it
    /// and for acceptance, which come in either order. The certificate is
    /// stored as soon as it is there.
    pub(super) async fn run(&self) -> Result<Credential, JoinError> {
        self.tell(State::Registering {
            identity: self.identity.clone(),
        });
        self.sync().await?;
        let request = Request::create(&self.hub, self.identity, self.expiration_seconds).await?;
        let name = request.name().to_owned();
        self.wait_for(Missing::Both {
            request: name.clone(),
        });
        let credential = tokio::select! {
            signed = Box::pin(request.signed(self.identity, self.endpoint)) => signed?,
            never = Box::pin(self.meanwhile(&name)) => match never {},
        };
        self.store.save(&credential.to_stored()).await?;
        self.wait_for(Missing::Acceptance);
        self.accepted().await;
        Ok(credential)
    }

    pub(super) async fn sync(&self) -> Result<(), JoinError> {
        let cluster = &self.identity.cluster;
        let synced = managed_cluster::sync(&self.hub, cluster, self.description).await;
        synced.map_err(|source| JoinError::Cluster {
            cluster: cluster.clone(),
            source,
        })
    }

    /// While the request waits: says whether the cluster is accepted, and sees
    /// to it that the hub knows of it.
    async fn meanwhile(&self, request: &str) -> Infallible {
        let resync = async {
            loop {
                sleep(jittered(self.pace.resync, 1.0)).await;
                if let Err(error) = self.sync().await {
                    tracing::warn!(%error, "the ManagedCluster is not brought up to date");
                }
            }
        };
        let follow = async {
            let changes = self.changes();
            let mut changes = std::pin::pin!(changes);
            while let Some(change) = changes.next().await {
                let Ok(Some(cluster)) = change else {
                    continue;
                };
                let request = request.to_owned();
                self.wait_for(if is_accepted(&cluster) {
                    Missing::Certificate { request }
                } else {
                    Missing::Both { request }
                });
            }
            std::future::pending().await
        };
        tokio::select! {
            never = resync => never,
            never = follow => never,
        }
    }

    /// Waits until the hub accepts the cluster; or until it says no more to who
    /// bootstraps, for the agent can go on by its certificate.
    pub(super) async fn accepted(&self) {
        let changes = self.changes();
        let mut changes = std::pin::pin!(changes);
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(cluster)) if is_accepted(&cluster) => return,
                Ok(_) => {}
                Err(error) if matches!(answered_to_watch(&error), Some(401 | 403)) => return,
                Err(error) => tracing::debug!(%error, "cannot follow the ManagedCluster"),
            }
        }
    }

    fn changes(
        &self,
    ) -> impl futures_util::Stream<Item = Result<Option<ManagedCluster>, watcher::Error>> + use<>
    {
        let clusters: Api<ManagedCluster> = Api::all(self.hub.clone());
        watcher::watch_object(clusters, self.identity.cluster.as_str()).default_backoff()
    }

    pub(super) fn wait_for(&self, missing: Missing) {
        self.tell(State::Waiting {
            identity: self.identity.clone(),
            missing,
        });
    }

    pub(super) fn tell(&self, state: State) {
        super::state::tell(self.state, state);
    }
}
