//! The namespaces that cluster sets want in their clusters: each cluster is
//! told those of its sets, and its agent makes them.

use std::sync::Arc;

use api::types::cluster::{ManagedCluster, ManagedClusterSet, ManagedNamespace};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::clusters::Clusters;
use super::error::{Trying as _, if_there};
use super::following::Changed;
use super::queue::{Looked, Queue};
use super::sets::{Members, Sets};

/// Keeps what clusters are told of namespaces.
pub(crate) struct ManagedNamespaces {
    api: Api<ManagedCluster>,
    clusters: Arc<Clusters>,
    sets: Arc<Sets>,
    queue: Queue,
    at_once: usize,
}

impl ManagedNamespaces {
    pub(crate) fn new(
        client: &Client,
        clusters: Arc<Clusters>,
        sets: Arc<Sets>,
        at_once: usize,
    ) -> Self {
        Self {
            api: Api::all(client.clone()),
            clusters,
            sets,
            queue: Queue::default(),
            at_once,
        }
    }

    /// Looks at clusters that are to be told. Runs until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        self.clusters.known().are_read().await;
        self.sets.known().are_read().await;
        let this = self.clone();
        let look = move |name| this.clone().look(name);
        self.queue.work("namespaces", self.at_once, look).await;
    }

    /// Has a cluster looked at that has come, or may be in other sets now.
    pub(crate) fn cluster_changed(&self, change: &Changed<'_, ManagedCluster>) {
        let Some(new) = change.new else { return };
        let same = change
            .old
            .is_some_and(|old| old.labels() == new.labels() && told(old) == told(new));
        if !same {
            self.queue.push(change.key);
        }
    }

    /// Has the clusters looked at that are told something of a set, or are to be.
    pub(crate) fn set_changed(&self, change: &Changed<'_, ManagedClusterSet>) {
        let wants = |set: &ManagedClusterSet| !set.spec.managed_namespaces.is_empty();
        let before = change.old.filter(|set| wants(set));
        let now = change.new.filter(|set| wants(set));
        if before.is_none() && now.is_none() {
            return;
        }
        let sets: Vec<Members> = before.into_iter().chain(now).map(Members::of).collect();
        for cluster in self.clusters.known().all() {
            if sets.iter().any(|set| set.has(&cluster)) {
                self.queue.push(&cluster.name_any());
            }
        }
    }

    fn look(self: Arc<Self>, name: String) -> BoxFuture<'static, Looked> {
        async move {
            let cluster = self.clusters.known().find(&name);
            let stays = |of: &Arc<ManagedCluster>| of.metadata.deletion_timestamp.is_none();
            let Some(cluster) = cluster.filter(stays) else {
                return Ok(None);
            };
            let wanted = self.wanted(&cluster);
            if wanted == told(&cluster) {
                return Ok(None);
            }
            let patch = Patch::Merge(json!({
                "metadata": {
                    "uid": cluster.metadata.uid,
                    "resourceVersion": cluster.metadata.resource_version,
                },
                "status": {"managedNamespaces": wanted},
            }));
            let params = PatchParams::default();
            let written = self.api.patch_status(&name, &params, &patch).await;
            if_there(written).trying(|| format!("{name} cannot be told its namespaces"))?;
            Ok(None)
        }
        .boxed()
    }

    /// What a cluster is to be told, by set and name; what its agent has said of
    /// one stays.
    fn wanted(&self, cluster: &ManagedCluster) -> Vec<ManagedNamespace> {
        let mut sets = self.sets.known().all();
        sets.retain(|set| {
            set.metadata.deletion_timestamp.is_none() && Members::of(set).has(cluster)
        });
        let mut wanted: Vec<ManagedNamespace> = Vec::new();
        for set in sets {
            let cluster_set = set.name_any();
            for namespace in &set.spec.managed_namespaces {
                let is_it = |of: &&ManagedNamespace| {
                    of.name == namespace.name && of.cluster_set == cluster_set
                };
                let known = told(cluster).iter().find(is_it);
                wanted.push(ManagedNamespace {
                    name: namespace.name.clone(),
                    cluster_set: cluster_set.clone(),
                    conditions: known.map_or_else(Vec::new, |of| of.conditions.clone()),
                });
            }
        }
        wanted.sort_by(|a, b| (&a.cluster_set, &a.name).cmp(&(&b.cluster_set, &b.name)));
        wanted
    }
}

/// What a cluster is told now.
fn told(cluster: &ManagedCluster) -> &[ManagedNamespace] {
    let status = cluster.status.as_ref();
    status.map_or(&[], |status| status.managed_namespaces.as_slice())
}
