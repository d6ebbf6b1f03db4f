//! The managed cluster's half: it asks the hub to take the cluster, keeps its
//! certificate good, and tells how the cluster is.
//!
//! [`Agent`] does all of it against any hub. Whoever runs it says how the hub
//! is reached ([`HubAccess`]), where the credential is kept
//! ([`CredentialStore`]), and gives it a client of the managed cluster; that
//! this is somewhere else (hosted mode) makes no difference.

use std::fmt;
use std::sync::Arc;

use kube::Client;
use proto::{AgentIdentity, AgentName, ClusterName};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

mod authorities;
mod by_token;
mod clock;
mod condition;
mod credential;
mod driver;
mod endpoint;
mod hub;
mod identity;
pub mod install;
mod joining;
mod lease;
mod managed_cluster;
mod mirror;
mod namespaces;
mod pace;
mod refusal;
mod request;
mod rotation;
mod running;
mod state;
mod status;
mod store;
mod validity;
mod view;

pub use clock::Clock;
pub use credential::{Credential, Proof, Stored};
pub use driver::Driver;
pub use endpoint::{EndpointError, HubEndpoint};
pub use hub::{FirstToken, HubAccess, HubAccessError, ToldAuthorities};
pub use identity::{ClusterNameError, cluster_name};
pub use managed_cluster::{ANNOTATION_PREFIX, ClusterDescription};
pub use pace::Pace;
pub use state::{Missing, State};
pub use status::ClaimRules;
pub use store::{CredentialFolder, CredentialSecret, CredentialStore, StoreError};

use self::joining::{JoinError, Joining};
use self::pace::after_failures;
use self::refusal::told;
use self::running::{Ended, Running};

/// What an agent needs.
#[derive(Clone)]
pub struct AgentConfig {
    /// The cluster's name; without, the stored one, or a random UUID.
    pub cluster: Option<ClusterName>,
    /// The agent's name; without, the stored one, or a random one.
    pub agent: Option<AgentName>,
    /// How the hub is reached.
    pub hub: Arc<dyn HubAccess>,
    /// Where the credential is kept.
    pub store: Arc<dyn CredentialStore>,
    /// The managed cluster.
    pub managed: Client,
    /// What the hub is told beside the cluster's status.
    pub description: ClusterDescription,
    /// For how long certificates and tokens are asked for, in seconds: at least
    /// 3600, and 600 for tokens. Without, the hub decides on certificates, and
    /// tokens are good for a day.
    pub expiration_seconds: Option<i32>,
    /// How it registers.
    pub driver: Driver,
    /// Whether the hub tells its authorities ([`HubAccess::told_authorities`]), as
    /// Adit's does. Then they are followed, and a certificate of one of them is
    /// renewed when it is not the first any more, which signs.
    pub follows_authorities: bool,
    /// Which ClusterClaims the hub is told.
    pub claims: ClaimRules,
    /// How often what is done.
    pub pace: Pace,
    /// What time it is.
    pub clock: Clock,
}

/// Why an agent ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It cannot have its name.
    #[error(transparent)]
    Name(#[from] ClusterNameError),
    /// It cannot keep what it is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A managed cluster's agent.
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
    state: watch::Sender<State>,
}

impl AgentConfig {
    /// What an agent needs, with the defaults of the rest.
    pub fn new(hub: Arc<dyn HubAccess>, store: Arc<dyn CredentialStore>, managed: Client) -> Self {
        Self {
            cluster: None,
            agent: None,
            hub,
            store,
            managed,
            description: ClusterDescription::default(),
            expiration_seconds: None,
            driver: Driver::default(),
            follows_authorities: false,
            claims: ClaimRules::default(),
            pace: Pace::default(),
            clock: Clock::default(),
        }
    }
}

impl Agent {
    /// An agent that does nothing until it is run.
    #[must_use]
    pub fn new(config: AgentConfig) -> Self {
        Self {
            config,
            state: watch::Sender::default(),
        }
    }

