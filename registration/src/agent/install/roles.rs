//! What the agent may do in the managed cluster.

use serde_json::{Value, json};

use crate::agent::CredentialSecret;

use super::objects::{NAMESPACE, SERVICE_ACCOUNT};

const PREFIX: &str = "open-cluster-management:adit-agent";

/// Kubernetes' own role with which somebody has all of a namespace.
const ADMIN: &str = "admin";

/// ClusterRoles with this label are the agent's too: by them people let it
/// apply kinds of their own. The label is Open Cluster Management's.
const AGGREGATE: &str = "open-cluster-management.io/aggregate-to-work";

const ALL_VERBS: [&str; 7] = [
    "create", "delete", "get", "list", "patch", "update", "watch",
];

/// Every role with its binding.
pub(super) fn all() -> Vec<Value> {
    let mut objects = Vec::new();
    for (purpose, rules) in [
        ("registration", registration()),
        ("tunnel", tunnel()),
        ("work", work()),
        ("work-execution", execution()),
    ] {
        objects.push(cluster_role(purpose, ("rules", rules)));
        objects.push(cluster_role_binding(purpose, &name(purpose)));
    }
    // Whoever gathers its rules owns them, so there are none here.
    let gathered = json!({"clusterRoleSelectors": [{"matchLabels": {AGGREGATE: "true"}}]});
    objects.push(cluster_role("work-more", ("aggregationRule", gathered)));
    objects.push(cluster_role_binding("work-more", &name("work-more")));
    objects.push(cluster_role_binding("work-admin", ADMIN));
    objects.extend([role(), role_binding()]);
    objects
}

/// What the hub is told of the cluster.
fn registration() -> Value {
    json!([
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": ["cluster.open-cluster-management.io"],
            "resources": ["clusterclaims"],
            "verbs": ["get", "list", "watch"],
        },
        {"nonResourceURLs": ["/livez", "/healthz", "/version"], "verbs": ["get"]},
    ])
}

/// Users that come through the hub, and Services that are exposed to it. Works
/// with an executor are applied as that service account.
fn tunnel() -> Value {
    json!([
        {
            "apiGroups": [""],
            "resources": ["users", "groups", "serviceaccounts"],
            "verbs": ["impersonate"],
        },
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]},
        {
            "apiGroups": ["discovery.k8s.io"],
            "resources": ["endpointslices"],
            "verbs": ["list", "watch"],
        },
    ])
}

/// What it keeps of works, and whether an executor may have one.
fn work() -> Value {
    json!([
        {
            "apiGroups": ["work.open-cluster-management.io"],
            "resources": ["appliedmanifestworks"],
            "verbs": ALL_VERBS,
        },
        {
            "apiGroups": ["work.open-cluster-management.io"],
            "resources": ["appliedmanifestworks/status"],
            "verbs": ["patch", "update"],
        },
        {
            "apiGroups": ["work.open-cluster-management.io"],
            "resources": ["appliedmanifestworks/finalizers"],
            "verbs": ["update"],
        },
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["subjectaccessreviews"],
            "verbs": ["create"],
        },
    ])
}

/// What works may bring beside what is in namespaces, as in Open Cluster
/// Management.
fn execution() -> Value {
    let rights: Vec<&str> = ALL_VERBS.into_iter().chain(["bind", "escalate"]).collect();
    json!([
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ALL_VERBS},
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "verbs": ALL_VERBS,
        },
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
            "verbs": rights,
        },
        {
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            "verbs": ALL_VERBS,
        },
        {
            "apiGroups": ["scheduling.k8s.io"],
            "resources": ["priorityclasses"],
            "verbs": ALL_VERBS,
        },
    ])
}

fn name(purpose: &str) -> String {
    format!("{PREFIX}:{purpose}")
}

fn cluster_role(purpose: &str, (field, value): (&str, Value)) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name(purpose)},
        field: value,
    })
}

fn cluster_role_binding(purpose: &str, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name(purpose)},
        "roleRef": role_ref("ClusterRole", role),
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
