//! Requests that are written down, by what they try.

use serde_json::{Value, json};

use crate::request::Request;

#[path = "scenarios/applies.rs"]
mod applies;
#[path = "scenarios/built_in.rs"]
mod built_in;
#[path = "scenarios/custom.rs"]
mod custom;
#[path = "scenarios/deletes.rs"]
mod deletes;
#[path = "scenarios/forms.rs"]
mod forms;
#[path = "scenarios/hostile.rs"]
mod hostile;
#[path = "scenarios/kinds.rs"]
mod kinds;
#[path = "scenarios/patches.rs"]
mod patches;
#[path = "scenarios/reads.rs"]
mod reads;
#[path = "scenarios/subresources.rs"]
mod subresources;
#[path = "scenarios/watches.rs"]
mod watches;
#[path = "scenarios/writes.rs"]
mod writes;

/// All of them, each with a name that a namespace can have.
pub(crate) fn all() -> Vec<(&'static str, Vec<Request>)> {
    vec![
        ("reads", reads::requests()),
        ("watches", watches::requests()),
        ("writes", writes::requests()),
        ("patches", patches::requests()),
        ("applies", applies::requests()),
        ("deletes", deletes::requests()),
        ("subresources", subresources::requests()),
        ("forms", forms::requests()),
        ("built-in", built_in::requests()),
        ("custom", custom::requests()),
        ("kinds", kinds::requests()),
        ("hostile", hostile::requests()),
    ]
}

const MAPS: &str = "/api/v1/namespaces/<ns>/configmaps";
const WORKS: &str = "/apis/work.open-cluster-management.io/v1/namespaces/<ns>/manifestworks";
const CLUSTERS: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/<ns>/deployments";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": "1"}})
}

fn work(name: &str) -> Value {
    json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name},
        "spec": {"workload": {"manifests": [map("inner")]}},
    })
}

fn cluster(name: &str) -> Value {
    json!({
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": name},
        "spec": {"hubAcceptsClient": false},
    })
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]},
            },
        },
    })
}

/// The object with some of it otherwise, as a merge patch says.
fn with(mut object: Value, patch: &Value) -> Value {
    fn merge(object: &mut Value, patch: &Value) {
        match (object, patch) {
            (Value::Object(object), Value::Object(patch)) => {
                for (name, value) in patch {
                    if value.is_null() {
                        object.remove(name);
                    } else {
                        merge(object.entry(name.as_str()).or_insert(Value::Null), value);
                    }
                }
            }
            (object, patch) => *object = patch.clone(),
        }
    }
    merge(&mut object, patch);
    object
}
