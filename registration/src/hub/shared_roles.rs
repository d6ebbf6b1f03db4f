//! The two roles that all clusters' agents have in their own namespaces. They
//! are there while there is a cluster.

use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Client;
use serde_json::json;

use super::HubError;
use super::names::CLUSTER_NAME;
use super::objects::Wanted;

pub(crate) const REGISTRATION: &str = "open-cluster-management:managedcluster:registration";
pub(crate) const WORK: &str = "open-cluster-management:managedcluster:work";

/// Makes them, or removes them when the last cluster is gone.
pub(crate) async fn keep(client: &Client, needed: bool) -> Result<(), HubError> {
    for role in all() {
        if needed {
            role.ensure(client).await?;
        } else {
            role.remove(client).await?;
        }
    }
    Ok(())
}

pub(crate) fn all() -> [Wanted; 2] {
    let registration = json!([
        // Whom to trust this hub by, which Adit's agents follow.
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["kube-root-ca.crt"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "verbs": ["get", "list", "watch", "update"],
        },
        {
            "apiGroups": ["addon.open-cluster-management.io"],
            "resources": ["managedclusteraddons"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "apiGroups": ["addon.open-cluster-management.io"],
            "resources": ["managedclusteraddons/status"],
            "verbs": ["patch", "update"],
        },
        {
            "apiGroups": ["events.k8s.io"],
            "resources": ["events"],
            "verbs": ["create"],
        },
    ]);
    let work = json!([
        {
            "apiGroups": ["", "events.k8s.io"],
            "resources": ["events"],
            "verbs": ["create", "patch", "update"],
        },
        {
            "apiGroups": ["work.open-cluster-management.io"],
            "resources": ["manifestworks"],
            "verbs": ["get", "list", "watch", "update", "patch"],
        },
        {
            "apiGroups": ["work.open-cluster-management.io"],
            "resources": ["manifestworks/status"],
            "verbs": ["patch", "update"],
        },
    ]);
    // A label without a value: they are of clusters, and of none.
    let role = |name: &str, rules| {
        Wanted::new::<ClusterRole>(name)
            .label(CLUSTER_NAME, "")
            .field("rules", rules)
    };
    [role(REGISTRATION, registration), role(WORK, work)]
}
