//! `adit detach`: lets a cluster go.

use std::time::Duration;

use api::types::cluster::ManagedCluster;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::{Api, Client};
use proto::ClusterName;
use registration::hub::detach::{detach, force};
use tokio::time::sleep;

use super::credentials;
use crate::hub_login::HubLogin;
use crate::output;

/// Detach a cluster from the hub
///
/// Deletes its ManagedCluster. The hub then removes its add-ons and its works;
/// its agent first removes what they brought to the cluster, and is waited for.
/// With --data-dir the certificates that the hub has issued to it by `adit
/// credentials` are revoked.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The cluster's name
    cluster: ClusterName,

    #[command(flatten)]
    hub: HubLogin,

    /// Do not wait for the cluster's agent: it is dead
    ///
    /// What its works brought stays in the cluster. An Event in the cluster's
    /// namespace says who has done so.
    #[arg(long)]
    force: bool,

    /// Return at once
    #[arg(long)]
    no_wait: bool,
}

const EXAMPLES: &str = "\
Examples:
  adit detach edge-7 --data-dir /var/lib/adit
  adit detach edge-7 --kubeconfig hub.kubeconfig --force";

/// How often it is looked whether the cluster is gone.
const POLL: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.hub.client().await?;
    let cluster = args.cluster.as_str();
    if let Some(data) = args.hub.data()? {
        // First: a cluster with a good certificate would be made known again.
        credentials::revoke_if_known(&data, &args.cluster).await?;
    }
    if args.force {
        let user = whoami(&client).await?;
        let forced = force(&client, cluster, &user).await?;
        for released in forced.released {
            output::line(&format!("did not wait for {released} of {cluster}"))?;
        }
    } else {
        detach(&client, cluster).await?;
    }
    if args.no_wait {
        return Ok(output::line(&format!("{cluster} is being detached"))?);
    }
    until_gone(&client, cluster).await?;
    Ok(output::line(&format!("{cluster} is detached"))?)
}

/// Waits until the hub is done, and tells what it waits for.
async fn until_gone(client: &Client, cluster: &str) -> anyhow::Result<()> {
    let clusters: Api<ManagedCluster> = Api::all(client.clone());
    let mut told = String::new();
    while let Some(there) = clusters.get_opt(cluster).await? {
        if there.metadata.deletion_timestamp.is_none() {
            // It has joined anew.
            return Ok(());
        }
        let conditions = there.status.unwrap_or_default().conditions;
        let deleting = conditions.into_iter().find(|of| of.type_ == "Deleting");
        let message = deleting.map(|of| of.message).unwrap_or_default();
        if message != told {
            output::line(&message)?;
            told = message;
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// As whom the hub knows us.
async fn whoami(client: &Client) -> anyhow::Result<String> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = SelfSubjectReview::default();
    let review = reviews.create(&PostParams::default(), &review).await?;
    let user = review.status.and_then(|status| status.user_info);
    let name = user.and_then(|user| user.username);
    Ok(name.unwrap_or_else(|| "somebody unknown".to_owned()))
}
