//! The namespaces that the hub's cluster sets want in the managed cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use api::types::cluster::{ManagedCluster, ManagedNamespace};
use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use proto::ClusterName;
use serde_json::json;
use tokio::time::sleep;

use super::condition::{CONFLICTS_MAX, Wanted, merged};
use super::pace::jittered;
use super::refusal::{is_code, told};
use super::view::View;
use super::{Clock, HubEndpoint, Pace};

/// Makes the namespaces, and says on the hub what became of them.
pub(super) struct Namespaces<'a> {
    pub(super) hub: Client,
    pub(super) managed: Client,
    pub(super) cluster: &'a ClusterName,
    pub(super) endpoint: &'a HubEndpoint,
    pub(super) view: View,
    pub(super) clock: &'a Clock,
    pub(super) pace: &'a Pace,
}

/// Why a namespace could not be made; none if it is there.
type Outcome = Option<String>;

impl Namespaces<'_> {
    /// Goes through them every `pace.status`, and when the hub wants others.
    pub(super) async fn run(mut self) -> Infallible {
        let label = label(&self.endpoint.server);
        let namespaces: Api<Namespace> = Api::all(self.managed.clone());
        // Those with the hub's label; unknown until they could be listed.
        let mut ours = None;
        loop {
            let Some(cluster) = self.view.accepted() else {
                self.view.changed().await;
                continue;
            };
            if ours.is_none() {
                ours = labelled(&namespaces, &label).await;
            }
            let wanted = wanted(&cluster);
            let names: BTreeSet<&str> = wanted.iter().map(|of| of.name.as_str()).collect();
            let mut outcomes = BTreeMap::new();
            for name in names {
                let made = apply(&namespaces, name, &label).await;
                if made.is_ok()
                    && let Some(ours) = &mut ours
                {
                    ours.insert(name.to_owned());
                }
                outcomes.insert(name.to_owned(), made.err().map(|error| told(&error)));
            }
            if let Some(ours) = &mut ours {
                let_go(&namespaces, ours, &outcomes, &label).await;
            }
            if let Err(error) = self.tell(cluster.clone(), &outcomes).await {
                let cluster = self.cluster;
                tracing::warn!(%cluster, %error, "the hub is not told of the cluster's namespaces");
            }
            self.until_news(wanted).await;
        }
    }

    /// Waits for the next look, or until the hub wants others.
    async fn until_news(&self, before: &[ManagedNamespace]) {
        let names = |of: &[ManagedNamespace]| -> Vec<(String, String)> {
            let names = of
                .iter()
                .map(|of| (of.cluster_set.clone(), of.name.clone()));
            names.collect()
        };
        let (before, mut view) = (names(before), self.view.clone());
        let other = async {
            while view
                .accepted()
                .is_some_and(|now| names(wanted(&now)) == before)
            {
                view.changed().await;
            }
        };
        tokio::select! {
            () = other => {}
            () = sleep(jittered(self.pace.status, JITTER)) => {}
        }
    }

    /// Says what became of each, unless the hub knows.
    async fn tell(
        &self,
        mut cluster: Arc<ManagedCluster>,
        outcomes: &BTreeMap<String, Outcome>,
    ) -> Result<(), kube::Error> {
        let clusters: Api<ManagedCluster> = Api::all(self.hub.clone());
        let (name, params) = (self.cluster.as_str(), PatchParams::default());
        let mut left = CONFLICTS_MAX;
        loop {
            let Some(all) = with_outcomes(wanted(&cluster), outcomes, &self.clock.time()) else {
                return Ok(());
            };
            let patch = Patch::Merge(json!({
                "metadata": {"resourceVersion": cluster.resource_version()},
                "status": {"managedNamespaces": all},
            }));
            match clusters.patch_status(name, &params, &patch).await {
                Err(error) if is_code(&error, 409) && left > 0 => left -= 1,
                told => return told.map(drop),
            }
            cluster = Arc::new(clusters.get(name).await?);
        }
    }
}

/// What the hub wants; nothing of a cluster that leaves.
fn wanted(cluster: &ManagedCluster) -> &[ManagedNamespace] {
    let stays = cluster.metadata.deletion_timestamp.is_none();
    let status = cluster.status.as_ref().filter(|_| stays);
    status.map_or(&[], |status| status.managed_namespaces.as_slice())
}

/// What is wanted, with what became of it; `None` if that is no news.
fn with_outcomes(
    wanted: &[ManagedNamespace],
    outcomes: &BTreeMap<String, Outcome>,
    now: &Time,
) -> Option<Vec<ManagedNamespace>> {
    let mut all = wanted.to_vec();
    for namespace in &mut all {
        let Some(outcome) = outcomes.get(&namespace.name) else {
            continue;
        };
        if let Some(conditions) = merged(&namespace.conditions, &[said(outcome)], now) {
            namespace.conditions = conditions;
        }
    }
    (all != wanted).then_some(all)
}

