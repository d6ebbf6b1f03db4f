//! What the demo's clusters are: the user's, Kubernetes' own programs, or API
//! servers in this process.

use std::path::{Path, PathBuf};

use proto::ClusterName;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::peers::Peers;
use super::progress::step;
use super::{DemoConfig, OWN_CLUSTERS, UserCluster, cluster_folder, embedded};

/// A cluster that is not started yet.
#[derive(Debug)]
pub(super) enum Backend {
    /// Kubernetes' own programs, started as child processes.
    Peer {
        name: ClusterName,
        programs: Peers,
        folder: PathBuf,
    },
    /// An API server in this process.
    Embedded { name: ClusterName, folder: PathBuf },
    /// A cluster that runs already.
    User(UserCluster),
}

/// How an agent reaches the API server of a cluster that runs.
#[derive(Debug)]
pub(super) struct ClusterAccess {
    pub(super) name: ClusterName,
    pub(super) kubeconfig: PathBuf,
    pub(super) context: Option<String>,
}

impl Backend {
    /// Takes the user's clusters, else real ones if their programs are there,
    /// else API servers in this process.
    pub(super) fn choose(config: &DemoConfig, folder: &Path) -> anyhow::Result<Vec<Self>> {
        if !config.clusters.is_empty() {
            return Ok(config.clusters.iter().cloned().map(Self::User).collect());
        }
        let programs = config.peers.as_deref().map(Peers::find).transpose()?;
        let own = |name: &str| {
            let name: ClusterName = name.parse()?;
            let folder = cluster_folder(folder, &name)?;
            Ok(match &programs {
                Some(programs) => Self::Peer {
                    name,
                    programs: programs.clone(),
                    folder,
                },
                None => Self::Embedded { name, folder },
            })
        };
        OWN_CLUSTERS.into_iter().map(own).collect()
    }

    pub(super) fn name(&self) -> &ClusterName {
        match self {
            Self::Peer { name, .. } | Self::Embedded { name, .. } => name,
            Self::User(cluster) => &cluster.name,
        }
    }

    /// Starts the clusters, one after the other; what runs for them is in `tasks` and
    /// ends with `stop`.
    pub(super) async fn start_all(
        backends: Vec<Self>,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Vec<ClusterAccess>> {
        let mut started = Vec::new();
        for backend in backends {
            let text = backend.starting();
            started.push(step(&text, backend.start(tasks, stop)).await?);
        }
        Ok(started)
    }

    fn starting(&self) -> String {
        match self {
            Self::Peer { name, .. } => format!("Starting {name}: etcd and kube-apiserver"),
            Self::Embedded { name, .. } => format!("Starting {name}: an API server of Adit's own"),
            Self::User(cluster) => {
                format!("Using {}: {}", cluster.name, cluster.kubeconfig.display())
            }
        }
    }

    async fn start(
        self,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: &CancellationToken,
    ) -> anyhow::Result<ClusterAccess> {
        let (name, kubeconfig, context) = match self {
            Self::Peer {
                name,
                programs,
                folder,
            } => {
                let kubeconfig = Box::pin(programs.start(folder, tasks, stop.clone())).await?;
                (name, kubeconfig, None)
            }
            Self::Embedded { name, folder } => {
                let kubeconfig =
                    Box::pin(embedded::start(&name, &folder, tasks, stop.clone())).await?;
                (name, kubeconfig, None)
            }
            Self::User(cluster) => (cluster.name, cluster.kubeconfig, cluster.context),
        };
        Ok(ClusterAccess {
            name,
            kubeconfig,
            context,
        })
    }
}
