//! Streams to `kube-apiserver`: one HTTP/1.1 exchange each, forwarded with the
//! agent's own credential.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::config::{InClusterError, KubeconfigError};
use tokio::task::{JoinError, spawn_blocking};

mod base;
mod client;
mod connector;
mod credential;
mod exchange;
mod failure;
mod forward;
mod head;
mod kubeconfig;
mod pool;

use base::BaseUrl;
pub use base::BaseUrlError;
use connector::Connector;
use credential::Credential;
pub use credential::CredentialError;
pub(crate) use exchange::serve;
pub use kubeconfig::KubeconfigFormError;
use pool::Pool;

/// The API server of an agent's cluster, and how the agent is known to it.
///
/// Clones share one pool of connections.
#[derive(Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
}

struct Shared {
    base: BaseUrl,
    credential: Credential,
    pool: Pool,
}

/// Why an API server cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiServerError {
    /// The preparation was given up.
    #[error("the preparation was given up")]
    Aborted(#[source] JoinError),
    /// Its URL is none that can be connected to.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    /// The kubeconfig cannot be read, or lacks something.
    #[error("the kubeconfig {} cannot be used", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<KubeconfigError>,
    },
    /// The kubeconfig is none.
    #[error("{} cannot be read as a kubeconfig", path.display())]
    KubeconfigForm {
        /// The file.
        path: PathBuf,
        /// Where it is none.
        source: KubeconfigFormError,
    },
    /// The agent's credential cannot be used.
    #[error("the credential cannot be used")]
    Credential(#[from] CredentialError),
    /// The kubeconfig says as whom to act, which is up to each request.
    #[error(
        "the kubeconfig impersonates a user (as, as-uid, as-groups, as-user-extra), \
         but every request from the hub says itself as whom it is made: \
         use a kubeconfig without it"
    )]
    Impersonates,
    /// This process runs in no pod, or without a service account.
    #[error("this is no pod with a service account")]
    InCluster(#[source] Box<InClusterError>),
    /// The kubeconfig names a proxy.
    #[error(
        "the kubeconfig names a proxy (proxy-url) on the way to the API server, \
             which the agent cannot use"
    )]
    Proxy,
    /// The certificates or the key for TLS cannot be used.
    #[error("the certificates or the key towards the API server cannot be used")]
    Tls(#[source] Box<kube::Error>),
}

impl ApiServer {
    /// Uses a context of a kubeconfig file, its current one if none is named.
    ///
    /// Certificates, tokens, token files and exec plugins are understood; a
    /// plugin is run once before this returns, however long it takes. Later a
    /// request waits for it for at most 30 s.
    pub async fn from_kubeconfig(
        path: &Path,
        context: Option<&str>,
    ) -> Result<Self, ApiServerError> {
        let config = kubeconfig::read(path, context).await?;
        spawn_blocking(|| Self::from_kube_config(config))
            .await
            .map_err(ApiServerError::Aborted)?
    }

    /// Uses the service account of the pod that this process runs in.
    ///
    /// Its token and its authority are read again as they rotate.
    pub fn in_cluster() -> Result<Self, ApiServerError> {
        let config = kube::Config::incluster()
            .map_err(|source| ApiServerError::InCluster(Box::new(source)))?;
        Self::from_kube_config(config)
    }

    /// Uses a configuration made elsewhere. Its extra headers and timeouts are
    /// not used: what a request says is up to the hub's caller. Blocks while
    /// an exec plugin runs.
    pub fn from_kube_config(config: kube::Config) -> Result<Self, ApiServerError> {
        let auth = &config.auth_info;
        let impersonates = auth.impersonate.is_some()
            || auth.impersonate_uid.is_some()
            || auth.impersonate_groups.is_some()
            || auth.impersonate_user_extra.is_some();
        if impersonates {
            return Err(ApiServerError::Impersonates);
        }
        if config.proxy_url.is_some() {
            return Err(ApiServerError::Proxy);
        }
        let base = BaseUrl::new(&config.cluster_url)?;
        let credential = Credential::new(&config)?;
        let connector =
            Connector::new(&config).map_err(|source| ApiServerError::Tls(Box::new(source)))?;
        let shared = Shared {
            pool: Pool::new(connector, base.server()),
            base,
            credential,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer")
            .field("base", &self.shared.base)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.base.fmt(f)
    }
}
