//! The objects themselves.

use serde_json::{Value, json};

use super::{Mode, roles};

/// Where the agent is in the managed cluster.
pub const NAMESPACE: &str = "open-cluster-management-agent";
/// As whom the agent runs there.
pub const SERVICE_ACCOUNT: &str = "adit-agent";

/// What everything that is applied is labelled with.
pub(super) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "adit");

/// The kinds that the agent reads and writes in the managed cluster.
const KINDS: [&str; 2] = ["AppliedManifestWork", "ClusterClaim"];

pub(super) fn label() -> String {
    LABEL.1.to_owned()
}

/// Everything, each after what it needs.
pub(super) fn all(mode: Mode) -> Vec<Value> {
    let mut objects = definitions();
    if mode == Mode::Default {
        objects.extend([namespace(), service_account()]);
        objects.extend(roles::all());
    }
    for object in &mut objects {
        mark(object);
    }
    objects
}

/// Labels an object as one of these.
pub(super) fn mark(object: &mut Value) {
    let (key, value) = LABEL;
    object["metadata"]["labels"][key] = value.into();
}

fn definitions() -> Vec<Value> {
    let all = api::ocm().custom_resource_definitions().into_iter();
    all.filter(|of| {
        let kind = of["spec"]["names"]["kind"].as_str();
        kind.is_some_and(|kind| KINDS.contains(&kind))
    })
    .collect()
}

fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
}

fn service_account() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": SERVICE_ACCOUNT, "namespace": NAMESPACE},
    })
}
