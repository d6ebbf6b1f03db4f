//! `adit kubeconfig`: a kubeconfig for clusters behind the hub.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use api::types::cluster::ManagedCluster;
use kube::Api;
use proto::ClusterName;
use proxy_agent::HubAddress;

use super::{deliver, token};
use crate::clusters::ClusterRecord;
use crate::data_dir::{self, DataDir};
use crate::hub_client;
use crate::kubeconfig::{HubAccess, PathForm};
use crate::lifetime::Lifetime;

/// Write a kubeconfig with a context for each cluster
///
/// The contexts point at the hub. With --data-dir and --user a token is made
/// for that user; otherwise the login of the kubeconfig is used, which beside
/// the hub is the administrator's.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("source").required(true).multiple(true).args(["data_dir", "kubeconfig"])))]
pub(crate) struct Args {
    /// The clusters' names; the first becomes the current context
    #[arg(required = true, value_name = "CLUSTER")]
    clusters: Vec<ClusterName>,

    /// The hub's data directory, on the hub's machine
    #[arg(long, env = "ADIT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// A kubeconfig for the hub, such as its admin.kubeconfig; goes before --data-dir
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Make a bearer token for this user instead of using the administrator's certificate
    #[arg(
        long,
        value_name = "NAME",
        requires = "data_dir",
        conflicts_with = "kubeconfig"
    )]
    user: Option<String>,

    /// A group of --user; may be repeated
    #[arg(long = "group", value_name = "NAME", requires = "user")]
    groups: Vec<String>,

    /// How long the token of --user is good for
    #[arg(long, value_name = "TIME", default_value = "7d")]
    valid_for: Lifetime,

    /// Reach the hub at this address instead of the first it advertises
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<HubAddress>,

    /// The form of the clusters' paths
    #[arg(long, value_enum, default_value_t)]
    path: PathForm,

    /// Where to write it, mode 0600; default: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  adit kubeconfig edge-7 edge-8 --data-dir /var/lib/adit -o edges.kubeconfig
  adit kubeconfig edge-7 --data-dir /var/lib/adit --user alice --group dev
  adit kubeconfig edge-7 --kubeconfig admin.kubeconfig --path aggregated";

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let mut access = match (&args.data_dir, &args.kubeconfig) {
        (_, Some(path)) => read(path)?,
        (Some(root), None) => from_data_dir(&DataDir::open(root)?, &args).await?,
        (None, None) => anyhow::bail!("--data-dir or --kubeconfig is needed"),
    };
    if let Some(server) = &args.server {
        access.server = format!("https://{server}");
    }
    deliver(
        &access.for_clusters(&args.clusters, args.path)?,
        args.output.as_deref(),
    )
}

/// Reads the way to a hub from a kubeconfig.
pub(crate) fn read(path: &Path) -> anyhow::Result<HubAccess> {
    let text = data_dir::read(path)?;
    HubAccess::parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

/// Whether the hub that runs here has such a cluster; none runs, none has.
async fn has_joined(data: &DataDir, cluster: &ClusterName) -> bool {
    let Ok(client) = hub_client::administrator(data).await else {
        return false;
    };
    let clusters: Api<ManagedCluster> = Api::all(client);
    let found = Box::pin(clusters.get_metadata_opt(cluster.as_str())).await;
    if let Err(error) = &found {
        tracing::warn!(%error, "the hub does not say which clusters have joined");
    }
    found.is_ok_and(|found| found.is_some())
}

async fn from_data_dir(data: &DataDir, args: &Args) -> anyhow::Result<HubAccess> {
    for cluster in &args.clusters {
        if ClusterRecord::load(data, cluster)?.is_none() && !has_joined(data, cluster).await {
            anyhow::bail!("the hub knows no cluster {cluster}; see `adit credentials`");
        }
    }
    match args.user.clone() {
        Some(user) => {
            let issued = token::issue(data, user, args.groups.clone(), args.valid_for);
            let (_, access) = issued.await?;
            Ok(access)
        }
        None => {
            tracing::warn!(
                "this is the administrator's login, in system:masters: an agent refuses it unless \
                 started with --allow-impersonate system:masters; --user makes one for a user"
            );
            read(&data.admin_kubeconfig())
        }
    }
}