    /// How far the agent has come. Each state's text is a line for people.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Joins the hub, or goes on as what it joined as, until `stop`. Whatever
    /// the hub does is tried again. Dropping the future ends it at once, and
    /// leaves nothing behind that another run cannot go on from.
    ///
    /// # Errors
    /// If its name is none, or its store cannot be used.
    pub async fn run(self, stop: CancellationToken) -> Result<(), AgentError> {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = Box::pin(self.always()) => ended,
        }
    }

    async fn always(&self) -> Result<(), AgentError> {
        let config = &self.config;
        let stored = config.store.load().await?;
        let (cluster, agent) = (config.cluster.as_ref(), config.agent.as_ref());
        let identity = identity::decide(cluster, agent, &stored)?;
        let claim = (config.driver == Driver::Token).then(|| by_token::claim(&stored));
        let has_claim = claim.is_none() || stored.claim.is_some();
        if stored.cluster.as_ref() != Some(&identity.cluster)
            || stored.agent.as_ref() != Some(&identity.agent)
            || !has_claim
        {
            // Before the hub hears of it, so that it hears of no second one.
            let names = Stored {
                cluster: Some(identity.cluster.clone()),
                agent: Some(identity.agent.clone()),
                claim: claim.clone().or(stored.claim),
                ..stored
            };
            config.store.save(&names).await?;
        }
        let mut endpoint = config.hub.endpoint();
        let mut failures = 0;
        loop {
            let now = endpoint.borrow_and_update().clone();
            let error = match self.once(&identity, &now, &mut endpoint).await {
                Ok(_) => {
                    failures = 0;
                    continue;
                }
                // What cannot be kept is lost at the next start; people have to see to it.
                Err(JoinError::Store(error)) => return Err(error.into()),
                Err(error) => error,
            };
            failures += 1;
            self.wait_after(&error, failures, &mut endpoint).await;
        }
    }

    /// From the credential that there is, or another one, until it ends.
    async fn once(
        &self,
        identity: &AgentIdentity,
        endpoint: &HubEndpoint,
        moved: &mut watch::Receiver<HubEndpoint>,
    ) -> Result<Ended, JoinError> {
        let config = &self.config;
        let stored = config.store.load().await?;
        let now = config.clock.now();
        let checked = validity::check(&stored, identity, endpoint, config.driver, now);
        let credential = match checked {
            Ok(credential) => credential,
            Err(why) => {
                tracing::info!(%why, "the agent needs a credential");
                tokio::select! {
                    joined = Box::pin(self.join(identity, endpoint, &stored)) => joined?,
                    () = until_moved(moved) => return Ok(Ended::Moved),
                }
            }
        };
        let hub = config.hub.enter(&credential).await?;
        let running = Running {
            hub,
            credential: &credential,
            config,
            state: &self.state,
        };
        let ended = tokio::select! {
            ended = Box::pin(running.run()) => ended,
            () = until_moved(moved) => Ended::Moved,
        };
        if let Ended::Trusting(authorities) = &ended {
            let mut kept = credential;
            kept.endpoint.certificate_authority = Some(authorities.clone());
            config.store.save(&kept.to_stored()).await?;
            config.hub.trust(kept.endpoint);
            tracing::info!("the hub has other authorities, which are trusted from now on");
        }
        Ok(ended)
    }

    async fn join(
        &self,
        identity: &AgentIdentity,
        endpoint: &HubEndpoint,
        stored: &Stored,
    ) -> Result<Credential, JoinError> {
        let config = &self.config;
        let mut description = config.description.clone();
        let claim = (config.driver == Driver::Token).then(|| by_token::claim(stored));
        if let Some(claim) = &claim {
            by_token::describe(&mut description, identity, claim);
        }
        let joining = Joining {
            hub: config.hub.bootstrap().await?,
            identity,
            endpoint,
            description: &description,
            expiration_seconds: config.expiration_seconds,
            store: &*config.store,
            state: &self.state,
            pace: &config.pace,
        };
        match &claim {
            Some(claim) => Box::pin(joining.run_by_token(&*config.hub, claim)).await,
            None => Box::pin(joining.run()).await,
        }
    }

    /// Waits until it is time for another attempt.
    async fn wait_after(
        &self,
        error: &JoinError,
        failures: u32,
        moved: &mut watch::Receiver<HubEndpoint>,
    ) {
        let pace = &self.config.pace;
        let denied = matches!(error, JoinError::Request(of) if of.is_final());
        let again = if denied {
            pace::jittered(pace.denied, 0.5)
        } else {
            after_failures(failures, pace.retry)
        };
        let why = told(error);
        state::tell(&self.state, State::Failing { why, again });
        tokio::select! {
            () = sleep(again) => {}
            () = until_moved(moved) => {}
        }
    }
}

/// Waits until the hub is elsewhere than last seen. Cancel-safe.
async fn until_moved(endpoint: &mut watch::Receiver<HubEndpoint>) {
    let known = endpoint.borrow().clone();
    let moved = endpoint.wait_for(|now| known.difference(now).is_some());
    if moved.await.is_err() {
        // It stays where it is.
        std::future::pending().await
    }
}

impl fmt::Debug for AgentConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentConfig")
            .field("cluster", &self.cluster)
            .field("agent", &self.agent)
            .field("hub", &self.hub)
            .field("store", &self.store)
            .field("description", &self.description)
            .field("expiration_seconds", &self.expiration_seconds)
            .field("driver", &self.driver)
            .field("follows_authorities", &self.follows_authorities)
            .field("claims", &self.claims)
            .field("pace", &self.pace)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
