use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proto::Hello;
use rustls_pki_types::ServerName;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tunnel::{LinkConfig, ProcessBudget};

use crate::access::{CurrentAccess, HubAccess, Renewal};
use crate::connect::HubDialer;
use crate::run::{Runner, Told};
use crate::serve::Services;
use crate::{
    AgentLimits, AgentView, ApiServer, CarrierChoice, Counters, HubAddress, HubApi, HubLogin,
    ImpersonationPolicy, LiveTargets, ProxyConfig,
};

/// What an agent needs to know.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Where the hub is reached; tried in turn. At least one.
    pub hubs: Vec<HubAddress>,
    /// Whom the agent trusts as a hub, and the certificate it shows.
    ///
    /// TLS 1.3 has to be among its versions. The agent sets the ALPN protocol
    /// and does without session resumption.
    pub tls: Arc<rustls::ClientConfig>,
    /// What its links are carried by.
    pub carrier: CarrierChoice,
    /// What stands between the agent and the hub; QUIC goes through none.
    pub proxy: ProxyConfig,
    /// The name that the hub's certificate is for, whatever its address.
    pub server_name: ServerName<'static>,
    /// By what the hub knows the agent.
    pub login: HubLogin,
    /// The release that the agent tells the hub; at most 64 bytes are kept there.
    pub agent_version: String,
    /// The API server that streams to `kube-apiserver` reach; without one they are refused.
    pub api: Option<ApiServer>,
    /// What else the hub may have this agent reach, now and later; by default nothing.
    pub targets: LiveTargets,
    /// As whom the hub may have this agent act towards the API server.
    pub impersonation: ImpersonationPolicy,
    /// How much the hub may ask for.
    pub limits: AgentLimits,
}

/// A cluster's agent: connects to the hub and serves its streams.
#[derive(Debug)]
pub struct Agent {
    runner: Runner,
    renewal: Renewal,
    status: watch::Receiver<AgentStatus>,
    view: AgentView,
    hub_api: HubApi,
}

/// How an agent stands with its hub.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AgentStatus {
    /// It has a session.
    Connected {
        /// The hub's address as configured.
        hub: HubAddress,
        /// The address it was reached at, which is a proxy's if one stands between.
        remote: SocketAddr,
    },
    /// It tries to get one.
    Connecting,
    /// It runs no more.
    Stopped,
    /// It lost its session or could not get one, and tries again later.
    Waiting {
        /// What went wrong, for people.
        error: String,
        /// Whether a hub was reached and does not let it in, which time alone
        /// rarely mends.
        refused: bool,
        /// How long until the next attempt.
        retry_in: Duration,
    },
}

/// Why an agent cannot run, however often it tries.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// No hub is configured.
    #[error("the agent knows no hub to connect to")]
    NoHub,
}

impl Agent {
    /// An agent that does nothing until it is run.
    pub fn new(config: AgentConfig) -> Self {
        let AgentConfig {
            hubs,
            tls,
            carrier,
            proxy,
            server_name,
            login,
            agent_version,
            api,
            targets,
            impersonation,
            limits,
        } = config;
        let (access, renewal) = CurrentAccess::new(HubAccess {
            hubs,
            tls,
            server_name,
            login,
        });
        let counters = Arc::<Counters>::default();
        let link = LinkConfig {
            max_streams: limits.max_streams,
            unread_budget: limits.max_unread,
            process_budget: Arc::new(ProcessBudget::new(limits.max_unread_in_all as u64)),
            ..LinkConfig::new(Hello::new(agent_version))
        };
        let view = AgentView::new(Arc::clone(&counters), &link);
        let dialer = HubDialer::new(access, link, proxy, carrier);
        let services = Services::new(api, targets, impersonation, &limits, counters);
        let (sender, status) = watch::channel(AgentStatus::Connecting);
        let (session, sessions) = watch::channel(None);
        let (incarnation, incarnations) = watch::channel(None);
        let hub_api = HubApi::new(sessions, incarnations, renewal.access());
        let told = Told {
            status: sender,
            session,
            incarnation,
            view: view.clone(),
        };
        Self {
            runner: Runner::new(dialer, Arc::new(services), told),
            view,
            renewal,
            status,
            hub_api,
        }
    }

    /// How the agent stands with its hub, now and later.
    pub fn status(&self) -> watch::Receiver<AgentStatus> {
        self.status.clone()
    }

    /// What the agent does, now and later.
    pub fn view(&self) -> AgentView {
        self.view.clone()
    }

    /// The hub's own API, reached through whichever session there is.
    pub fn hub_api(&self) -> HubApi {
        self.hub_api.clone()
    }

    /// Gives the agent other credentials, now and later.
    pub fn renewal(&self) -> Renewal {
        self.renewal.clone()
    }

    /// Serves the hub until `shutdown`: connects, connects again when the
    /// session is lost, and waits between attempts, at random: about half as
    /// long as the hub has been away, within what it said when it was there.
    ///
    /// A hub that does not let the agent in is asked again too. On shutdown
    /// the hub is told, and streams may go on for 10 s. Dropped, it ends
    /// everything at once.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), AgentError> {
        self.runner.run(shutdown).await
    }
}
