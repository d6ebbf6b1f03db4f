//! A hub, agents and clusters on one machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use gateway::GatewayConfig;
use proto::{AgentIdentity, ClusterName};
use proxy_agent::{Agent, ApiServer, ImpersonationPolicy};
use proxy_server::ProxyServerConfig;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::commands::credentials;
use crate::commands::serve::Serving;
use crate::credentials::Credentials;
use crate::data_dir::{self, DataDir, Secrecy};
use crate::hub::{self, ConnectionLimits, HomeConfig, Hub, HubConfig, Udp};
use crate::kubeconfig::{HubAccess, PathForm};
use crate::lifetime::Lifetime;

mod backend;
mod child;
mod embedded;
mod folder;
mod guide;
mod peers;
mod progress;
mod ready;
mod user_cluster;

pub(crate) use user_cluster::UserCluster;

use backend::{Backend, ClusterAccess};
use folder::Folder;
use guide::Guide;
use progress::step;

/// What the demo is to show.
#[derive(Debug)]
pub(crate) struct DemoConfig {
    pub(crate) dir: Option<PathBuf>,
    pub(crate) peers: Option<PathBuf>,
    pub(crate) clusters: Vec<UserCluster>,
    pub(crate) listen: SocketAddr,
}

/// Clusters of the demo's own making.
const OWN_CLUSTERS: [&str; 2] = ["edge-1", "edge-2"];
const AGENT: &str = "demo";
const CREDENTIALS: Lifetime = Lifetime::from_days(30);
/// Short: whoever ends a demo does not wait for its watches.
const DRAIN: Duration = Duration::from_secs(1);

/// Runs until told to stop, or until a part of it fails; leaves no process
/// behind, and no file outside `--dir`.
pub(crate) async fn run(config: DemoConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let folder = Folder::open(config.dir.as_deref())?;
    let backends = Backend::choose(&config, folder.path())?;
    let mut tasks = JoinSet::new();
    let parts = stop.child_token();
    let result = tokio::select! {
        // Told to stop, the parts end too, which is then no failure.
        biased;
        () = stop.cancelled() => Ok(()),
        result = show(&config, &folder, backends, &mut tasks, &parts) => result,
    };
    parts.cancel();
    step("Stopping", end_all(&mut tasks)).await;
    result
}

async fn end_all(tasks: &mut JoinSet<anyhow::Result<()>>) {
    while let Some(ended) = tasks.join_next().await {
        if let Ok(Err(error)) = ended {
            tracing::warn!(error = format!("{error:#}"), "a part of the demo failed");
        }
    }
}

async fn show(
    config: &DemoConfig,
    folder: &Folder,
    backends: Vec<Backend>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    parts: &CancellationToken,
) -> anyhow::Result<()> {
    let hub = Box::pin(Hub::start(HubConfig {
        data_dir: folder.path().join("hub"),
        listen: vec![config.listen],
        udp: Udp::default(),
        advertise: Vec::new(),
        gateway: GatewayConfig::default(),
        proxy: ProxyServerConfig::new(hub::link_config()),
        connections: ConnectionLimits::default(),
        connect_listen: Vec::new(),
        forward_listen: Vec::new(),
        home: HomeConfig::Own { audit_log: None },
        drain: DRAIN,
    }));
    let mut hub = hub.await?;
    let data = hub.data().clone();
    let names: Vec<ClusterName> = backends
        .iter()
        .map(|backend| backend.name().clone())
        .collect();
    let guide = Guide::new(folder, &names, &backends);
    let mut agents = Vec::new();
    for cluster in Backend::start_all(backends, tasks, parts).await? {
        agents.push(make_agent(&data, &cluster).await?);
    }
    // The hub knows the clusters before their agents come.
    hub.take_notice();
    let stop = parts.clone();
    tasks.spawn(async move { Ok(Box::pin(hub.run(stop)).await?) });
    for agent in agents {
        let stop = parts.clone();
        tasks.spawn(async move { Ok(Box::pin(agent.run(stop)).await?) });
    }
    let access = HubAccess::parse(&data_dir::read(&data.admin_kubeconfig())?)?;
    let kubeconfig = access.for_clusters(&names, PathForm::Short)?;
    data_dir::write(
        &folder.kubeconfig(),
        kubeconfig.as_bytes(),
        Secrecy::Private,
    )
    .with_context(|| format!("cannot write {}", folder.kubeconfig().display()))?;
    let ready = unless_ended(tasks, ready::all(&access, &names));
    step("Waiting for the agents", ready).await?;
    guide.print()?;
    unless_ended(tasks, std::future::pending()).await
}

/// Does the work unless one of the tasks ends first, which they do not before
/// they are told to.
async fn unless_ended<T>(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let ended = tokio::select! {
        done = work => return done,
        Some(ended) = tasks.join_next() => ended,
    };
    ended??;
    anyhow::bail!("a part of the demo has ended by itself")
}

/// An agent in this process, as `adit agent` would be in its own.
async fn make_agent(data: &DataDir, cluster: &ClusterAccess) -> anyhow::Result<Agent> {
    let identity = AgentIdentity {
        cluster: cluster.name.clone(),
        agent: AGENT.parse()?,
    };
    let credentials = credentials::issue(data, &identity, CREDENTIALS).await?;
    let credentials = Credentials::parse(&credentials)?;
    let api = ApiServer::from_kubeconfig(&cluster.kubeconfig, cluster.context.as_deref())
        .await
        .with_context(|| format!("cannot use {}", cluster.kubeconfig.display()))?;
    // The demo's user is its administrator.
    let impersonation = ImpersonationPolicy::default().allow("system:masters");
    let serving = Serving {
        api: Some(api),
        impersonation,
        ..Serving::default()
    };
    Ok(Agent::new(serving.for_hub(credentials.hub_access()?)))
}

/// A private folder for one cluster of the demo.
fn cluster_folder(parent: &Path, name: &ClusterName) -> anyhow::Result<PathBuf> {
    let path = parent.join(name.as_str());
    folder::create_private(&path)?;
    Ok(path)
}
