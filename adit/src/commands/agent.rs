//! `adit agent`: the cluster's end of the tunnel.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use proxy_agent::{
    Agent, AgentConfig, AgentLimits, ApiServer, CarrierChoice, HubAccess, ImpersonationPolicy,
    LiveTargets, ProxyConfig, TargetPolicy, TargetsFile,
};

use self::limits::LimitArgs;
use crate::agent_port::AgentPort;
use crate::credentials::{Credentials, CredentialsFile};
use crate::proxy::ProxyArgs;
use crate::shutdown;

mod limits;

/// Connect a cluster to its hub and serve what the hub asks for
///
/// Dials out to the hub and stays connected; needs no open port. The
/// credential for the cluster's API stays here: the hub never sees it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file that `adit credentials` wrote for this agent
    ///
    /// Replaced while the agent runs, it is taken up within a second or two.
    #[arg(long, value_name = "FILE")]
    credentials: PathBuf,

    /// What to reach the hub by
    #[arg(long, value_enum, default_value = "auto")]
    carrier: Carrier,

    /// How to reach the cluster's API server; default: as a pod of the cluster
    ///
    /// The user of this kubeconfig has to be allowed to impersonate those who
    /// come through the hub.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of --kubeconfig to use; default: its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,

    /// Also let the hub open TCP connections to this target; may be repeated
    ///
    /// `10.0.0.0/8:443`, `db.example.org:5432`, `*.svc:80`, `host:*`. Without
    /// it only the API server can be reached.
    #[arg(long = "allow-target", value_name = "TARGET")]
    allow_targets: Vec<String>,

    /// Expose these Services of the cluster to the hub; may be repeated
    ///
    /// `NAMESPACE/NAME:PORT`, with `*` for any: `shop/web:http`,
    /// `monitoring/*:9090`. Without it none is.
    #[arg(long = "expose", value_name = "PATTERN")]
    expose: Vec<String>,

    /// A file that allows, denies and exposes more; followed as it changes
    ///
    /// YAML with three lists, each of which may be left out: `allow` and
    /// `deny` hold targets as in --allow-target, `expose` patterns as in
    /// --expose. What is denied is denied, whatever else allows it.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,

    /// Let the hub act as this privileged user or group; may be repeated
    ///
    /// system:masters, system:nodes and system:kube-* are refused unless named
    /// here, whatever the hub says.
    #[arg(long = "allow-impersonate", value_name = "NAME")]
    allow_impersonate: Vec<String>,

    /// Tell health and metrics at this address; default: nowhere
    ///
    /// Plain HTTP with /healthz, /readyz (it has a session with a hub) and
    /// /metrics. Nobody is asked who he is.
    #[arg(long, value_name = "ADDR:PORT")]
    metrics_listen: Option<SocketAddr>,

    #[command(flatten)]
    proxy: ProxyArgs,

    #[command(flatten)]
    limits: LimitArgs,
}

/// What carries the tunnel.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Carrier {
    /// Whatever the network lets through, HTTP/2 first
    Auto,
    /// QUIC over UDP alone
    Quic,
    /// HTTP/2 over TCP alone
    H2,
}

