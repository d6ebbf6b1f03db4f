//! Keeps the hub's API like what is known of clusters: a ManagedCluster for each
//! cluster that was issued certificates, and a ClusterGateway for each ManagedCluster;
//! and the hub's sessions and records like its ManagedClusters.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use proto::ClusterName;
use proxy_server::ProxyServer;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::known::Known;
use super::kubernetes::Accepted;
use crate::clusters::{ClusterRecord, RecordError};
use crate::data_dir::{DataDir, DataDirError};
use following::Following;

mod following;

/// Makes, changes and removes the objects.
pub(super) struct Inventory {
    data: DataDir,
    known: Arc<Known>,
    proxy: ProxyServer,
    managed_clusters: Api<DynamicObject>,
    cluster_gateways: Api<DynamicObject>,
    /// Told of all ManagedClusters, where agents are admitted by it.
    accepted: Option<Arc<Accepted>>,
    /// Whether it has been told of all.
    accepted_told: bool,
    /// Clusters whose ManagedCluster was deleted, until their certificates are
    /// known to be revoked.
    detached: BTreeSet<String>,
    /// The clusters that have a session.
    connected: watch::Sender<Arc<BTreeSet<String>>>,
}

/// Why a cluster's certificates cannot be revoked.
#[derive(Debug, thiserror::Error)]
enum RevokeError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("the hub stops")]
    Stopping,
}

/// One object that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Change {
    /// A cluster that the API does not know yet.
    Accept(String),
    /// A ClusterGateway that is not there, or says otherwise.
    Show { name: String, healthy: bool },
    /// A ClusterGateway whose cluster is gone.
    Remove(String),
}

/// How soon a session's beginning or end shows.
const POLL: Duration = Duration::from_secs(1);
/// After a hub's start its agents come back; those that were there count as there
/// for so long, or a restart would change every ClusterGateway twice.
const SETTLING: Duration = Duration::from_secs(10);
/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Changes that are under way at once, so that they share the store's commits.
const AT_ONCE: usize = 32;
const MANAGER: &str = "adit-hub";

impl Inventory {
    /// `client` may write ManagedClusters, and `keeper` ClusterGateways, which
    /// users only read.
    pub(super) fn new(
        data: DataDir,
        known: Arc<Known>,
        proxy: ProxyServer,
        client: Client,
        keeper: Client,
        accepted: Option<Arc<Accepted>>,
    ) -> Self {
        let gateway = GroupVersionKind::gvk("cluster.core.oam.dev", "v1alpha1", "ClusterGateway");
        Self {
            data,
            known,
            proxy,
            managed_clusters: Api::all_with(client, &managed_cluster()),
            cluster_gateways: Api::all_with(keeper, &ApiResource::from_gvk(&gateway)),
            accepted,
            accepted_told: false,
            detached: BTreeSet::new(),
            connected: watch::Sender::default(),
        }
    }

    /// The clusters that have a session, as they were a second ago at most.
    pub(super) fn connected(&self) -> watch::Receiver<Arc<BTreeSet<String>>> {
        self.connected.subscribe()
    }

