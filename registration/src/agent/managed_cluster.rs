//! The agent's own ManagedCluster on the hub.

use std::collections::BTreeMap;

use api::types::cluster::{ClientConfig, ManagedCluster, ManagedClusterSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use proto::ClusterName;
use serde_json::{Map, Value, json};

use super::refusal::is_code;

/// What an agent says of its cluster on the hub, beside its status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterDescription {
    /// Only those that begin with [`ANNOTATION_PREFIX`] are set.
    pub annotations: BTreeMap<String, String>,
    /// Labels; those that others have set stay.
    pub labels: BTreeMap<String, String>,
    /// How the cluster's API server can be reached from the hub, for those who
    /// can; those with other URLs stay.
    pub client_configs: Vec<ClientConfig>,
}

/// With what an annotation begins that an agent may set.
pub const ANNOTATION_PREFIX: &str = "agent.open-cluster-management.io";

/// OCM's default.
const LEASE_SECONDS: i32 = 60;

pub(super) const ACCEPTED: &str = "HubAcceptedManagedCluster";
pub(super) const JOINED: &str = "ManagedClusterJoined";
pub(super) const AVAILABLE: &str = "ManagedClusterConditionAvailable";

impl ClusterDescription {
    fn allowed_annotations(&self) -> BTreeMap<String, String> {
        let all = self.annotations.iter();
        all.filter(|(key, _)| key.starts_with(ANNOTATION_PREFIX))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn new_cluster(&self, name: &ClusterName) -> ManagedCluster {
        let spec = ManagedClusterSpec {
            managed_cluster_client_configs: self.client_configs.clone(),
            lease_duration_seconds: LEASE_SECONDS,
            ..ManagedClusterSpec::default()
        };
        let mut cluster = ManagedCluster::new(name.as_str(), spec);
        let metadata = &mut cluster.metadata;
        metadata.annotations = some(self.allowed_annotations());
        metadata.labels = some(self.labels.clone());
        cluster
    }

    /// What there is to change about a ManagedCluster; `None` if nothing.
    fn patch(&self, cluster: &ManagedCluster) -> Option<Value> {
        let mut metadata = Map::new();
        let wanted = [
            (
                "annotations",
                self.allowed_annotations(),
                cluster.annotations(),
            ),
            ("labels", self.labels.clone(), cluster.labels()),
        ];
        for (field, wanted, now) in wanted {
            let differ = wanted
                .into_iter()
                .filter(|(key, value)| now.get(key) != Some(value));
            let differ: BTreeMap<String, String> = differ.collect();
            if !differ.is_empty() {
                metadata.insert(field.to_owned(), json!(differ));
            }
        }
        let now = &cluster.spec.managed_cluster_client_configs;
        let mut configs = now.clone();
        for wanted in &self.client_configs {
            match configs.iter_mut().find(|of| of.url == wanted.url) {
                Some(config) => *config = wanted.clone(),
                None => configs.push(wanted.clone()),
            }
        }
        let mut patch = Map::new();
        if configs != *now {
            // The list is replaced as a whole, so nobody may have changed it.
            metadata.insert(
                "resourceVersion".to_owned(),
                json!(cluster.resource_version()),
            );
            let spec = json!({"managedClusterClientConfigs": configs});
            patch.insert("spec".to_owned(), spec);
        }
        if !metadata.is_empty() {
            patch.insert("metadata".to_owned(), metadata.into());
        }
        (!patch.is_empty()).then(|| patch.into())
    }
}

/// Makes the ManagedCluster, or brings what the agent says of it up to date.
/// Whether the hub accepts it is not the agent's to say.
pub(super) async fn sync(
    hub: &Client,
    name: &ClusterName,
    description: &ClusterDescription,
) -> Result<(), kube::Error> {
    let clusters: Api<ManagedCluster> = Api::all(hub.clone());
    let Some(cluster) = clusters.get_opt(name.as_str()).await? else {
        let new = description.new_cluster(name);
        return match clusters.create(&PostParams::default(), &new).await {
            // Another agent of the cluster came first.
            Err(error) if !is_code(&error, 409) => Err(error),
            _ => Ok(()),
        };
    };
    let Some(patch) = description.patch(&cluster) else {
        return Ok(());
    };
    let params = PatchParams::default();
    let patch = Patch::Merge(patch);
    match clusters.patch(name.as_str(), &params, &patch).await {
        // Who only bootstraps may not, and what changed meanwhile is looked at again.
        Err(error) if !is_code(&error, 403) && !is_code(&error, 409) => Err(error),
        _ => Ok(()),
    }
}

/// A ManagedCluster's condition.
pub(super) fn condition<'a>(cluster: &'a ManagedCluster, kind: &str) -> Option<&'a Condition> {
    let conditions = &cluster.status.as_ref()?.conditions;
    conditions.iter().find(|of| of.type_ == kind)
}

/// Whether the hub accepts the cluster and has done what follows from that.
pub(super) fn is_accepted(cluster: &ManagedCluster) -> bool {
    condition(cluster, ACCEPTED).is_some_and(|of| of.status == "True")
}

fn some(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    (!map.is_empty()).then_some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entries = entries.iter();
        entries
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    fn config(url: &str, ca: &str) -> ClientConfig {
        ClientConfig {
            url: url.to_owned(),
            ca_bundle: Some(k8s_openapi::ByteString(ca.as_bytes().to_vec())),
        }
    }

    fn description() -> ClusterDescription {
        ClusterDescription {
            annotations: map(&[
                ("agent.open-cluster-management.io/a", "1"),
                (
                    "open-cluster-management.io/automatically-accepted-on",
                    "now",
                ),
            ]),
            labels: map(&[("env", "prod")]),
            client_configs: vec![config("https://own", "new")],
        }
    }

    /// Rule 1.3, step 3.
    #[test]
    fn only_the_agents_own_annotations_are_set_and_nothing_of_acceptance() {
        let new = description().new_cluster(&"c1".parse().unwrap());
        let annotations = map(&[("agent.open-cluster-management.io/a", "1")]);
        assert_eq!(new.metadata.annotations, Some(annotations));
        assert_eq!(new.metadata.labels, Some(map(&[("env", "prod")])));
        assert!(!new.spec.hub_accepts_client);
        assert_eq!(new.spec.lease_duration_seconds, 60);
    }

    #[test]
    fn a_resync_changes_what_is_the_agents_and_leaves_what_is_not() {
        let description = description();
        let mut cluster = description.new_cluster(&"c1".parse().unwrap());
        assert_eq!(description.patch(&cluster), None);
        cluster.metadata.labels = Some(map(&[("env", "test"), ("team", "a")]));
        let patch = description.patch(&cluster).unwrap();
        assert_eq!(patch, json!({"metadata": {"labels": {"env": "prod"}}}));
        cluster.metadata.labels = Some(map(&[("env", "prod")]));
        cluster.metadata.resource_version = Some("7".to_owned());
        cluster.spec.managed_cluster_client_configs =
            vec![config("https://other", "o"), config("https://own", "old")];
        let patch = description.patch(&cluster).unwrap();
        let configs = [config("https://other", "o"), config("https://own", "new")];
        assert_eq!(
            patch,
            json!({
                "metadata": {"resourceVersion": "7"},
                "spec": {"managedClusterClientConfigs": configs},
            })
        );
    }
}
