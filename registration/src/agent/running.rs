//! What an agent does once it has its certificate.

use std::convert::Infallible;

use kube::Client;
use tokio::sync::watch;
use tokio::time::sleep;

use super::namespaces::Namespaces;
use super::rotation::{Rotated, Rotation};
use super::state::State;
use super::status::Telling;
use super::view::{self, View};
use super::{AgentConfig, Credential, authorities, lease, managed_cluster, pace};

/// Why it stopped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    /// The certificate's time is over.
    Expired,
    /// The hub is elsewhere now.
    Moved,
    /// There is a new certificate.
    Renewed,
    /// The hub has other authorities, PEM.
    Trusting(String),
}

/// A joined agent, or one that waits for acceptance.
pub(super) struct Running<'a> {
    /// As the agent.
    pub(super) hub: Client,
    pub(super) credential: &'a Credential,
    pub(super) config: &'a AgentConfig,
    pub(super) state: &'a watch::Sender<State>,
}

impl Running<'_> {
    /// Runs until the certificate ends or there is another one.
    pub(super) async fn run(&self) -> Ended {
        let AgentConfig { clock, pace, .. } = self.config;
        let identity = &self.credential.identity;
        let (seen, view) = View::new();
        let (beating, beats) = watch::channel(false);
        let follow = view::follow(self.hub.clone(), self.credential, seen, self.state);
        let lease = lease::run(
            self.hub.clone(),
            &identity.cluster,
            view.clone(),
            clock,
            pace,
            beating,
        );
        let telling = Telling {
            hub: self.hub.clone(),
            managed: self.config.managed.clone(),
            identity,
            view: view.clone(),
            rules: &self.config.claims,
            clock,
            pace,
            beats,
        };
        let namespaces = Namespaces {
            hub: self.hub.clone(),
            managed: self.config.managed.clone(),
            cluster: &identity.cluster,
            endpoint: &self.credential.endpoint,
            view: view.clone(),
            clock,
            pace,
        };
        let rotation = Rotation {
            hub: self.hub.clone(),
            credential: self.credential,
            expiration_seconds: self.config.expiration_seconds,
            follows_authorities: self.config.follows_authorities,
            store: &*self.config.store,
            clock,
            pace,
        };
        tokio::select! {
            never = Box::pin(follow) => match never {},
            never = Box::pin(lease) => match never {},
            never = Box::pin(telling.run()) => match never {},
            never = Box::pin(namespaces.run()) => match never {},
            never = Box::pin(self.resync(view)) => match never {},
            authorities = Box::pin(self.authorities()) => Ended::Trusting(authorities),
            rotated = Box::pin(rotation.run()) => match rotated {
                Rotated::Renewed => Ended::Renewed,
                Rotated::Expired => Ended::Expired,
            },
        }
    }

    /// Waits until the hub tells other authorities.
    async fn authorities(&self) -> String {
        let Credential {
            endpoint, identity, ..
        } = self.credential;
        if !self.config.follows_authorities {
            std::future::pending::<()>().await;
        }
        let told = self.config.hub.told_authorities(&identity.cluster).await;
        authorities::changed(self.hub.clone(), &told, endpoint).await
    }

    /// Keeps what the agent says of the cluster beside its status up to date.
    async fn resync(&self, mut view: View) -> Infallible {
        let cluster = &self.credential.identity.cluster;
        loop {
            while view.accepted().is_none() {
                view.changed().await;
            }
            let description = &self.config.description;
            let synced = managed_cluster::sync(&self.hub, cluster, description).await;
            if let Err(error) = synced {
                tracing::warn!(%cluster, %error, "the ManagedCluster is not brought up to date");
            }
            sleep(pace::jittered(self.config.pace.resync, 1.0)).await;
        }
    }
}
