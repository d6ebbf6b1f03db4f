//! Keeps the hub's API like what is known of clusters: a ManagedCluster for each
//! cluster that was issued certificates, and a ClusterGateway for each ManagedCluster.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use proto::ClusterName;
use proxy_server::ProxyServer;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::known::Known;
use following::Following;

mod following;

/// Makes, changes and removes the objects.
pub(super) struct Inventory {
    known: Arc<Known>,
    proxy: ProxyServer,
    managed_clusters: Api<DynamicObject>,
    cluster_gateways: Api<DynamicObject>,
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
        known: Arc<Known>,
        proxy: ProxyServer,
        client: Client,
        keeper: Client,
    ) -> Self {
        let gateway = GroupVersionKind::gvk("cluster.core.oam.dev", "v1alpha1", "ClusterGateway");
        Self {
            known,
            proxy,
            managed_clusters: Api::all_with(client, &managed_cluster()),
            cluster_gateways: Api::all_with(keeper, &ApiResource::from_gvk(&gateway)),
        }
    }

    /// Does so until it is dropped.
    pub(super) async fn run(self) {
        let mut clusters = Following::new(self.managed_clusters.clone(), |_| ());
        let mut gateways = Following::new(self.cluster_gateways.clone(), is_healthy);
        let begun = Instant::now();
        let mut looks = interval(POLL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = clusters.take() => continue,
                () = gateways.take() => continue,
                _ = looks.tick() => {}
            }
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

    /// What is not as it should be; nothing before all objects are known.
    fn changes(
        &self,
        clusters: &Following<()>,
        gateways: &Following<bool>,
        settling: bool,
    ) -> Vec<Change> {
        let (Some(clusters), Some(gateways)) = (clusters.objects(), gateways.objects()) else {
            return Vec::new();
        };
        let issued = self.known.issued().into_iter().map(|name| name.to_string());
        let unknown = issued.filter(|name| !clusters.contains_key(name));
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
                let object = DynamicObject::new(name, &managed_cluster())
                    .data(json!({"spec": {"hubAcceptsClient": true}}));
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

fn is_healthy(gateway: &DynamicObject) -> bool {
    gateway.data["status"]["healthy"] == true
}
