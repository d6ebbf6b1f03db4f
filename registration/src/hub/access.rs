//! What the agents of a cluster may do on the hub.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use kube::Client;
use serde_json::{Value, json};

use super::HubError;
use super::names::{CLUSTER_NAME, WORK_FINALIZER, cluster_group, foreign_group, is_the_hubs};
use super::objects::Wanted;
use super::{accounts, shared_roles};

/// How much a cluster's agents may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// They keep the cluster's status and lease, and take its works.
    Accepted,
    /// They see that the cluster was denied.
    Denied,
    /// Nothing: there is no such cluster any more.
    Gone,
}

impl Access {
    /// Brings the hub's objects there. All are tried, whatever fails.
    /// `accounts` are those of agents that register by token.
    pub(crate) async fn give(
        self,
        client: &Client,
        cluster: &str,
        accounts: &[String],
    ) -> Result<(), HubError> {
        let mut failed = Vec::new();
        let mut note = |result: Result<(), HubError>| failed.extend(result.err());
        match self {
            Self::Accepted if is_the_hubs(cluster) => {
                note(Err(HubError::TheHubs(cluster.to_owned())));
            }
            Self::Accepted => {
                let mut wanted = vec![namespace(cluster)];
                wanted.extend(shared_roles::all());
                wanted.extend(own(cluster, self, accounts));
                wanted.extend(accounts::wanted(cluster, accounts));
                wanted.extend(in_namespace(cluster, accounts));
                for wanted in wanted {
                    note(wanted.ensure(client).await);
                }
                note(Box::pin(accounts::clear(client, cluster, accounts)).await);
            }
            Self::Denied => {
                for wanted in own(cluster, self, &[]) {
                    note(wanted.ensure(client).await);
                }
                for unwanted in in_namespace(cluster, &[]) {
                    note(unwanted.remove(client).await);
                }
                note(Box::pin(accounts::clear(client, cluster, &[])).await);
            }
            Self::Gone => {
                let all = in_namespace(cluster, &[]).into_iter();
                for unwanted in all.chain(own(cluster, self, &[])) {
                    note(unwanted.remove(client).await);
                }
                note(Box::pin(accounts::clear(client, cluster, &[])).await);
            }
        }
        match failed.len() {
            0 => Ok(()),
            1 => Err(failed.remove(0)),
            _ => {
                let lines: Vec<String> = failed.iter().map(ToString::to_string).collect();
                Err(HubError::Several(lines.join("\n")))
            }
        }
    }
}

/// Stays when the cluster goes: there may be more in it.
fn namespace(cluster: &str) -> Wanted {
    Wanted::new::<Namespace>(cluster).label(CLUSTER_NAME, cluster)
}

fn own(cluster: &str, access: Access, accounts: &[String]) -> [Wanted; 2] {
    let name = format!("open-cluster-management:managedcluster:{cluster}");
    let rules = if access == Access::Accepted {
        accepted(cluster)
    } else {
        denied(cluster)
    };
    [
        Wanted::new::<ClusterRole>(&name)
            .label(CLUSTER_NAME, cluster)
            .field("rules", rules),
        Wanted::new::<ClusterRoleBinding>(&name)
            .label(CLUSTER_NAME, cluster)
            .field("roleRef", role(&name))
            .field("subjects", subjects(cluster, accounts)),
    ]
}

fn in_namespace(cluster: &str, accounts: &[String]) -> [Wanted; 2] {
    let of = |purpose: &str, shared: &str| {
        let name = format!("open-cluster-management:managedcluster:{cluster}:{purpose}");
        Wanted::new::<RoleBinding>(name)
            .within(cluster)
            .label(CLUSTER_NAME, cluster)
            .field("roleRef", role(shared))
            .field("subjects", subjects(cluster, accounts))
    };
    [
        of("registration", shared_roles::REGISTRATION),
        of("work", shared_roles::WORK).finalizer(WORK_FINALIZER),
    ]
}

fn accepted(cluster: &str) -> Value {
    json!([
        {
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests"],
            "verbs": ["create", "get", "list", "watch"],
        },
        {
            "apiGroups": ["register.open-cluster-management.io"],
            "resources": ["managedclusters/clientcertificates"],
            "verbs": ["renew"],
        },
        {
            "apiGroups": ["cluster.open-cluster-management.io"],
            "resources": ["managedclusters"],
            "resourceNames": [cluster],
            "verbs": ["get", "list", "update", "watch"],
        },
        {
            "apiGroups": ["cluster.open-cluster-management.io"],
            "resources": ["managedclusters/status"],
            "resourceNames": [cluster],
            "verbs": ["patch", "update"],
        },
    ])
}

fn denied(cluster: &str) -> Value {
    json!([{
        "apiGroups": ["cluster.open-cluster-management.io"],
        "resources": ["managedclusters"],
        "resourceNames": [cluster],
        "verbs": ["get", "list", "watch"],
    }])
}

fn role(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name})
}

/// A cluster's agents: by certificate, from elsewhere, and by token.
fn subjects(cluster: &str, accounts: &[String]) -> Value {
    let groups = [cluster_group(cluster), foreign_group(cluster)];
    let groups = groups.iter().map(|name| group(name));
    let accounts = accounts.iter();
    let accounts = accounts.map(|name| accounts::subject(cluster, name));
    groups.chain(accounts).collect()
}

fn group(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name})
}