    /// Does so until it is dropped.
    pub(super) async fn run(mut self) {
        let mut clusters = Following::new(self.managed_clusters.clone(), is_accepted);
        let mut gateways = Following::new(self.cluster_gateways.clone(), is_healthy);
        let begun = Instant::now();
        let mut looks = interval(POLL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = clusters.take() => {
                    self.tell_accepted(&clusters, &changed);
                    for name in changed {
                        let there = clusters.objects().is_none_or(|all| all.contains_key(&name));
                        self.note_change(&name, there).await;
                    }
                    continue;
                }
                _ = gateways.take() => continue,
                _ = looks.tick() => {}
            }
            self.tell_connected();
            let issued = self.issued();
            self.detached.retain(|name| issued.contains(name));
            let settling = begun.elapsed() < SETTLING;
            let changes = self.changes(&clusters, &gateways, settling);
            let mut done = stream::iter(changes)
                .map(async |change| (self.make(&change).await, change))
                .buffer_unordered(AT_ONCE);
            let mut failed = false;
            while let Some((made, change)) = done.next().await {
                if let Err(error) = made {
                    tracing::warn!(?change, %error, "what is known of a cluster does not show in the hub's API yet");
                    failed = true;
                }
            }
            if failed {
                sleep(RETRY).await;
            }
        }
    }

    /// Before anybody is judged by it.
    fn tell_accepted(&mut self, clusters: &Following<bool>, changed: &[String]) {
        let (Some(accepted), Some(all)) = (&self.accepted, clusters.objects()) else {
            return;
        };
        // What was known at the start may be gone.
        if !std::mem::replace(&mut self.accepted_told, true) {
            accepted.replace(all.clone());
        }
        for name in changed {
            accepted.note(name, all.get(name).copied());
        }
    }

    fn tell_connected(&self) {
        let now = self.proxy.connected().into_iter();
        let now: BTreeSet<String> = now.map(|name| name.to_string()).collect();
        self.connected.send_if_modified(|told| {
            let news = **told != now;
            if news {
                *told = Arc::new(now);
            }
            news
        });
    }

    /// The clusters whose agents may come with certificates made by hand.
    fn issued(&self) -> BTreeSet<String> {
        let issued = self.known.issued().into_iter();
        issued.map(|name| name.to_string()).collect()
    }

    /// A ManagedCluster has come, is accepted, is not any more, or is gone.
    async fn note_change(&mut self, name: &str, there: bool) {
        let Ok(cluster) = name.parse::<ClusterName>() else {
            return;
        };
        // Whoever is not accepted any more is out at once.
        self.proxy.recheck_cluster(&cluster);
        if there || !self.issued().contains(name) {
            return;
        }
        // Otherwise it would be made again of its certificates.
        self.detached.insert(name.to_owned());
        match self.revoke(cluster).await {
            Ok(()) => tracing::info!(cluster = name, "detached: its certificates are revoked"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(
                    cluster = name,
                    error,
                    "a detached cluster's certificates stay"
                );
            }
        }
    }

    async fn revoke(&self, cluster: ClusterName) -> Result<(), RevokeError> {
        let _writer = self.data.lock_for_writing().await?;
        let data = self.data.clone();
        let revoke = move || {
            if let Some(mut record) = ClusterRecord::load(&data, &cluster)? {
                record.revoke(None, OffsetDateTime::now_utc());
                record.save(&data, &cluster)?;
            }
            Ok(())
        };
        match tokio::task::spawn_blocking(revoke).await {
            Ok(revoked) => revoked,
            Err(_) => Err(RevokeError::Stopping),
        }
    }

    /// What is not as it should be; nothing before all objects are known.
    fn changes(
        &self,
        clusters: &Following<bool>,
        gateways: &Following<bool>,
        settling: bool,
    ) -> Vec<Change> {
        let (Some(clusters), Some(gateways)) = (clusters.objects(), gateways.objects()) else {
            return Vec::new();
        };
        let unknown = self.issued().into_iter();
        let unknown =
            unknown.filter(|name| !clusters.contains_key(name) && !self.detached.contains(name));
        let shown = clusters.keys().filter_map(|name| {
            let shown = gateways.get(name);
            let healthy = self.is_connected(name) || settling && shown == Some(&true);
            (shown != Some(&healthy)).then(|| Change::Show {
                name: name.clone(),
                healthy,
            })
        });
        let gone = gateways.keys().filter(|name| !clusters.contains_key(*name));
        unknown
            .map(Change::Accept)
            .chain(shown)
            .chain(gone.cloned().map(Change::Remove))
            .collect()
    }

    fn is_connected(&self, name: &str) -> bool {
        let name: Result<ClusterName, _> = name.parse();
        name.is_ok_and(|name| self.proxy.is_connected(&name))
    }

    async fn make(&self, change: &Change) -> Result<(), kube::Error> {
        let made = match change {
            Change::Accept(name) => {
                let mut object = DynamicObject::new(name, &managed_cluster())
                    .data(json!({"spec": {"hubAcceptsClient": true}}));
                // Whoever has credentials made by hand renews no lease.
                let (key, value) = registration::hub::TUNNEL_ALONE;
                let annotations = object.annotations_mut();
                annotations.insert(key.to_owned(), value.to_owned());
                let params = PostParams::default();
                let made = self.managed_clusters.create(&params, &object).await;
                made.map(drop)
            }
            Change::Show { name, healthy } => {
                let params = PatchParams::apply(MANAGER).force();
                let gateway = Patch::Apply(gateway(name, *healthy));
                let shown = self.cluster_gateways.patch(name, &params, &gateway).await;
                shown.map(drop)
            }
            Change::Remove(name) => {
                let params = DeleteParams::default();
                let removed = self.cluster_gateways.delete(name, &params).await;
                removed.map(drop)
            }
        };
        match made {
            // Somebody was faster.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            made => made,
        }
    }
}

fn managed_cluster() -> ApiResource {
    let group = "cluster.open-cluster-management.io";
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", "ManagedCluster"))
}

/// A cluster as the gateway shows it. The hub has no credential of it to show.
fn gateway(name: &str, healthy: bool) -> Value {
    let mut status = json!({"healthy": healthy});
    if !healthy {
        status["healthyReason"] = "Unknown: none of the cluster's agents is connected".into();
    }
    json!({
        "apiVersion": "cluster.core.oam.dev/v1alpha1",
        "kind": "ClusterGateway",
        "metadata": {"name": name},
        "spec": {"provider": "", "access": {"endpoint": {"type": "ClusterProxy"}}},
        "status": status,
    })
}

fn is_accepted(cluster: &DynamicObject) -> bool {
    cluster.data["spec"]["hubAcceptsClient"] == true
}

fn is_healthy(gateway: &DynamicObject) -> bool {
    gateway.data["status"]["healthy"] == true
}
