//! Whom the commands ask that may go to any hub: one on this machine, or one
//! that a kubeconfig leads to.

use std::path::PathBuf;

use kube::Client;

use crate::data_dir::DataDir;
use crate::hub_client;

/// Where the hub is, and as whom it is asked.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct HubLogin {
    /// The data directory of a hub on this machine, as its administrator
    #[arg(long, env = "ADIT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// A kubeconfig for the hub, or for a Kubernetes cluster that is one; goes before --data-dir
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// A context of the kubeconfig; default: its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
}

impl HubLogin {
    /// The hub's data directory, if it is this machine's.
    pub(crate) fn data(&self) -> anyhow::Result<Option<DataDir>> {
        match (&self.kubeconfig, &self.data_dir) {
            (None, Some(root)) => Ok(Some(DataDir::open(root)?)),
            _ => Ok(None),
        }
    }

    /// A client of the hub's API. It connects when it is asked for something.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        match (&self.kubeconfig, self.data()?) {
            (Some(path), _) => hub_client::of(path, self.context.clone()).await,
            (None, Some(data)) => hub_client::administrator(&data).await,
            (None, None) => anyhow::bail!("--data-dir or --kubeconfig is needed"),
        }
    }
}
