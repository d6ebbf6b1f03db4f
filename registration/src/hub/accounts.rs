//! The service accounts of agents that register by token: they are there while
//! their cluster is accepted, and each may renew its own token.

use api::types::cluster::ManagedCluster;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::HubError;
use super::error::Trying as _;
use super::names::CLUSTER_NAME;
use super::objects::Wanted;
use crate::token::{CLAIMS, account, claims, identity_of};

/// The accounts that a cluster's agents are to have.
pub(crate) fn of(cluster: &ManagedCluster) -> Vec<String> {
    let annotation = cluster.annotations().get(CLAIMS);
    let claims = annotation.map(|text| claims(text)).unwrap_or_default();
    claims.keys().map(account).collect()
}

/// The accounts, and for each a role that lets it have another token.
pub(crate) fn wanted(cluster: &str, accounts: &[String]) -> Vec<Wanted> {
    accounts
        .iter()
        .flat_map(|name| {
            let [role, binding] = renewal(cluster, name);
            [service_account(cluster, name), role, binding]
        })
        .collect()
}

/// Removes a cluster's accounts but for these, and with them all their tokens.
pub(crate) async fn clear(client: &Client, cluster: &str, keep: &[String]) -> Result<(), HubError> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), cluster);
    let ours = ListParams::default().labels(&format!("{CLUSTER_NAME}={cluster}"));
    let listed = accounts.list_metadata(&ours).await;
    let listed = listed.trying(|| format!("the service accounts of {cluster} cannot be listed"))?;
    for account in listed.items {
        let name = account.name_any();
        if keep.contains(&name) || !is_an_agents(cluster, &name) {
            continue;
        }
        service_account(cluster, &name).remove(client).await?;
        for part in renewal(cluster, &name) {
            part.remove(client).await?;
        }
    }
    Ok(())
}

/// An account as a binding's subject.
pub(crate) fn subject(cluster: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": name, "namespace": cluster})
}

fn is_an_agents(cluster: &str, name: &str) -> bool {
    identity_of(&format!("system:serviceaccount:{cluster}:{name}")).is_some()
}

fn service_account(cluster: &str, name: &str) -> Wanted {
    Wanted::new::<ServiceAccount>(name)
        .within(cluster)
        .label(CLUSTER_NAME, cluster)
}

fn renewal(cluster: &str, name: &str) -> [Wanted; 2] {
    let title = format!("open-cluster-management:managedcluster:{cluster}:{name}");
    let rules = json!([{
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "resourceNames": [name],
        "verbs": ["create"],
    }]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": title});
    [
        Wanted::new::<Role>(&title)
            .within(cluster)
            .label(CLUSTER_NAME, cluster)
            .field("rules", rules),
        Wanted::new::<RoleBinding>(&title)
            .within(cluster)
            .label(CLUSTER_NAME, cluster)
            .field("roleRef", role)
            .field("subjects", json!([subject(cluster, name)])),
    ]
}