impl From<Carrier> for CarrierChoice {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Auto => Self::Auto,
            Carrier::H2 => Self::H2,
            Carrier::Quic => Self::Quic,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  adit agent --credentials edge-7.yaml --kubeconfig ~/.kube/config
  adit agent --credentials /etc/adit/credentials.yaml
      In a pod of the cluster, with its service account.
  adit agent --credentials edge-7.yaml --allow-target 10.0.0.0/8:443
  adit agent --credentials edge-7.yaml --kubeconfig ~/.kube/config --expose 'monitoring/*:9090'
  adit agent --credentials edge-7.yaml --targets /etc/adit/targets.yaml";

/// Set by Kubernetes in every pod.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let shown = args.credentials.display().to_string();
    let proxy = args.proxy.config(|name| std::env::var_os(name))?;
    let (credentials_file, credentials) = CredentialsFile::read(args.credentials.clone())
        .with_context(|| format!("cannot join with {shown}"))?;
    let targets = targets(&args)?;
    let api = api_server(&args).await?;
    let impersonation = impersonation(&args.allow_impersonate);
    let (live, file) = match args.targets {
        Some(path) => {
            let file = TargetsFile::start(path, targets)?;
            (file.live(), Some(file))
        }
        None => (targets.into(), None),
    };
    let mut config = config(&credentials, api, live, impersonation, proxy)?;
    config.carrier = args.carrier.into();
    config.limits = args.limits.limits();
    let identity = &credentials.certificate.identity;
    tracing::info!(cluster = %identity.cluster, agent = %identity.agent, "agent starts");
    let agent = Agent::new(config);
    let renewed = credentials_file.watch(identity.clone(), agent.renewal());
    let followed = async {
        match file {
            Some(file) => file.follow().await,
            None => std::future::pending().await,
        }
    };
    let view = agent.view();
    let port = args
        .metrics_listen
        .map(|address| AgentPort::bind(address, view));
    let port = port.transpose()?;
    let told = async {
        match port {
            Some(port) => port.serve().await,
            None => std::future::pending().await,
        }
    };
    let run = async |stop| {
        tokio::select! {
            ended = Box::pin(agent.run(stop)) => ended,
            never = Box::pin(followed) => match never {},
            never = renewed => match never {},
            never = Box::pin(told) => match never {},
        }
    };
    Box::pin(shutdown::run(run)).await??;
    Ok(())
}

/// What an agent with these credentials needs to run.
pub(crate) fn config(
    credentials: &Credentials,
    api: Option<ApiServer>,
    targets: LiveTargets,
    impersonation: ImpersonationPolicy,
    proxy: ProxyConfig,
) -> anyhow::Result<AgentConfig> {
    let HubAccess {
        hubs,
        tls,
        server_name,
    } = credentials.hub_access()?;
    Ok(AgentConfig {
        hubs,
        tls,
        carrier: CarrierChoice::default(),
        proxy,
        server_name,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        api,
        targets,
        impersonation,
        limits: AgentLimits::default(),
    })
}

async fn api_server(args: &Args) -> anyhow::Result<Option<ApiServer>> {
    if let Some(path) = &args.kubeconfig {
        let api = ApiServer::from_kubeconfig(path, args.context.as_deref())
            .await
            .with_context(|| format!("cannot use {}", path.display()))?;
        return Ok(Some(api));
    }
    if std::env::var_os(IN_CLUSTER).is_some() {
        return Ok(Some(ApiServer::in_cluster()?));
    }
    if !args.expose.is_empty() {
        anyhow::bail!(
            "--expose needs an API server to ask where a Service is: pass --kubeconfig FILE, \
             or run in a pod of the cluster"
        );
    }
    if args.allow_targets.is_empty() && args.targets.is_none() {
        anyhow::bail!(
            "there is nothing to serve: pass --kubeconfig FILE, run in a pod of the cluster, \
             or name targets with --allow-target or --targets"
        );
    }
    Ok(None)
}

/// What the flags allow and expose.
fn targets(args: &Args) -> anyhow::Result<TargetPolicy> {
    let mut policy = TargetPolicy::default();
    for rule in &args.allow_targets {
        policy = policy
            .allow(rule)
            .with_context(|| format!("--allow-target {rule}"))?;
    }
    for pattern in &args.expose {
        policy = policy
            .expose(pattern)
            .with_context(|| format!("--expose {pattern}"))?;
    }
    Ok(policy)
}

fn impersonation(names: &[String]) -> ImpersonationPolicy {
    names
        .iter()
        .fold(ImpersonationPolicy::default(), |policy, name| {
            policy.allow(name)
        })
}
