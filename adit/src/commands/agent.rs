//! `adit agent`: the cluster's end of the tunnel.

use std::path::PathBuf;

use anyhow::Context as _;
use proxy_agent::Agent;

use super::serve::ServeArgs;
use crate::credentials::CredentialsFile;
use crate::shutdown;

/// Connect a cluster to its hub and serve what the hub asks for
///
/// Dials out to the hub and stays connected; needs no open port. The
/// credential for the cluster's API stays here: the hub never sees it. This is
/// the tunnel alone; `adit join` also tells the hub how the cluster is, and
/// applies what the hub has for it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file that `adit credentials` wrote for this agent
    ///
    /// Replaced while the agent runs, it is taken up within a second or two.
    #[arg(long, value_name = "FILE")]
    credentials: PathBuf,

    #[command(flatten)]
    serve: ServeArgs,
}

const EXAMPLES: &str = "\
Examples:
  adit agent --credentials edge-7.yaml --kubeconfig ~/.kube/config
  adit agent --credentials /etc/adit/credentials.yaml
      In a pod of the cluster, with its service account.
  adit agent --credentials edge-7.yaml --allow-target 10.0.0.0/8:443
  adit agent --credentials edge-7.yaml --kubeconfig ~/.kube/config --expose 'monitoring/*:9090'
  adit agent --credentials edge-7.yaml --targets /etc/adit/targets.yaml";

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let shown = args.credentials.display().to_string();
    let (credentials_file, credentials) = CredentialsFile::read(args.credentials)
        .with_context(|| format!("cannot join with {shown}"))?;
    let (serving, beside) = args.serve.prepare().await?;
    let identity = &credentials.certificate.identity;
    tracing::info!(cluster = %identity.cluster, agent = %identity.agent, "agent starts");
    let agent = Agent::new(serving.for_hub(credentials.hub_access()?));
    let renewed = credentials_file.watch(identity.clone(), agent.renewal());
    let view = agent.view();
    let run = async |stop| {
        tokio::select! {
            ended = Box::pin(agent.run(stop)) => Ok(ended?),
            failed = Box::pin(beside.run(view)) => match failed? {},
            never = renewed => match never {},
        }
    };
    Box::pin(shutdown::run(run)).await?
}
