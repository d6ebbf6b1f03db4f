//! A hub, a managed cluster, and an agent between them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use registration::agent::{Agent, AgentConfig, AgentError, CredentialFolder, Pace, State};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::people::Admin;
use super::server::Server;
use super::way::{Points, Way};

/// In a hurry, but with nothing left out.
pub(super) const HURRIED: Pace = Pace {
    status: Duration::from_millis(200),
    unhealthy: Duration::from_millis(100),
    health_retry: Duration::from_millis(20),
    settle: Duration::from_millis(10),
    resync: Duration::from_secs(3600),
    rotation: Duration::from_millis(20),
    authority: Duration::from_millis(20),
    denied: Duration::from_millis(200),
    retry: Duration::from_millis(300),
};

pub(super) struct Setup {
    pub(super) hub: Server,
    pub(super) managed: Server,
    pub(super) admin: Admin,
    pub(super) way: Arc<Way>,
    pub(super) folder: tempfile::TempDir,
}

impl Setup {
    pub(super) async fn start() -> Self {
        let hub = Server::start().await;
        let managed = Server::start().await;
        let admin = Admin(hub.admin());
        admin.prepare().await;
        let way = Way::new(&hub.service, Points::endless());
        let folder = tempfile::tempdir().unwrap();
        Self {
            hub,
            managed,
            admin,
            way,
            folder,
        }
    }

    /// Of the cluster `c1`, whose API server is well.
    pub(super) fn config(&self) -> AgentConfig {
        AgentConfig {
            cluster: "c1".parse().ok(),
            ..config(&self.way, self.folder.path(), self.managed.admin())
        }
    }

    /// Starts an agent and brings it to where it has joined.
    pub(super) async fn joined(&self, config: AgentConfig) -> Running {
        let mut running = Running::start(config);
        until(async || !self.admin.pending("c1").await.is_empty()).await;
        let request = self.admin.pending("c1").await.remove(0);
        self.admin.decide(&request, "Approved").await;
        self.admin.accept("c1").await;
        running.until(State::is_joined).await;
        running
    }
}

pub(super) fn config(way: &Arc<Way>, folder: &Path, managed: Client) -> AgentConfig {
    let store = CredentialFolder::new(folder.join("credential"));
    AgentConfig {
        pace: HURRIED,
        ..AgentConfig::new(way.clone(), Arc::new(store), managed)
    }
}

/// An agent that runs. Dropped, it is killed.
pub(super) struct Running {
    pub(super) state: watch::Receiver<State>,
    pub(super) stop: CancellationToken,
    task: JoinSet<Result<(), AgentError>>,
}

impl Running {
    pub(super) fn start(config: AgentConfig) -> Self {
        let agent = Agent::new(config);
        let state = agent.state();
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(agent.run(stop.clone()));
        Self { state, stop, task }
    }

    /// Waits for a state; returns its text.
    pub(super) async fn until(&mut self, is: impl FnMut(&State) -> bool) -> String {
        let last = self.state.clone();
        let found = tokio::time::timeout(PATIENCE, self.state.wait_for(is)).await;
        let Ok(state) = found else {
            panic!("still {:?}", last.borrow());
        };
        state.unwrap().to_string()
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(&mut self) -> Result<(), AgentError> {
        let ended = tokio::time::timeout(PATIENCE, self.task.join_next()).await;
        ended.unwrap().unwrap().unwrap()
    }
}

/// Waits for what is brought about elsewhere.
pub(super) async fn until(done: impl AsyncFn() -> bool) {
    let waits = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.unwrap();
}

const PATIENCE: Duration = Duration::from_secs(60);
