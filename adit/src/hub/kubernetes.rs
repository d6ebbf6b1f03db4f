//! A hub whose objects live in a Kubernetes cluster.
//!
//! That cluster's kube-apiserver keeps them and says who may do what, and its
//! aggregation layer leads users here. What the hub keeps itself is the
//! tunnel's keys, in the data directory; and in memory the ClusterGateways,
//! which are made of its sessions.

use std::path::PathBuf;
use std::sync::Arc;

use api::Catalogue;
use futures_util::FutureExt as _;
use gateway::FrontProxies;
use kube::Client;
use tokio::sync::watch;

use super::api::{HubApi, HubApiError};
use super::leader::Leader;
use super::trust::ClientTrust;
use crate::addresses::Addresses;

mod accepted;
mod aggregated;
mod api_service;
mod connect;
mod definitions;
mod extension;
mod needs;
mod publication;
mod service_name;
mod streams;
mod tokens;

pub(super) use accepted::Accepted;
pub(super) use aggregated::Aggregated;
pub(crate) use service_name::ServiceName;
pub(super) use streams::SplicedStreams;
pub(super) use tokens::AnyTokens;

use api_service::ApiService;
use connect::{ConnectError, Upstream};
use definitions::DefinitionsError;
use extension::{Extension, ExtensionError};
use needs::NeedsError;
use publication::Publication;

/// Which cluster is the hub.
#[derive(Clone, Debug)]
pub(crate) struct KubernetesConfig {
    pub(crate) kubeconfig: PathBuf,
    /// A context of it; without, its current one.
    pub(crate) context: Option<String>,
    /// By which Service the cluster reaches this process.
    pub(crate) service: ServiceName,
}

/// The cluster, and what is kept like it.
pub(super) struct Kubernetes {
    client: Client,
    upstream: Arc<Upstream>,
    accepted: Arc<Accepted>,
    extension: Extension,
    api_service: ApiService,
    publication: Publication,
    service: ServiceName,
}

/// Why a Kubernetes cluster is no hub.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubernetesError {
    #[error(transparent)]
    Api(#[from] HubApiError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Definitions(#[from] DefinitionsError),
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    #[error(transparent)]
    Needs(#[from] NeedsError),
    #[error("the clusters that have been accepted cannot be read from Kubernetes")]
    Clusters(#[source] kube::Error),
}

/// As whom the hub writes.
const MANAGER: &str = "adit-hub";
/// The group of ClusterGateways, the one that the hub itself answers for.
const GROUP: &str = "cluster.core.oam.dev";

impl Kubernetes {
    /// Connects, and has there what a hub needs. `root_ca` are the certificates
    /// that verify this hub, as they are now.
    pub(super) async fn start(
        config: &KubernetesConfig,
        addresses: &Addresses,
        trust: Arc<ClientTrust>,
        root_ca: watch::Receiver<Arc<str>>,
    ) -> Result<(Self, HubApi), KubernetesError> {
        let (client, upstream) = connect::connect(config).await?;
        let namespace = config.service.namespace();
        needs::check(&client, namespace).await?;
        let extension = Extension::start(client.clone(), trust).await?;
        let (definitions, gateways) = kinds();
        definitions::install(&client, definitions).await?;
        let accepted = Accepted::read(client.clone()).await;
        let accepted = accepted.map_err(KubernetesError::Clusters)?;
        let api = HubApi::in_memory(gateways).await?;
        let this = Self {
            publication: Publication::new(
                client.clone(),
                addresses.all().to_vec(),
                root_ca.clone(),
            ),
            api_service: ApiService::new(client.clone(), config.service.clone(), root_ca),
            service: config.service.clone(),
            upstream: Arc::new(upstream),
            accepted: Arc::new(accepted),
            extension,
            client,
        };
        Ok((this, api))
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(super) fn upstream(&self) -> Arc<Upstream> {
        self.upstream.clone()
    }

    pub(super) fn accepted(&self) -> Arc<Accepted> {
        self.accepted.clone()
    }

    pub(super) fn front_proxies(&self) -> watch::Receiver<Option<Arc<FrontProxies>>> {
        self.extension.front_proxies()
    }

    /// Whoever runs the controllers, one process at a time.
    pub(super) fn leader(&self) -> Leader {
        Leader::new(self.client(), self.service.namespace())
    }

    /// Keeps what is trusted and what is told like the cluster, until it is dropped.
    pub(super) async fn run(&self) {
        tokio::join!(
            self.extension.follow().boxed(),
            self.api_service.keep().boxed(),
            self.publication.keep().boxed(),
        );
    }
}

/// The definitions of what the cluster keeps, and the kinds that it does not.
fn kinds() -> (Vec<serde_json::Value>, Catalogue) {
    let all = api::all();
    let definitions = all.custom_resource_definitions();
    (definitions, all.of_group(GROUP))
}
