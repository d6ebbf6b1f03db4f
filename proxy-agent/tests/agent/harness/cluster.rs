use std::sync::Arc;

use proxy_agent::{
    Agent, AgentConfig, AgentError, AgentLimits, AgentStatus, ApiServer, CarrierChoice, HubAccess,
    HubLogin, ImpersonationPolicy, LiveTargets, ProxyConfig, Renewal, TargetPolicy,
};
use rustls_pki_types::ServerName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Authority, Exchange, Hub, HubSession, Target, within};

/// A running agent with a session to a hub.
pub(crate) struct Cluster {
    pub(crate) session: HubSession,
    pub(crate) hub: Hub,
    pub(crate) agent: RunningAgent,
}

/// An agent in a task; dropped, it is killed.
pub(crate) struct RunningAgent {
    pub(crate) shutdown: CancellationToken,
    pub(crate) status: watch::Receiver<AgentStatus>,
    pub(crate) renewal: Renewal,
    task: JoinSet<Result<(), AgentError>>,
}

impl Cluster {
    pub(crate) async fn new(
        api: Option<ApiServer>,
        targets: TargetPolicy,
        impersonation: ImpersonationPolicy,
    ) -> Self {
        let authority = Authority::new();
        let hub = Hub::new(&authority).await;
        let mut config = config(&authority, &[&hub]);
        config.api = api;
        config.targets = targets.into();
        config.impersonation = impersonation;
        let agent = RunningAgent::start(config);
        Self {
            session: hub.accept().await,
            hub,
            agent,
        }
    }

    /// A cluster whose API server is `target`, without TLS.
    pub(crate) async fn with_api(target: &Target) -> Self {
        let policy = ImpersonationPolicy::default();
        Self::new(Some(api(target)), TargetPolicy::default(), policy).await
    }

    /// A cluster whose TCP targets are those of the rules.
    pub(crate) async fn with_targets(rules: &[&str]) -> Self {
        let policy = rules
            .iter()
            .try_fold(TargetPolicy::default(), |policy, rule| policy.allow(rule))
            .unwrap();
        Self::new(None, policy, ImpersonationPolicy::default()).await
    }

    /// A stream to the API server.
    pub(crate) async fn exchange(&self) -> Exchange {
        Exchange::open(&self.session).await
    }
}

impl RunningAgent {
    pub(crate) fn start(config: AgentConfig) -> Self {
        let agent = Agent::new(config);
        let (status, renewal) = (agent.status(), agent.renewal());
        let shutdown = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(agent.run(shutdown.clone()));
        Self {
            shutdown,
            status,
            renewal,
            task,
        }
    }

    /// Waits until the agent's status is as wanted.
    pub(crate) async fn until(&mut self, wanted: impl FnMut(&AgentStatus) -> bool) -> AgentStatus {
        within(self.status.wait_for(wanted)).await.unwrap().clone()
    }

    /// Waits for the agent's end.
    pub(crate) async fn ended(&mut self) -> Result<(), AgentError> {
        within(self.task.join_next()).await.unwrap().unwrap()
    }
}

/// How an agent gets to `hub`, and only there.
pub(crate) fn access(authority: &Authority, hub: &Hub) -> HubAccess {
    HubAccess {
        hubs: vec![hub.address()],
        tls: Arc::new(authority.client()),
        server_name: ServerName::try_from("hub.test").unwrap(),
        login: HubLogin::Certificate,
    }
}

/// An agent of `hubs` that serves nothing.
pub(crate) fn config(authority: &Authority, hubs: &[&Hub]) -> AgentConfig {
    AgentConfig {
        carrier: CarrierChoice::H2,
        hubs: hubs.iter().map(|hub| hub.address()).collect(),
        tls: Arc::new(authority.client()),
        proxy: ProxyConfig::Direct,
        server_name: ServerName::try_from("hub.test").unwrap(),
        login: HubLogin::Certificate,
        agent_version: "test".to_owned(),
        api: None,
        targets: LiveTargets::default(),
        impersonation: ImpersonationPolicy::default(),
        limits: AgentLimits::default(),
    }
}

/// An API server without TLS that knows the agent by a token.
pub(crate) fn api(target: &Target) -> ApiServer {
    let mut config = kube::Config::new(target.url().parse().unwrap());
    config.auth_info.token = Some("agents-own".to_owned().into());
    ApiServer::from_kube_config(config).unwrap()
}
