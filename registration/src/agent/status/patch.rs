//! What is to change about a ManagedCluster's status.

use std::collections::BTreeMap;

use api::types::cluster::{Claim, ManagedCluster};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use serde_json::{Map, Value, json};

use super::health::Health;
use super::nodes::Resources;
use crate::agent::condition::{Wanted, merged};
use crate::agent::managed_cluster::{AVAILABLE, JOINED, condition};

/// What the status is to say; what is not known stays as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Desired<'a> {
    pub(super) health: &'a Health,
    /// Whether what the hub called unknown may be called available again.
    pub(super) may_recover: bool,
    pub(super) version: Option<&'a str>,
    pub(super) resources: Option<&'a Resources>,
    pub(super) claims: Option<&'a [Claim]>,
}

impl Desired<'_> {
    /// A merge patch; `None` if there is nothing to say.
    pub(super) fn patch(&self, cluster: &ManagedCluster, now: &Time) -> Option<Value> {
        let status = cluster.status.clone().unwrap_or_default();
        let mut patch = Map::new();
        if let Some(conditions) = merged(&status.conditions, &self.conditions(cluster), now) {
            patch.insert("conditions".to_owned(), json!(conditions));
        }
        if let Some(version) = self.version.filter(|of| *of != status.version.kubernetes) {
            patch.insert("version".to_owned(), json!({"kubernetes": version}));
        }
        if let Some(resources) = self.resources {
            // What others have put there stays.
            let differ = resources.capacity.iter();
            let differ = differ.filter(|(key, value)| status.capacity.get(*key) != Some(value));
            let differ: BTreeMap<&String, &Quantity> = differ.collect();
            if !differ.is_empty() {
                patch.insert("capacity".to_owned(), json!(differ));
            }
            if resources.allocatable != status.allocatable {
                let gone = status.allocatable.keys();
                let gone = gone.filter(|key| !resources.allocatable.contains_key(*key));
                let gone = gone.map(|key| (key.clone(), Value::Null));
                let now = resources.allocatable.iter();
                let now = now.map(|(key, value)| (key.clone(), json!(value)));
                let all: Map<String, Value> = gone.chain(now).collect();
                patch.insert("allocatable".to_owned(), all.into());
            }
        }
        if let Some(claims) = self.claims.filter(|of| *of != status.cluster_claims) {
            patch.insert("clusterClaims".to_owned(), json!(claims));
        }
        if patch.is_empty() {
            return None;
        }
        // Conditions are replaced as a whole, so nobody may have changed them.
        Some(json!({
            "metadata": {"resourceVersion": cluster.resource_version()},
            "status": patch,
        }))
    }

    fn conditions(&self, cluster: &ManagedCluster) -> Vec<Wanted> {
        let joined = Wanted {
            kind: JOINED,
            status: "True",
            reason: "ManagedClusterJoined",
            message: "Managed cluster joined".to_owned(),
        };
        let available = match self.health {
            Health::Good => Wanted {
                kind: AVAILABLE,
                status: "True",
                reason: "ManagedClusterAvailable",
                message: "Managed cluster is available".to_owned(),
            },
            Health::Bad { code, why } => Wanted {
                kind: AVAILABLE,
                status: "False",
                reason: "ManagedClusterKubeAPIServerUnavailable",
                message: format!("The kube-apiserver is not ok, status code: {code}, {why}"),
            },
        };
        let unknown = condition(cluster, AVAILABLE).is_some_and(|of| of.status == "Unknown");
        if unknown && !self.may_recover {
            return vec![joined];
        }
        vec![joined, available]
    }
}

#[cfg(test)]
mod tests {
    use api::types::cluster::ManagedClusterSpec;

    use super::*;
    use crate::agent::Clock;

    fn cluster(status: Value) -> ManagedCluster {
        let mut cluster = ManagedCluster::new("c1", ManagedClusterSpec::default());
        cluster.metadata.resource_version = Some("7".to_owned());
        cluster.status = serde_json::from_value(status).unwrap();
        cluster
    }

    fn desired() -> Desired<'static> {
        Desired {
            health: &Health::Good,
            may_recover: true,
            version: None,
            resources: None,
            claims: None,
        }
    }

    fn condition_of<'a>(patch: &'a Value, kind: &str) -> &'a Value {
        let conditions = patch["status"]["conditions"].as_array().unwrap();
        conditions.iter().find(|of| of["type"] == kind).unwrap()
    }

    /// Rules 1.2 and 1.7.
    #[test]
    fn the_conditions_have_open_cluster_managements_words() {
        let now = Clock::default().time();
        let patch = desired().patch(&cluster(json!({})), &now).unwrap();
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        let joined = condition_of(&patch, "ManagedClusterJoined");
        assert_eq!(joined["reason"], "ManagedClusterJoined");
        assert_eq!(joined["message"], "Managed cluster joined");
        let available = condition_of(&patch, "ManagedClusterConditionAvailable");
        assert_eq!(available["status"], "True");
        assert_eq!(available["reason"], "ManagedClusterAvailable");
        assert_eq!(available["message"], "Managed cluster is available");
        let after = cluster(patch["status"].clone());
        assert_eq!(desired().patch(&after, &now), None);
        let health = Health::Bad {
            code: 500,
            why: "etcd failed".to_owned(),
        };
        let bad = Desired {
            health: &health,
            ..desired()
        };
        let patch = bad.patch(&after, &now).unwrap();
        let available = condition_of(&patch, "ManagedClusterConditionAvailable");
        assert_eq!(available["status"], "False");
        assert_eq!(
            available["reason"],
            "ManagedClusterKubeAPIServerUnavailable"
        );
        let message = "The kube-apiserver is not ok, status code: 500, etcd failed";
        assert_eq!(available["message"], message);
    }

    /// Rule 1.7, resources.
    #[test]
    fn keys_that_others_have_put_into_the_capacity_stay() {
        let quantity = |of: &str| Quantity(of.to_owned());
        let resources = Resources {
            capacity: BTreeMap::from([("cpu".to_owned(), quantity("4"))]),
            allocatable: BTreeMap::from([("cpu".to_owned(), quantity("3"))]),
        };
        let desired = Desired {
            resources: Some(&resources),
            ..desired()
        };
        let status = json!({
            "capacity": {"cpu": "2", "example.com/gpus": "8"},
            "allocatable": {"cpu": "2", "memory": "1Gi"},
        });
        let patch = desired
            .patch(&cluster(status), &Clock::default().time())
            .unwrap();
        assert_eq!(patch["status"]["capacity"], json!({"cpu": "4"}));
        let allocatable = json!({"cpu": "3", "memory": null});
        assert_eq!(patch["status"]["allocatable"], allocatable);
    }

    /// The hub says "unknown" because the lease was not renewed: both would
    /// write in turn.
    #[test]
    fn unknown_stays_until_the_lease_is_renewed() {
        let now = Clock::default().time();
        let patch = desired().patch(&cluster(json!({})), &now).unwrap();
        let mut after = cluster(patch["status"].clone());
        let status = after.status.as_mut().unwrap();
        status.conditions[1].status = "Unknown".to_owned();
        let silent = Desired {
            may_recover: false,
            ..desired()
        };
        assert_eq!(silent.patch(&after, &now), None);
        let patch = desired().patch(&after, &now).unwrap();
        let available = condition_of(&patch, "ManagedClusterConditionAvailable");
        assert_eq!(available["status"], "True");
    }
}
