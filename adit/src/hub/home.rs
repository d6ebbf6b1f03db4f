//! Where the hub's objects live, which is one choice: in an API server of its
//! own, or in a Kubernetes cluster. What differs by it is here; the rest of the
//! hub has clients and cannot tell.

use std::path::PathBuf;
use std::sync::Arc;

use apiserver::{ApiServer, Driver};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use gateway::{FrontProxies, SubjectAccess, TokenReviews, Tokens};
use kube::Client;
use proto::HubApiServer;
use proxy_server::HubTargets;
use store::{Embedded, Store as _, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::agent_streams::AgentStreams;
use super::agent_tokens::AgentTokens;
use super::api::{HubApi, HubApiError};
use super::backup::StoreBackup;
use super::bootstrap_tokens::BootstrapTokens;
use super::endpoints::ApiFace;
use super::known::Known;
use super::kubernetes::{
    Accepted, Aggregated, AnyTokens, Kubernetes, KubernetesConfig, KubernetesError, SplicedStreams,
};
use super::membership::{Acceptance, OwnObjects};
use super::signing_files::SigningFiles;
use super::trust::ClientTrust;
use crate::addresses::Addresses;
use crate::data_dir::DataDir;

/// The choice.
#[derive(Clone, Debug)]
pub(crate) enum HomeConfig {
    /// In the data directory, behind an API server in this process.
    Own {
        /// Where requests to it are written down, if anywhere.
        audit_log: Option<PathBuf>,
    },
    /// In a Kubernetes cluster, behind its kube-apiserver.
    Kubernetes(KubernetesConfig),
}

/// What the choice is made with.
pub(super) struct HomeParts<'a> {
    pub(super) data: &'a DataDir,
    pub(super) addresses: &'a Addresses,
    pub(super) known: &'a Arc<Known>,
    pub(super) trust: Arc<ClientTrust>,
    pub(super) signing: &'a SigningFiles,
}

/// The API, and what is different about it.
pub(super) struct Home {
    server: ApiServer,
    driver: Driver,
    store: Arc<Embedded>,
    known: Arc<Known>,
    kubernetes: Option<Kubernetes>,
}

