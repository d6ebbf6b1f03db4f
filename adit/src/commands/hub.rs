//! `adit hub`: where agents and users meet.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use proxy_agent::HubAddress;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::limits::LimitArgs;
use super::DataDirArg;
use crate::hub::{
    ConnectListen, ForwardListen, HomeConfig, Hub, HubConfig, KubernetesConfig, ServiceName, Udp,
};
use crate::shutdown;

mod limits;

/// Run the hub: one port for agents and users
///
/// Makes its certificate authority and an administrator's kubeconfig in the
/// data directory at the first start, and goes on with them after. SIGTERM or
/// Ctrl-C drains for 10 s at most; a second one stops at once.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    data_dir: DataDirArg,

    /// The address to listen on; may be repeated
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:8443")]
    listen: Vec<SocketAddr>,

    /// Whether to listen for QUIC too, on the same port over UDP
    #[arg(long, value_enum, default_value_t)]
    udp: Udp,

    /// How agents and users reach this hub; may be repeated
    ///
    /// Goes into credentials, kubeconfigs and the serving certificate.
    /// Default: the address listened on, or this machine's name.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Vec<HubAddress>,

    /// Take CONNECT to targets in clusters, and nothing else; may be repeated
    ///
    /// ADDR:PORT speaks TLS; a user shows a client certificate and names the
    /// cluster in the header Adit-Cluster, or his proxy is
    /// https://CLUSTER:TOKEN@HOST:PORT. At unix:/PATH (mode 0600) its owner is
    /// an administrator. The hub's own port takes CONNECT too.
    #[arg(long, value_name = "ADDR:PORT|unix:/PATH")]
    connect_listen: Vec<ConnectListen>,

    /// Take every connection to a local address to one target in a cluster; may be repeated
    ///
    /// ADDR:PORT is a loopback address, or unix:/PATH (mode 0600). Nobody is
    /// asked there who he is: whoever can connect to the address has the target.
    #[arg(long, value_name = "ADDR:PORT=CLUSTER/HOST:PORT")]
    forward_listen: Vec<ForwardListen>,

    /// Have a Kubernetes cluster be the hub: keep all objects there
    ///
    /// The hub installs Open Cluster Management's kinds, registers the APIService
    /// v1alpha1.cluster.core.oam.dev, and takes its users, roles and tokens for
    /// its own. The data directory then holds the tunnel's keys alone. Without
    /// this, the hub has an API server of its own.
    #[arg(long, value_name = "FILE", conflicts_with = "audit_log")]
    kubeconfig: Option<PathBuf>,

    /// The context of --kubeconfig to use; default: its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,

    /// With --kubeconfig: the Service by which that cluster reaches this hub
    #[arg(
        long,
        value_name = "NAMESPACE/NAME[:PORT]",
        requires = "kubeconfig",
        default_value = "adit/adit-hub:443"
    )]
    service: ServiceName,

    /// Write a line for every request to the hub's own API to this file
    ///
    /// JSON as Kubernetes' audit log (audit.k8s.io/v1, level Metadata), mode
    /// 0600. At 100 MiB the file is renamed to FILE.1 and begun anew.
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,
}

const EXAMPLES: &str = "\
Examples:
  adit hub --data-dir /var/lib/adit --advertise hub.example.org:8443
  adit hub --data-dir ./hub --listen 127.0.0.1:8443
  adit hub --data-dir /var/lib/adit --listen '[::]:443'
  adit hub --data-dir /var/lib/adit --kubeconfig hub.kubeconfig --service adit/adit-hub
  adit hub --data-dir ./hub --forward-listen 127.0.0.1:5432=edge-7/db.example.org:5432";

/// How long open requests and streams may go on after the hub is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let home = match args.kubeconfig {
        None => HomeConfig::Own {
            audit_log: args.audit_log,
        },
        Some(kubeconfig) => HomeConfig::Kubernetes(KubernetesConfig {
            kubeconfig,
            context: args.context,
            service: args.service,
        }),
    };
    let config = HubConfig {
        data_dir: args.data_dir.data_dir,
        listen: args.listen,
        udp: args.udp,
        advertise: args.advertise,
        gateway: args.limits.gateway(),
        proxy: args.limits.proxy(),
        connections: args.limits.connections(),
        connect_listen: args.connect_listen,
        forward_listen: args.forward_listen,
        home,
        drain: DRAIN,
    };
    shutdown::run(async |stop| {
        let hub = Box::pin(Hub::start(config)).await?;
        Box::pin(hub.run(stop)).await
    })
    .await??;
    Ok(())
}

/// Every connection is a descriptor; shells hand down a low limit that any
/// process may raise up to the hard one.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, ?limit, "cannot raise the limit of open files");
    }
}
