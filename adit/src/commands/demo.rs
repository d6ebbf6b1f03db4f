//! `adit demo`: everything on this machine, to try it out.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::hub::raise_descriptor_limit;
use crate::demo::{self, DemoConfig, UserCluster};
use crate::shutdown;

/// Run a hub and clusters behind it on this machine, until Ctrl-C
///
/// Prints a kubeconfig and the commands to try, and the line `ready` on
/// standard output when the first kubectl will succeed. Its clusters are those
/// of --cluster, else real Kubernetes API servers out of --peers, else API
/// servers of Adit's own, which keep objects and run no pods.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Keep everything here, `kubeconfig` included; default: a temporary folder, removed at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Where etcd, kube-apiserver and their like are: the last line that `make peers` prints
    #[arg(long, env = "ADIT_PEERS", value_name = "DIR")]
    peers: Option<PathBuf>,

    /// Use a cluster of your own, by its kubeconfig and context; may be repeated
    ///
    /// CAUTION: the demo's kubeconfig acts as system:masters there, so whoever
    /// has it can do everything while the demo runs. The user of your
    /// kubeconfig has to be allowed to impersonate, as cluster-admin is.
    #[arg(long = "cluster", value_name = "NAME=KUBECONFIG[#CONTEXT]")]
    clusters: Vec<UserCluster>,

    /// The hub's address; port 0 takes any free port
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

const EXAMPLES: &str = "\
Examples:
  adit demo
  adit demo --dir ./demo
  adit demo --peers \"$(make -s peers | tail -n 1)\"
  adit demo --cluster kind=$HOME/.kube/config#kind-kind";

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let config = DemoConfig {
        dir: args.dir,
        peers: args.peers,
        clusters: args.clusters,
        listen: args.listen,
    };
    shutdown::run(async |stop| Box::pin(demo::run(config, stop)).await).await??;
    Ok(())
}