/// Why the hub has no API.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HomeError {
    #[error("the hub's own API cannot be served")]
    Own(#[from] HubApiError),
    #[error("the Kubernetes cluster cannot be the hub")]
    Kubernetes(#[from] KubernetesError),
    #[error("the hub's store cannot be read")]
    Store(#[source] StoreError),
}

/// What is to be done by one process at a time.
pub(super) type Work = Box<dyn Fn(CancellationToken) -> BoxFuture<'static, ()> + Send>;

impl HomeConfig {
    /// The name by which a Kubernetes cluster finds the hub.
    pub(super) fn in_cluster(&self) -> Option<String> {
        match self {
            Self::Own { .. } => None,
            Self::Kubernetes(config) => Some(config.service.host()),
        }
    }
}

impl Home {
    /// Has there what a hub needs.
    pub(super) async fn start(
        config: &HomeConfig,
        parts: HomeParts<'_>,
    ) -> Result<Self, HomeError> {
        let HomeParts {
            data,
            addresses,
            known,
            trust,
            signing,
        } = parts;
        let (api, kubernetes) = match config {
            HomeConfig::Own { audit_log } => {
                let audit_log = audit_log.as_deref();
                let api = HubApi::start(data, addresses, known.clone(), signing, audit_log);
                (api.await?, None)
            }
            HomeConfig::Kubernetes(config) => {
                let started = Kubernetes::start(config, addresses, trust, signing.root_ca());
                let (kubernetes, api) = Box::pin(started).await?;
                (api, Some(kubernetes))
            }
        };
        let HubApi {
            server,
            driver,
            store,
        } = api;
        Ok(Self {
            server,
            driver,
            store,
            known: known.clone(),
            kubernetes,
        })
    }

    /// A client for a part of the hub, where its objects live. In Kubernetes it
    /// may do what the hub may.
    pub(super) fn client(&self, name: &str) -> Client {
        match &self.kubernetes {
            None => self.server.client(super::api::part(name)),
            Some(kubernetes) => kubernetes.client(),
        }
    }

    /// A client that writes ClusterGateways, which others only read.
    pub(super) fn keeper(&self, name: &str) -> Client {
        self.server.keeper(super::api::part(name))
    }

    /// Who says which clusters are accepted.
    pub(super) fn acceptance(&self) -> Arc<dyn Acceptance> {
        match &self.kubernetes {
            None => Arc::new(OwnObjects::new(self.server.objects())),
            Some(kubernetes) => kubernetes.accepted(),
        }
    }

    /// Whoever has to be told of all ManagedClusters to say so.
    pub(super) fn accepted(&self) -> Option<Arc<Accepted>> {
        self.kubernetes.as_ref().map(Kubernetes::accepted)
    }

    /// What agents' streams to the hub lead to.
    pub(super) fn agent_streams(&self) -> Arc<dyn HubTargets> {
        match &self.kubernetes {
            None => {
                let tokens = BootstrapTokens::new(self.client("adit-join"));
                let agents = AgentTokens::new(self.client("adit-agents"));
                Arc::new(AgentStreams::new(self.server.clone(), tokens, agents))
            }
            Some(kubernetes) => {
                let tokens = TokenReviews::new(kubernetes.client());
                Arc::new(SplicedStreams::new(kubernetes.upstream(), tokens))
            }
        }
    }

    /// The server that those streams lead to, if it is not the hub itself.
    pub(super) fn hub_api_server(&self) -> Option<Arc<HubApiServer>> {
        let kubernetes = self.kubernetes.as_ref()?;
        Some(Arc::new(kubernetes.upstream().to_hub_api_server()))
    }

    /// Which life of the hub's objects this is, where that can be told.
    pub(super) async fn incarnation(&self) -> Result<Option<Arc<str>>, HomeError> {
        if self.kubernetes.is_some() {
            return Ok(None);
        }
        let stats = self.store.stats().await.map_err(HomeError::Store)?;
        Ok(Some(stats.incarnation.to_string().into()))
    }

    /// Who knows users by their tokens.
    pub(super) fn tokens(&self) -> Arc<dyn Tokens> {
        let reviews = TokenReviews::new(self.client("adit-gateway"));
        match &self.kubernetes {
            None => Arc::new(reviews),
            Some(_) => Arc::new(AnyTokens::new(self.known.clone(), reviews)),
        }
    }

    /// Who says what users may do.
    pub(super) fn access(&self) -> SubjectAccess {
        SubjectAccess::new(self.client("adit-gateway"))
    }

    /// Which servers may tell who asks.
    pub(super) fn front_proxies(&self) -> watch::Receiver<Option<Arc<FrontProxies>>> {
        match &self.kubernetes {
            None => watch::channel(None).1,
            Some(kubernetes) => kubernetes.front_proxies(),
        }
    }

    /// What answers requests for the API.
    pub(super) fn face(&self) -> ApiFace {
        match &self.kubernetes {
            None => ApiFace::Own(self.server.clone()),
            Some(kubernetes) => {
                let client = kubernetes.client();
                ApiFace::Aggregated(Aggregated::new(self.server.clone(), client))
            }
        }
    }

    /// What gives the backup of what the hub keeps itself.
    pub(super) fn backup(&self) -> Option<StoreBackup> {
        let keeps = self.kubernetes.is_none();
        keeps.then(|| StoreBackup::new(self.store.clone()))
    }

    /// The store, to be closed at the end.
    pub(super) fn store(&self) -> Arc<Embedded> {
        self.store.clone()
    }

    /// Serves until told to stop, and has the work done: at once where there is
    /// nobody else, or whenever it is this process's turn.
    pub(super) async fn run(self, access: SubjectAccess, work: Work, stop: CancellationToken) {
        let Some(kubernetes) = self.kubernetes else {
            let serve = async {
                tokio::select! {
                    () = self.driver.run() => {}
                    () = access.follow() => {}
                }
            };
            return both(serve.boxed(), work(stop.clone()), stop).await;
        };
        let leader = kubernetes.leader();
        let driver = self.driver.run_without_controllers();
        let serve = async {
            tokio::select! {
                () = driver => {}
                () = kubernetes.run() => {}
            }
        };
        let lead = leader.lead(stop.clone(), work);
        both(serve.boxed(), lead.boxed(), stop).await;
    }
}

/// Serves until told to stop, and then lets the work end. One that ends by
/// itself ends both.
async fn both(serve: BoxFuture<'_, ()>, mut work: BoxFuture<'_, ()>, stop: CancellationToken) {
    tokio::select! {
        served = stop.run_until_cancelled(serve) => {
            if served.is_none() {
                work.await;
            }
        }
        () = &mut work => {}
    }
}
