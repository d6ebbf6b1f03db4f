//! What the hub is told of the cluster: that it has joined, whether its API
//! server is well, what its nodes have, and what it says of itself.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::types::cluster::{ClusterClaim, ManagedCluster};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use proto::AgentIdentity;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use self::claims::Told;
use self::events::Note;
use self::health::Health;
use self::nodes::{NodeResources, Resources};
use self::patch::Desired;
use super::condition::CONFLICTS_MAX;
use super::managed_cluster::{AVAILABLE, condition};
use super::pace::{after_failures, jittered};
use super::refusal::is_code;
use super::view::View;
use super::{Clock, Pace};

mod claims;
mod events;
mod health;
mod nodes;
mod patch;

pub use claims::ClaimRules;

/// Who tells, of what, and to whom.
pub(super) struct Telling<'a> {
    pub(super) hub: Client,
    pub(super) managed: Client,
    pub(super) identity: &'a AgentIdentity,
    pub(super) view: View,
    pub(super) rules: &'a ClaimRules,
    pub(super) clock: &'a Clock,
    pub(super) pace: &'a Pace,
    /// Whether the lease is renewed.
    pub(super) beats: watch::Receiver<bool>,
}

/// What was found out about the managed cluster.
struct Findings {
    nodes: watch::Receiver<Option<Resources>>,
    claims: watch::Receiver<Option<Told>>,
    health: Health,
    version: Option<String>,
}

/// How much later than its period a look may come, of the period.
const JITTER: f64 = 0.1;

impl Telling<'_> {
    /// Tells every `pace.status`, and when something has changed.
    pub(super) async fn run(self) -> Infallible {
        let (node_sums, nodes) = watch::channel(None);
        let (claims_told, claims) = watch::channel(None);
        let follow_nodes = super::mirror::follow(
            Api::<Node>::all(self.managed.clone()),
            NodeResources::of,
            Resources::of,
            node_sums,
        );
        let rules = self.rules.clone();
        let select = |all: &BTreeMap<String, String>| claims::select(all, &rules);
        let follow_claims = super::mirror::follow(
            Api::<ClusterClaim>::all(self.managed.clone()),
            claims::value,
            select,
            claims_told,
        );
        tokio::select! {
            never = Box::pin(follow_nodes) => never,
            never = Box::pin(follow_claims) => never,
            never = Box::pin(self.tell(nodes, claims)) => never,
        }
    }

    async fn tell(
        mut self,
        nodes: watch::Receiver<Option<Resources>>,
        claims: watch::Receiver<Option<Told>>,
    ) -> Infallible {
        let mut found = Findings {
            nodes,
            claims,
            health: Health::Good,
            version: None,
        };
        let mut look_at = Instant::now();
        let mut failures = 0;
        let mut truncated = 0;
        loop {
            let Some(cluster) = self.view.accepted() else {
                self.view.changed().await;
                continue;
            };
            if Instant::now() >= look_at {
                found.health = health::check(&self.managed, self.pace).await;
                found.version = self.version(&found).await;
                look_at = Instant::now() + jittered(self.pace.status, JITTER);
            }
            let retry = match Box::pin(self.sync(cluster, &found)).await {
                Ok(()) => {
                    failures = 0;
                    None
                }
                Err(error) => {
                    let cluster = &self.identity.cluster;
                    tracing::warn!(%cluster, %error, "the hub does not take the cluster's status");
                    failures += 1;
                    Some(after_failures(failures, self.pace.retry))
                }
            };
            self.tell_truncated(&found, &mut truncated).await;
            self.until_news(&mut found, look_at, retry).await;
        }
    }

    /// Waits for the next look, or for anything that is to be told before.
    async fn until_news(
        &mut self,
        found: &mut Findings,
        look_at: Instant,
        retry: Option<Duration>,
    ) {
        if let Some(retry) = retry {
            return sleep(retry).await;
        }
        tokio::select! {
            () = sleep_until(look_at) => return,
            () = self.view.changed() => return,
            () = changed(&mut self.beats) => return,
            () = changed(&mut found.nodes) => {}
            () = changed(&mut found.claims) => {}
        }
        // More of the kind follows close behind.
        sleep(self.pace.settle).await;
    }

    /// The API server's version; the one that is known if it does not say.
    async fn version(&self, found: &Findings) -> Option<String> {
        if found.health != Health::Good {
            return found.version.clone();
        }
        match self.managed.apiserver_version().await {
            Ok(version) => Some(version.git_version),
            Err(error) => {
                tracing::warn!(%error, "the managed cluster does not say its version");
                found.version.clone()
            }
        }
    }

    /// Brings the ManagedCluster's status up to date.
    async fn sync(
        &self,
        mut cluster: Arc<ManagedCluster>,
        found: &Findings,
    ) -> Result<(), kube::Error> {
        let clusters: Api<ManagedCluster> = Api::all(self.hub.clone());
        let name = self.identity.cluster.as_str();
        let good = found.health == Health::Good;
        let resources = found.nodes.borrow().clone().filter(|_| good);
        let claims = found.claims.borrow().clone().map(|told| told.claims);
        let desired = Desired {
            health: &found.health,
            // The hub said it is unknown because the lease was not renewed; that goes first.
            may_recover: *self.beats.borrow(),
            version: found.version.as_deref(),
            resources: resources.as_ref(),
            claims: claims.as_deref(),
        };
        let params = PatchParams::default();
        let mut left = CONFLICTS_MAX;
        loop {
            let Some(patch) = desired.patch(&cluster, &self.clock.time()) else {
                return Ok(());
            };
            let patch = Patch::Merge(patch);
            match clusters.patch_status(name, &params, &patch).await {
                Err(error) if is_code(&error, 409) && left > 0 => left -= 1,
                done => {
                    self.tell_available(&cluster, &done?).await;
                    return Ok(());
                }
            }
            cluster = Arc::new(clusters.get(name).await?);
        }
    }

    /// Says if the cluster is available now and was not before, and the other
    /// way round.
    async fn tell_available(&self, before: &ManagedCluster, now: &ManagedCluster) {
        let status = |of| condition(of, AVAILABLE).map(|of| of.status.as_str());
        let name = self.identity.cluster.as_str();
        let note = status(now).filter(|now| status(before) != Some(*now));
        if let Some(note) = note.and_then(|now| Note::available(name, now)) {
            self.note(note).await;
        }
    }

    async fn note(&self, note: Note) -> bool {
        let told = note.tell(&self.hub, self.identity, self.clock).await;
        if let Err(error) = &told {
            tracing::warn!(%error, "the hub does not take an event");
        }
        told.is_ok()
    }

    /// Says once how many claims the hub is not told.
    async fn tell_truncated(&self, found: &Findings, before: &mut usize) {
        let custom = found.claims.borrow().as_ref().map_or(0, |told| told.custom);
        let most = self.rules.custom_max;
        let news = custom > most && custom != *before;
        if news && !self.note(Note::truncated(custom, most)).await {
            return;
        }
        *before = custom;
    }
}

/// Cancel-safe.
async fn changed<T>(watched: &mut watch::Receiver<T>) {
    if watched.changed().await.is_err() {
        // Whoever follows has ended, and with it everything else.
        std::future::pending().await
    }
}
