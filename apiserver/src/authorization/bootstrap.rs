use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::rbac::GROUP;

/// The roles and bindings that a server needs from its first start on, in the
/// order in which they are made; [`super::reconcile()`] each of them at start.
///
/// They are those of the real server that clients and our own controllers
/// refer to. Roles in a namespace need that namespace to be there.
#[must_use]
pub fn bootstrap_policy() -> Vec<Value> {
    let policy: BTreeMap<&str, Vec<Entry>> =
        serde_json::from_str(POLICY).expect("a test reads the file");
    policy
        .into_iter()
        .flat_map(|(kind, entries)| entries.into_iter().map(|entry| entry.object(kind)))
        .collect()
}

const POLICY: &str = include_str!("bootstrap/policy.json");

/// An object without what they all have.
#[derive(Deserialize)]
struct Entry {
    name: String,
    namespace: Option<String>,
    #[serde(default)]
    labels: Map<String, Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Entry {
    fn object(self, kind: &str) -> Value {
        let mut labels = self.labels;
        labels.insert("kubernetes.io/bootstrapping".into(), "rbac-defaults".into());
        let mut object = json!({
            "apiVersion": format!("{GROUP}/v1"),
            "kind": kind,
            "metadata": {
                "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
                "labels": labels,
                "name": self.name,
            },
        });
        if let Some(namespace) = self.namespace {
            object["metadata"]["namespace"] = namespace.into();
        }
        if let Some(object) = object.as_object_mut() {
            object.extend(self.rest);
        }
        object
    }
}
