//! `adit unjoin`: makes a cluster forget its hub.

use std::path::PathBuf;

use anyhow::Context as _;
use proxy_agent::ApiServer;
use registration::agent::install::uninstall;
use registration::agent::{CredentialFolder, CredentialStore as _};

use crate::output;

/// Remove from a cluster what joining a hub has put there
///
/// To be run in or beside the managed cluster when its agent has stopped. While
/// it still has what the hub's works have made, it refuses: `adit detach` on
/// the hub has the agent remove that first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  adit unjoin --kubeconfig ~/.kube/config")]
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
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let api = match &args.kubeconfig {
        Some(path) => ApiServer::from_kubeconfig(path, args.context.as_deref())
            .await
            .with_context(|| format!("cannot use {}", path.display()))?,
        None => ApiServer::in_cluster()?,
    };
    let store = CredentialFolder::new(args.state_dir);
    let stored = store.load().await?;
    let cluster = stored
        .cluster
        .map_or_else(|| "the cluster".to_owned(), |name| name.to_string());
    uninstall(&api.client()).await?;
    store.clear().await?;
    output::line(&format!(
        "{cluster} has left its hub; `adit detach {cluster}` there makes the hub forget it"
    ))?;
    Ok(())
}
