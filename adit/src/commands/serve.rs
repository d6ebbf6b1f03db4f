//! What an agent serves to its hub, and how it gets there: the flags that all
//! commands have that run one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proxy_agent::{
    AgentConfig, AgentLimits, AgentView, ApiServer, CarrierChoice, HubAccess, ImpersonationPolicy,
    LiveTargets, ProxyConfig, TargetPolicy, TargetsFile,
};

use self::limits::LimitArgs;
use crate::agent_port::AgentPort;
use crate::proxy::ProxyArgs;

mod limits;

/// The flags.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
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

/// What the flags say, without the way to a hub.
#[derive(Clone, Debug, Default)]
pub(crate) struct Serving {
    pub(crate) api: Option<ApiServer>,
    pub(crate) targets: LiveTargets,
    pub(crate) impersonation: ImpersonationPolicy,
    pub(crate) proxy: ProxyConfig,
    pub(crate) carrier: CarrierChoice,
    pub(crate) limits: AgentLimits,
}

/// What goes on beside an agent.
pub(crate) struct Beside {
    file: Option<TargetsFile>,
    metrics: Option<SocketAddr>,
}

/// Set by Kubernetes in every pod.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

impl ServeArgs {
    /// Reads what the flags name.
    pub(crate) async fn prepare(&self) -> anyhow::Result<(Serving, Beside)> {
        let proxy = self.proxy.config(|name| std::env::var_os(name))?;
        let targets = self.targets()?;
        let api = self.api_server().await?;
        let (live, file) = match &self.targets {
            Some(path) => {
                let file = TargetsFile::start(path.clone(), targets)?;
                (file.live(), Some(file))
            }
            None => (targets.into(), None),
        };
        let serving = Serving {
            api,
            targets: live,
            impersonation: impersonation(&self.allow_impersonate),
            proxy,
            carrier: self.carrier.into(),
            limits: self.limits.limits(),
        };
        let metrics = self.metrics_listen;
        Ok((serving, Beside { file, metrics }))
    }

    /// The kubeconfig and its context, if there is one.
    pub(crate) fn kubeconfig(&self) -> Option<(&Path, Option<&str>)> {
        let path = self.kubeconfig.as_deref()?;
        Some((path, self.context.as_deref()))
    }

    /// Whether it is the cluster of this process's pod that is served.
    pub(crate) fn is_in_pod(&self) -> bool {
        self.kubeconfig.is_none() && std::env::var_os(IN_CLUSTER).is_some()
    }

    async fn api_server(&self) -> anyhow::Result<Option<ApiServer>> {
        if let Some(path) = &self.kubeconfig {
            let api = ApiServer::from_kubeconfig(path, self.context.as_deref())
                .await
                .with_context(|| format!("cannot use {}", path.display()))?;
            return Ok(Some(api));
        }
        if self.is_in_pod() {
            return Ok(Some(ApiServer::in_cluster()?));
        }
        if !self.expose.is_empty() {
            anyhow::bail!(
                "--expose needs an API server to ask where a Service is: pass --kubeconfig FILE, \
                 or run in a pod of the cluster"
            );
        }
        if self.allow_targets.is_empty() && self.targets.is_none() {
            anyhow::bail!(
                "there is nothing to serve: pass --kubeconfig FILE, run in a pod of the cluster, \
                 or name targets with --allow-target or --targets"
            );
        }
        Ok(None)
    }

    /// What the flags allow and expose.
    fn targets(&self) -> anyhow::Result<TargetPolicy> {
        let mut policy = TargetPolicy::default();
        for rule in &self.allow_targets {
            policy = policy
                .allow(rule)
                .with_context(|| format!("--allow-target {rule}"))?;
        }
        for pattern in &self.expose {
            policy = policy
                .expose(pattern)
                .with_context(|| format!("--expose {pattern}"))?;
        }
        Ok(policy)
    }
}

impl Serving {
    /// The same way to the hub, and nothing to serve there.
    pub(crate) fn towards_hub(&self) -> Self {
        Self {
            proxy: self.proxy.clone(),
            ..Self::default()
        }
    }

    /// What an agent needs that serves this to these hubs.
    pub(crate) fn for_hub(&self, access: HubAccess) -> AgentConfig {
        let HubAccess {
            hubs,
            tls,
            server_name,
            login,
        } = access;
        AgentConfig {
            hubs,
            tls,
            carrier: self.carrier,
            proxy: self.proxy.clone(),
            server_name,
            login,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            api: self.api.clone(),
            targets: self.targets.clone(),
            impersonation: self.impersonation.clone(),
            limits: self.limits.clone(),
        }
    }
}

impl Beside {
    /// Follows the file of targets, and tells how the agent is. Never ends.
    pub(crate) async fn run(self, view: AgentView) -> anyhow::Result<Infallible> {
        let port = self.metrics.map(|address| AgentPort::bind(address, view));
        let port = port.transpose()?;
        let followed = async {
            match self.file {
                Some(file) => file.follow().await,
                None => std::future::pending().await,
            }
        };
        let told = async {
            match port {
                Some(port) => port.serve().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            never = Box::pin(followed) => match never {},
            never = Box::pin(told) => match never {},
        }
    }
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

fn impersonation(names: &[String]) -> ImpersonationPolicy {
    names
        .iter()
        .fold(ImpersonationPolicy::default(), |policy, name| {
            policy.allow(name)
        })
}
