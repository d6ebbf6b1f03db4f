//! `adit unjoin`: makes a cluster forget its hub.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use kube::Client;
use proxy_agent::ApiServer;
use registration::agent::install::{InstallError, NAMESPACE, uninstall};
use registration::agent::{CredentialFolder, CredentialSecret, CredentialStore, Stored};
use work::agent::{clear, hub_hash};

use crate::output;

/// Remove from a cluster what joining a hub has put there
///
/// To be run in or beside the managed cluster when its agent has stopped; a
/// Deployment's goes with the rest. While there is still what the hub's works
/// have made, it refuses: `adit detach` on the hub has the agent remove that
/// first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit unjoin --kubeconfig ~/.kube/config
  adit unjoin --kubeconfig ~/.kube/config --force
      When the hub is gone, or has detached the cluster by force.")]
pub(crate) struct Args {
    /// The folder that `adit join` was given
    #[arg(
        long,
        env = "ADIT_STATE_DIR",
        value_name = "DIR",
        default_value = "/var/lib/adit-agent"
    )]
    state_dir: PathBuf,

    /// How to reach the cluster's API server; default: as a pod of the cluster
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of --kubeconfig to use; default: its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,

    /// Delete what the hub's works have made as well, without asking the hub
    #[arg(long)]
    force: bool,
}

/// How long what works have made may take to be gone.
const GOING: Duration = Duration::from_secs(120);

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let api = match &args.kubeconfig {
        Some(path) => ApiServer::from_kubeconfig(path, args.context.as_deref())
            .await
            .with_context(|| format!("cannot use {}", path.display()))?,
        None => ApiServer::in_cluster()?,
    };
    let managed = api.client();
    let folder = CredentialFolder::new(args.state_dir);
    let stored = stored(&folder, &managed).await?;
    if args.force {
        let hub = stored.endpoint.map(|hub| hub_hash(&hub.server));
        let cleared = Box::pin(clear(&managed, hub.as_deref(), GOING)).await?;
        if cleared > 0 {
            output::line(&format!("deleted what {cleared} works had made"))?;
        }
    }
    match uninstall(&managed).await {
        Err(error @ InstallError::AppliedWorks(_)) => {
            return Err(error).context("--force deletes them if the hub cannot");
        }
        done => done?,
    }
    folder.clear().await?;
    let cluster = stored.cluster.map(|name| name.to_string());
    output::line(&match cluster {
        Some(name) => format!(
            "{name} has left its hub; if it was not detached there, `adit detach {name}` makes \
             the hub forget it"
        ),
        None => "the cluster has left its hub".to_owned(),
    })?;
    Ok(())
}

/// What an agent has kept in the folder, or a pod in its Secret.
async fn stored(folder: &CredentialFolder, managed: &Client) -> anyhow::Result<Stored> {
    let stored = folder.load().await?;
    if stored.cluster.is_some() {
        return Ok(stored);
    }
    let secret = CredentialSecret::new(managed.clone(), NAMESPACE);
    // Whoever may not look there may still remove it.
    Ok(secret.load().await.unwrap_or(stored))
}
