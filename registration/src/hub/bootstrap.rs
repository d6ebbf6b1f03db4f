//! What a cluster needs on the hub before the hub has heard of it.

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::Client;
use serde_json::{Value, json};

use super::HubError;
use super::names::{BOOTSTRAP_ACCOUNT, BOOTSTRAP_GROUP, HUB_NAMESPACE, NAMESPACE};
use super::objects::Wanted;

/// Has it there: the namespaces, the service account, and the role of those
/// that come with a bootstrap token.
pub(crate) async fn prepare(client: &Client) -> Result<(), HubError> {
    for namespace in [NAMESPACE, HUB_NAMESPACE] {
        Wanted::new::<Namespace>(namespace).begin(client).await?;
    }
    let account = Wanted::new::<ServiceAccount>(BOOTSTRAP_ACCOUNT).within(NAMESPACE);
    account.begin(client).await?;
    for wanted in [
        role(),
        binding(
            "open-cluster-management:bootstrap:managedcluster",
            json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": BOOTSTRAP_GROUP}),
        ),
        binding(
            "open-cluster-management:bootstrap:agent-registration",
            json!({"kind": "ServiceAccount", "name": BOOTSTRAP_ACCOUNT, "namespace": NAMESPACE}),
        ),
    ] {
        wanted.ensure(client).await?;
    }
    Ok(())
}

const ROLE: &str = "open-cluster-management:bootstrap";

fn role() -> Wanted {
    let rules = json!([
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
        {
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests"],
            "verbs": ["create", "get", "list", "watch"],
        },
        {
            "apiGroups": ["cluster.open-cluster-management.io"],
            "resources": ["managedclusters"],
            "verbs": ["get", "create", "list", "watch"],
        },
        {
            "apiGroups": ["cluster.open-cluster-management.io"],
            "resources": ["managedclustersets/join"],
            "verbs": ["create"],
        },
    ]);
    Wanted::new::<ClusterRole>(ROLE).field("rules", rules)
}

fn binding(name: &str, subject: Value) -> Wanted {
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE});
    Wanted::new::<ClusterRoleBinding>(name)
        .field("roleRef", role)
        .field("subjects", json!([subject]))
}
