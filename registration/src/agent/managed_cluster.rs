//! The agent's own ManagedCluster on the hub.

use std::collections::BTreeMap;

use api::types::cluster::{ClientConfig, ManagedCluster, ManagedClusterSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::{Api, Client, ResourceExt as _};
use proto::ClusterName;
use serde_json::{Value, json};

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

    /// Brings a ManagedCluster up to date; whether there was anything to change.
    fn bring_up_to_date(&self, cluster: &mut DynamicObject) -> bool {
        let before = cluster.clone();
        let own = self.allowed_annotations();
        if !own.is_empty() {
            cluster.annotations_mut().extend(own);
        }
        if !self.labels.is_empty() {
            cluster.labels_mut().extend(self.labels.clone());
        }
        for wanted in &self.client_configs {
            let configs = &mut cluster.data["spec"]["managedClusterClientConfigs"];
            if !configs.is_array() {
                *configs = Value::Array(Vec::new());
            }
            let Some(configs) = configs.as_array_mut() else {
                continue;
            };
            match configs.iter_mut().find(|of| of["url"] == *wanted.url) {
                Some(config) => *config = json!(wanted),
                None => configs.push(json!(wanted)),
            }
        }
        *cluster != before
    }
}

/// Makes the ManagedCluster, or brings what the agent says of it up to date.
/// Whether the hub accepts it is not the agent's to say.
pub(super) async fn sync(
    hub: &Client,
    name: &ClusterName,
    description: &ClusterDescription,
) -> Result<(), kube::Error> {
    // An agent may update it but not patch it, and the types lack what only others read.
    let resource = ApiResource::erase::<ManagedCluster>(&());
    let clusters: Api<DynamicObject> = Api::all_with(hub.clone(), &resource);
    let Some(mut cluster) = clusters.get_opt(name.as_str()).await? else {
        let new = description.new_cluster(name);
        let clusters: Api<ManagedCluster> = Api::all(hub.clone());
        return match clusters.create(&PostParams::default(), &new).await {
            // Another agent of the cluster came first.
            Err(error) if !is_code(&error, 409) => Err(error),
            _ => Ok(()),
        };
    };
    if !description.bring_up_to_date(&mut cluster) {
        return Ok(());
    }
    let params = PostParams::default();
    match clusters.replace(name.as_str(), &params, &cluster).await {
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
        let new = description.new_cluster(&"c1".parse().unwrap());
        let mut cluster: DynamicObject = serde_json::from_value(json!(new)).unwrap();
        assert!(!description.bring_up_to_date(&mut cluster));
        cluster.metadata.labels = Some(map(&[("env", "test"), ("team", "a")]));
        let configs = [config("https://other", "o"), config("https://own", "old")];
        cluster.data["spec"]["managedClusterClientConfigs"] = json!(configs);
        cluster.data["spec"]["unknown"] = json!("kept");
        assert!(description.bring_up_to_date(&mut cluster));
        assert_eq!(*cluster.labels(), map(&[("env", "prod"), ("team", "a")]));
        let configs = [config("https://other", "o"), config("https://own", "new")];
        let spec = &cluster.data["spec"];
        assert_eq!(spec["managedClusterClientConfigs"], json!(configs));
        assert_eq!(spec["unknown"], "kept");
    }
}
