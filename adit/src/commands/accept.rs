//! `adit accept`: the hub's half of the handshake.

use std::time::Duration;

use anyhow::Context as _;
use kube::Client;
use registration::hub::HubError;
use registration::hub::accept::{Whose, accept};
use tokio::time::{Instant, sleep};

use crate::hub_login::HubLogin;
use crate::lifetime::Lifetime;
use crate::output;

/// Accept clusters that have asked to join
///
/// Approves the certificate that the cluster's agent has asked for, and sets
/// hubAcceptsClient of its ManagedCluster; the hub then gives it a namespace and
/// its rights there. `kubectl certificate approve` and `kubectl patch
/// managedcluster` do the same.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The clusters' names
    #[arg(required = true, value_name = "NAME")]
    clusters: Vec<String>,

    #[command(flatten)]
    hub: HubLogin,

    /// Whose requests are meant, by the names in them, where several agents ask for one cluster
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    requesters: Vec<String>,

    /// Approve the cluster's requests whoever made them
    ///
    /// Default: only those that came with a bootstrap token, and only if they
    /// are of one agent.
    #[arg(long)]
    skip_approve_check: bool,

    /// Wait so long for a cluster that has not asked yet
    #[arg(long, value_name = "TIME")]
    wait: Option<Lifetime>,
}

const EXAMPLES: &str = "\
Examples:
  adit accept edge-7 --data-dir /var/lib/adit
  adit accept edge-7 edge-8 --kubeconfig hub.kubeconfig --context hub --wait 5m";

/// How often a cluster that is waited for is looked for.
const POLL: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.hub.client().await?;
    let whose = Whose {
        requesters: args.requesters.into_iter().collect(),
        anybodys: args.skip_approve_check,
    };
    let wait = args.wait.map_or(Duration::ZERO, |wait| wait.as_duration());
    let until = Instant::now() + wait;
    let mut failed = Vec::new();
    for cluster in &args.clusters {
        if let Err(error) = one(&client, cluster, &whose, until).await {
            failed.push(format!("{error:#}"));
        }
    }
    anyhow::ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

async fn one(client: &Client, cluster: &str, whose: &Whose, until: Instant) -> anyhow::Result<()> {
    let mut told = Vec::new();
    loop {
        let accepted = match accept(client, cluster, whose).await {
            Err(HubError::NoCluster(_)) if Instant::now() < until => None,
            accepted => Some(accepted.with_context(|| format!("cannot accept {cluster}"))?),
        };
        if let Some(accepted) = accepted {
            for step in accepted.steps {
                if !told.contains(&step) {
                    output::line(&step.to_string())?;
                    told.push(step);
                }
            }
            if accepted.approved {
                let joined = "has joined the Hub successfully.";
                output::line(&format!("Your managed cluster {cluster} {joined}"))?;
                return Ok(());
            }
        }
        anyhow::ensure!(
            Instant::now() < until,
            "no csr is approved yet for cluster {cluster}"
        );
        sleep(POLL).await;
    }
}