fn said(failed: &Outcome) -> Wanted {
    let (status, reason, message) = match failed {
        None => {
            let message = "Namespace successfully applied and managed".to_owned();
            ("True", "NamespaceApplied", message)
        }
        Some(why) => {
            let message = format!("Failed to apply namespace: {why}");
            ("False", "NamespaceApplyFailed", message)
        }
    };
    Wanted {
        kind: "NamespaceAvailable",
        status,
        reason,
        message,
    }
}

/// The label of the namespaces that the hub at this URL wants or has wanted.
fn label(server: &str) -> String {
    let hash = digest(&SHA256, server.as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "clusterset.open-cluster-management.io/{}",
        &hex[..LABEL_MAX]
    )
}

/// Those that the hub wanted when this agent last ran, if they can be listed.
async fn labelled(namespaces: &Api<Namespace>, label: &str) -> Option<BTreeSet<String>> {
    let params = ListParams::default().labels(&format!("{label}=true"));
    match namespaces.list_metadata(&params).await {
        Ok(list) => Some(list.iter().map(kube::ResourceExt::name_any).collect()),
        Err(error) => {
            tracing::debug!(%error, "the namespaces that the hub has wanted are not known");
            None
        }
    }
}

/// Has a namespace there with the label.
async fn apply(namespaces: &Api<Namespace>, name: &str, label: &str) -> Result<(), kube::Error> {
    match namespaces.get_metadata_opt(name).await? {
        Some(there) if there.labels().get(label).is_some_and(|of| of == "true") => Ok(()),
        Some(_) => mark(namespaces, name, label, "true").await,
        None => {
            let new = Namespace {
                metadata: ObjectMeta {
                    name: Some(name.to_owned()),
                    labels: Some(BTreeMap::from([(label.to_owned(), "true".to_owned())])),
                    ..ObjectMeta::default()
                },
                ..Namespace::default()
            };
            match namespaces.create(&PostParams::default(), &new).await {
                Err(error) if is_code(&error, 409) => mark(namespaces, name, label, "true").await,
                made => made.map(drop),
            }
        }
    }
}

/// Says of those that the hub does not want any more that it does not.
async fn let_go(
    namespaces: &Api<Namespace>,
    ours: &mut BTreeSet<String>,
    wanted: &BTreeMap<String, Outcome>,
    label: &str,
) {
    let left: Vec<String> = ours
        .iter()
        .filter(|name| !wanted.contains_key(*name))
        .cloned()
        .collect();
    for name in left {
        match mark(namespaces, &name, label, "false").await {
            Err(error) if !is_code(&error, 404) => {
                tracing::warn!(namespace = name, %error, "a namespace is not let go of");
            }
            _ => {
                ours.remove(&name);
            }
        }
    }
}

async fn mark(
    namespaces: &Api<Namespace>,
    name: &str,
    label: &str,
    value: &str,
) -> Result<(), kube::Error> {
    let patch = Patch::Merge(json!({"metadata": {"labels": {(label): value}}}));
    let params = PatchParams::default();
    namespaces
        .patch_metadata(name, &params, &patch)
        .await
        .map(drop)
}

/// The longest name of a label behind its prefix.
const LABEL_MAX: usize = 63;
/// How much later than its period a look may come, of the period.
const JITTER: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule 1.7, managed namespaces.
    #[test]
    fn what_became_of_a_namespace_is_told_in_open_cluster_managements_words() {
        let of = |name: &str| ManagedNamespace {
            name: name.to_owned(),
            cluster_set: "red".to_owned(),
            ..ManagedNamespace::default()
        };
        let outcomes = BTreeMap::from([
            ("shop".to_owned(), None),
            ("office".to_owned(), Some("no way".to_owned())),
        ]);
        let wanted = [of("shop"), of("office"), of("new")];
        let now = Clock::default().time();
        let told = with_outcomes(&wanted, &outcomes, &now).unwrap();
        let said = |of: &ManagedNamespace| {
            let of = &of.conditions[0];
            [&of.type_, &of.status, &of.reason, &of.message].map(ToString::to_string)
        };
        let message = "Namespace successfully applied and managed";
        let applied = ["NamespaceAvailable", "True", "NamespaceApplied", message];
        assert_eq!(said(&told[0]), applied);
        let message = "Failed to apply namespace: no way";
        let failed = [
            "NamespaceAvailable",
            "False",
            "NamespaceApplyFailed",
            message,
        ];
        assert_eq!(said(&told[1]), failed);
        // Nothing is known of it yet.
        assert!(told[2].conditions.is_empty());
        assert_eq!(with_outcomes(&told, &outcomes, &now), None);
    }

    #[test]
    fn the_label_of_a_hub_is_as_long_as_a_label_may_be() {
        let label = label("https://hub.example:6443");
        let (prefix, name) = label.split_once('/').unwrap();
        assert_eq!(prefix, "clusterset.open-cluster-management.io");
        assert_eq!(name.len(), 63);
    }
}
