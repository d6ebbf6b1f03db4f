//! The objects themselves.

use serde_json::{Value, json};

use super::Mode;
use crate::agent::CredentialSecret;

/// Where the agent is in the managed cluster.
pub const NAMESPACE: &str = "open-cluster-management-agent";
/// As whom the agent runs there.
pub const SERVICE_ACCOUNT: &str = "adit-agent";

/// What everything that is applied is labelled with.
pub(super) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "adit");

/// The kinds that the agent reads and writes in the managed cluster.
const KINDS: [&str; 2] = ["AppliedManifestWork", "ClusterClaim"];

const ROLE: &str = "open-cluster-management:adit-agent:registration";

pub(super) fn label() -> String {
    LABEL.1.to_owned()
}

/// Everything, each after what it needs.
pub(super) fn all(mode: Mode) -> Vec<Value> {
    let mut objects = definitions();
    if mode == Mode::Default {
        objects.extend([
            namespace(),
            service_account(),
            cluster_role(),
            cluster_role_binding(),
            role(),
            role_binding(),
        ]);
    }
    for object in &mut objects {
        let (key, value) = LABEL;
        object["metadata"]["labels"][key] = value.into();
    }
    objects
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

/// What registration reads of the cluster, and nothing else.
fn cluster_role() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ROLE},
        "rules": [
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
            {
                "apiGroups": ["cluster.open-cluster-management.io"],
                "resources": ["clusterclaims"],
                "verbs": ["get", "list", "watch"],
            },
            {"nonResourceURLs": ["/livez", "/healthz", "/version"], "verbs": ["get"]},
        ],
    })
}

fn cluster_role_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ROLE},
        "roleRef": role_ref("ClusterRole", ROLE),
        "subjects": [subject()],
    })
}

/// Its own Secret; `create` knows no names.
fn role() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": SERVICE_ACCOUNT, "namespace": NAMESPACE},
        "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": [CredentialSecret::NAME],
                "verbs": ["get", "update", "delete"],
            },
        ],
    })
}

fn role_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": SERVICE_ACCOUNT, "namespace": NAMESPACE},
        "roleRef": role_ref("Role", SERVICE_ACCOUNT),
        "subjects": [subject()],
    })
}

fn role_ref(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

fn subject() -> Value {
    json!({"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE})
}
