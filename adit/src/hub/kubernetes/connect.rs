//! The way to the cluster that is the hub.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use proto::HubApiServer;
use rustls_pki_types::CertificateDer;
use tokio::time::timeout;

use super::KubernetesConfig;

/// Where the cluster's API server is, for whoever speaks TLS to it himself.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Upstream {
    pub(super) host: String,
    pub(super) port: u16,
    /// The name that its certificate is for.
    pub(super) server_name: String,
    /// Who verifies it, DER.
    pub(super) authorities: Vec<CertificateDer<'static>>,
}

impl Upstream {
    /// As agents are told of it.
    pub(in crate::hub) fn to_hub_api_server(&self) -> HubApiServer {
        let authorities = self.authorities.iter();
        HubApiServer {
            server_name: self.server_name.clone(),
            authorities: authorities.map(|der| Bytes::copy_from_slice(der)).collect(),
        }
    }
}

/// Why there is no way to the cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the kubeconfig {path} cannot be used", path = path.display())]
    Kubeconfig {
        path: PathBuf,
        source: KubeconfigError,
    },
    #[error("the kubeconfig {path} cannot be used", path = path.display())]
    Client { path: PathBuf, source: kube::Error },
    #[error("the Kubernetes cluster at {url} does not answer")]
    Unreachable { url: String, source: kube::Error },
    #[error("the Kubernetes cluster at {url} has not answered within {} s", LIMIT.as_secs())]
    Late { url: String },
    #[error(
        "the kubeconfig {path} says nothing of the certificates of its cluster, or trusts any: \
         agents need certificate-authority to know it by",
        path = path.display()
    )]
    NoAuthority { path: PathBuf },
    #[error("{url:?} is no URL https://HOST[:PORT] of a Kubernetes cluster")]
    Url { url: String },
}

/// How long the cluster may take for its first answer.
const LIMIT: Duration = Duration::from_secs(30);
const HTTPS: u16 = 443;

/// Connects as the kubeconfig's user. It is tried once: whoever starts a hub
/// sees to it that it is started again.
pub(super) async fn connect(of: &KubernetesConfig) -> Result<(Client, Upstream), ConnectError> {
    let path = &of.kubeconfig;
    let failed = |source| ConnectError::Kubeconfig {
        path: path.clone(),
        source,
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
    let options = KubeConfigOptions {
        context: of.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let config = config.map_err(failed)?;
    let upstream = upstream(of, &config)?;
    let url = config.cluster_url.to_string();
    let client = Client::try_from(config).map_err(|source| ConnectError::Client {
        path: path.clone(),
        source,
    })?;
    match timeout(LIMIT, client.apiserver_version()).await {
        Ok(Ok(version)) => {
            tracing::info!(
                url,
                version = version.git_version,
                "the hub is a Kubernetes cluster"
            );
            Ok((client, upstream))
        }
        Ok(Err(source)) => Err(ConnectError::Unreachable { url, source }),
        Err(_) => Err(ConnectError::Late { url }),
    }
}

fn upstream(of: &KubernetesConfig, config: &Config) -> Result<Upstream, ConnectError> {
    let url = &config.cluster_url;
    let not = || ConnectError::Url {
        url: url.to_string(),
    };
    let host = url.host().filter(|_| url.scheme_str() == Some("https"));
    let host = host.ok_or_else(not)?;
    // An IPv6 address stands in brackets there alone.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let authorities = config.root_cert.clone().unwrap_or_default();
    if authorities.is_empty() || config.accept_invalid_certs {
        return Err(ConnectError::NoAuthority {
            path: of.kubeconfig.clone(),
        });
    }
    Ok(Upstream {
        host: host.to_owned(),
        port: url.port_u16().unwrap_or(HTTPS),
        server_name: config
            .tls_server_name
            .clone()
            .unwrap_or_else(|| host.to_owned()),
        authorities: authorities.into_iter().map(CertificateDer::from).collect(),
    })
}
