//! ManagedClusterSets: `default` and `global` are kept as they are to be, and
//! each says how many clusters it has.

use std::sync::Arc;
use std::time::Duration;

use api::types::cluster::{ManagedCluster, ManagedClusterSet, SelectorType};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{Selector, SelectorExt as _};
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::clusters::Clusters;
use super::error::{Trying as _, code, if_there};
use super::following::{Changed, Known};
use super::names::{AUTO_UPDATE, CLUSTER_SET, DEFAULT_SET, GLOBAL_SET};
use super::queue::{Looked, Queue};
use super::{HubError, status};

/// All that is known of the sets.
pub(crate) struct Sets {
    api: Api<ManagedClusterSet>,
    clusters: Arc<Clusters>,
    known: Known<ManagedClusterSet>,
    queue: Queue,
    at_once: usize,
}

/// Clusters that come and go within this time are counted together.
const COUNT_AFTER: Duration = Duration::from_millis(250);

impl Sets {
    pub(crate) fn new(client: &Client, clusters: Arc<Clusters>, at_once: usize) -> Self {
        Self {
            api: Api::all(client.clone()),
            clusters,
            known: Known::default(),
            queue: Queue::default(),
            at_once,
        }
    }

    pub(crate) fn known(&self) -> &Known<ManagedClusterSet> {
        &self.known
    }

    /// Follows the sets and looks at them. Runs until it is dropped. `changed`
    /// hears of them too.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut changed: impl FnMut(&Changed<'_, ManagedClusterSet>) + Send,
    ) {
        let sets = watcher(self.api.clone(), Config::default());
        let follow = self.known.follow(sets, |change| {
            self.queue.push(change.key);
            changed(&change);
        });
        let look = async {
            self.known.are_read().await;
            self.clusters.known().are_read().await;
            for kept in [DEFAULT_SET, GLOBAL_SET] {
                self.queue.push(kept);
            }
            let this = self.clone();
            let look = move |name| this.clone().look(name);
            self.queue.work("cluster sets", self.at_once, look).await;
        };
        tokio::join!(follow.boxed(), look);
    }

    /// Has the sets counted that a cluster has come into or left.
    pub(crate) fn cluster_changed(&self, change: &Changed<'_, ManagedCluster>) {
        let same = match (change.old, change.new) {
            (Some(old), Some(new)) => old.labels() == new.labels(),
            _ => false,
        };
        if same {
            return;
        }
        for set in self.known.all() {
            let members = Members::of(&set);
            let had = change.old.is_some_and(|cluster| members.has(cluster));
            let has = change.new.is_some_and(|cluster| members.has(cluster));
            if had != has {
                self.queue.push_after(&set.name_any(), COUNT_AFTER);
            }
        }
    }

    fn look(self: Arc<Self>, name: String) -> BoxFuture<'static, Looked> {
        async move {
            let set = self.known.find(&name);
            let Some(set) = self.keep(&name, set).await? else {
                return Ok(None);
            };
            if set.metadata.deletion_timestamp.is_none() {
                self.count(&set).await?;
            }
            Ok(None)
        }
        .boxed()
    }

    /// Makes a set that is always there, or makes it what it was; `None` if
    /// there is no such set, or another by now.
    async fn keep(
        &self,
        name: &str,
        set: Option<Arc<ManagedClusterSet>>,
    ) -> Result<Option<Arc<ManagedClusterSet>>, HubError> {
        let Some(selector) = kept(name) else {
            return Ok(set);
        };
        let what = || format!("the cluster set {name} cannot be kept");
        let Some(set) = set else {
            let set = json!({
                "apiVersion": "cluster.open-cluster-management.io/v1beta2",
                "kind": "ManagedClusterSet",
                "metadata": {"name": name},
                "spec": {"clusterSelector": selector},
            });
            let set = serde_json::from_value(set).map_err(kube::Error::SerdeError);
            let set = set.trying(what)?;
            return match self.api.create(&PostParams::default(), &set).await {
                Err(error) if code(&error) == Some(409) => Ok(None),
                made => made.trying(what).map(|_| None),
            };
        };
        let off = set.annotations().get(AUTO_UPDATE);
        let leaving = set.metadata.deletion_timestamp.is_some();
        if leaving || off.is_some_and(|auto| auto == "false") {
            return Ok(Some(set));
        }
        let there = serde_json::to_value(&set.spec.cluster_selector);
        if there.is_ok_and(|there| there == selector) {
            return Ok(Some(set));
        }
        let patch = json!({
            "metadata": {"resourceVersion": set.metadata.resource_version},
            "spec": {"clusterSelector": mended(&selector)},
        });
        let params = PatchParams::default();
        let kept = if_there(self.api.patch(name, &params, &Patch::Merge(patch)).await);
        kept.trying(what)?;
        Ok(None)
    }

    async fn count(&self, set: &ManagedClusterSet) -> Result<(), HubError> {
        let members = Members::of(set);
        let clusters = self.clusters.known().all();
        let count = clusters.iter().filter(|of| members.has(of)).count();
        let (state, reason, message) = if count == 0 {
            let message = "No ManagedCluster selected".to_owned();
            ("True", "NoClusterMatched", message)
        } else {
            let message = format!("{count} ManagedClusters selected");
            ("False", "ClustersSelected", message)
        };
        let status = set.status.as_ref();
        let mut conditions = status.map_or_else(Vec::new, |status| status.conditions.clone());
        if !status::set(&mut conditions, "ClusterSetEmpty", state, reason, message) {
            return Ok(());
        }
        let name = set.name_any();
        let patch = json!({
            "metadata": {"resourceVersion": set.metadata.resource_version},
            "status": {"conditions": conditions},
        });
        let params = PatchParams::default();
        let patch = Patch::Merge(patch);
        let told = self.api.patch_status(&name, &params, &patch).await;
        if_there(told)
            .trying(|| format!("the status of cluster set {name} cannot be written"))
            .map(drop)
    }
}

/// The selector of a set that is always there.
fn kept(name: &str) -> Option<Value> {
    match name {
        DEFAULT_SET => Some(json!({"selectorType": "ExclusiveClusterSetLabel"})),
        GLOBAL_SET => Some(json!({"selectorType": "LabelSelector", "labelSelector": {}})),
        _ => None,
    }
}

/// A merge that leaves nothing of what somebody has put into a selector.
fn mended(selector: &Value) -> Value {
    let mut patch = selector.clone();
    patch["labelSelector"] = match selector.get("labelSelector") {
        Some(_) => json!({"matchExpressions": null, "matchLabels": null}),
        None => Value::Null,
    };
    patch
}

/// Which clusters a set has.
pub(crate) enum Members {
    /// Those with its label.
    Labelled(String),
    Selected(Selector),
    /// Its selector says nothing, or nothing that could be understood.
    None,
}

impl Members {
    pub(crate) fn of(set: &ManagedClusterSet) -> Self {
        let selector = &set.spec.cluster_selector;
        match selector.selector_type {
            SelectorType::ExclusiveClusterSetLabel => Self::Labelled(set.name_any()),
            SelectorType::LabelSelector => {
                let selector = selector.label_selector.clone();
                let selector = selector.map(Selector::try_from);
                selector
                    .and_then(Result::ok)
                    .map_or(Self::None, Self::Selected)
            }
        }
    }

    pub(crate) fn has(&self, cluster: &ManagedCluster) -> bool {
        match self {
            Self::Labelled(set) => cluster.labels().get(CLUSTER_SET) == Some(set),
            Self::Selected(selector) => selector.matches(cluster.labels()),
            Self::None => false,
        }
    }
}
