//! Whoever runs the hub, and what a hub does when they have decided.

use api::types::cluster::ManagedCluster;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::way::BOOTSTRAPPERS;

const GROUP: &str = "cluster.open-cluster-management.io";
const REGISTER: &str = "register.open-cluster-management.io";

/// An administrator of the hub.
#[derive(Clone)]
pub(super) struct Admin(pub(super) Client);

impl Admin {
    /// What a hub has before anyone joins (rule 1.3).
    pub(super) async fn prepare(&self) {
        let role = json!([
            {
                "apiGroups": ["certificates.k8s.io"],
                "resources": ["certificatesigningrequests"],
                "verbs": ["create", "get", "list", "watch"],
            },
            {
                "apiGroups": [GROUP],
                "resources": ["managedclusters"],
                "verbs": ["get", "create", "list", "watch"],
            },
            {
                "apiGroups": [GROUP],
                "resources": ["managedclustersets/join"],
                "verbs": ["create"],
            },
        ]);
        let name = "open-cluster-management:bootstrap";
        self.bind(name, &role, BOOTSTRAPPERS).await;
    }

    /// Accepts a cluster, and does what a hub does then (rules 1.3 and 1.5).
    pub(super) async fn accept(&self, cluster: &str) {
        let patch = json!({"spec": {"hubAcceptsClient": true}});
        self.patch(cluster, &patch).await;
        let own = json!([
            {
                "apiGroups": ["certificates.k8s.io"],
                "resources": ["certificatesigningrequests"],
                "verbs": ["create", "get", "list", "watch"],
            },
            {
                "apiGroups": [REGISTER],
                "resources": ["managedclusters/clientcertificates"],
                "verbs": ["renew"],
            },
            {
                "apiGroups": [GROUP],
                "resources": ["managedclusters"],
                "resourceNames": [cluster],
                "verbs": ["get", "list", "update", "watch"],
            },
            {
                "apiGroups": [GROUP],
                "resources": ["managedclusters/status"],
                "resourceNames": [cluster],
                "verbs": ["patch", "update"],
            },
            // In the cluster's namespace, where a RoleBinding would give these.
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "verbs": ["get", "list", "watch", "update"],
            },
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
        ]);
        let name = format!("open-cluster-management:managedcluster:{cluster}");
        let group = format!("system:open-cluster-management:{cluster}");
        self.bind(&name, &own, &group).await;
        let namespace = json!({"metadata": {"name": cluster}});
        self.apply("", "v1", "Namespace", None, namespace).await;
        let lease = json!({"spec": {"holderIdentity": LEASE, "leaseDurationSeconds": 60}});
        let lease = merge(
            lease,
            json!({"metadata": {"name": LEASE, "namespace": cluster}}),
        );
        let group = "coordination.k8s.io";
        self.apply(group, "v1", "Lease", Some(cluster), lease).await;
        let message = "Accepted by hub cluster admin";
        let accepted = ("True", "HubClusterAdminAccepted", message);
        self.condition(cluster, "HubAcceptedManagedCluster", accepted)
            .await;
    }

    /// Takes acceptance back.
    pub(super) async fn deny(&self, cluster: &str) {
        let patch = json!({"spec": {"hubAcceptsClient": false}});
        self.patch(cluster, &patch).await;
        let denied = (
            "False",
            "HubClusterAdminDenied",
            "Denied by hub cluster admin",
        );
        self.condition(cluster, "HubAcceptedManagedCluster", denied)
            .await;
    }

    /// Sets a condition beside those that there are.
    pub(super) async fn condition(
        &self,
        cluster: &str,
        kind: &str,
        (status, reason, message): (&str, &str, &str),
    ) {
        let clusters = self.clusters();
        let params = PatchParams::default();
        loop {
            let found = clusters.get(cluster).await.unwrap();
            let status_of = found.status.clone().unwrap_or_default();
            let mut all: Vec<Value> = status_of.conditions.iter().map(|of| json!(of)).collect();
            all.retain(|of| of["type"] != kind);
            all.push(json!({
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }));
            let patch = Patch::Merge(json!({
                "metadata": {"resourceVersion": found.resource_version()},
                "status": {"conditions": all},
            }));
            match clusters.patch_status(cluster, &params, &patch).await {
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                patched => return drop(patched.unwrap()),
            }
        }
    }

    pub(super) async fn patch(&self, cluster: &str, patch: &Value) {
        let patch = Patch::Merge(patch);
        let clusters = self.clusters();
        clusters
            .patch(cluster, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Approves a request, or denies it.
    pub(super) async fn decide(&self, request: &str, decision: &str) {
        let patch = Patch::Merge(json!({"status": {"conditions": [{
            "type": decision,
            "status": "True",
            "reason": "AdminSays",
            "message": "so it is",
        }]}}));
        let params = PatchParams::default();
        self.requests()
            .patch_approval(request, &params, &patch)
            .await
            .unwrap();
    }

    /// Names of requests of a cluster that nobody has decided about.
    pub(super) async fn pending(&self, cluster: &str) -> Vec<String> {
        let all = self.requests_of(cluster).await.into_iter();
        let pending = all.filter(|of| {
            let status = of.status.as_ref();
            status.is_none_or(|status| status.conditions.is_none())
        });
        pending.map(|of| of.name_any()).collect()
    }

    pub(super) async fn requests_of(&self, cluster: &str) -> Vec<CertificateSigningRequest> {
        let label = format!("open-cluster-management.io/cluster-name={cluster}");
        let params = ListParams::default().labels(&label);
        self.requests().list(&params).await.unwrap().items
    }

    /// Approves and accepts whoever asks, again and again.
    pub(super) async fn welcome_everyone(self) {
        loop {
            for cluster in self.clusters().list(&ListParams::default()).await.unwrap() {
                let name = cluster.name_any();
                for request in self.pending(&name).await {
                    self.decide(&request, "Approved").await;
                }
                if !cluster.spec.hub_accepts_client {
                    self.accept(&name).await;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    pub(super) fn clusters(&self) -> Api<ManagedCluster> {
        Api::all(self.0.clone())
    }

    pub(super) fn requests(&self) -> Api<CertificateSigningRequest> {
        Api::all(self.0.clone())
    }

    pub(super) async fn lease(&self, cluster: &str) -> Lease {
        let leases: Api<Lease> = Api::namespaced(self.0.clone(), cluster);
        leases.get(LEASE).await.unwrap()
    }

    /// A condition's status, reason and message.
    pub(super) async fn told(&self, cluster: &str, kind: &str) -> Option<(String, String, String)> {
        let cluster = self.clusters().get_opt(cluster).await.unwrap()?;
        let mut all = cluster.status?.conditions.into_iter();
        let found = all.rfind(|of| of.type_ == kind)?;
        Some((found.status, found.reason, found.message))
    }

    async fn bind(&self, name: &str, rules: &Value, group: &str) {
        let role = json!({"metadata": {"name": name}, "rules": rules});
        let binding = json!({
            "metadata": {"name": name},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": name,
            },
            "subjects": [{
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Group",
                "name": group,
            }],
        });
        let rbac = "rbac.authorization.k8s.io";
        self.apply(rbac, "v1", "ClusterRole", None, role).await;
        self.apply(rbac, "v1", "ClusterRoleBinding", None, binding)
            .await;
    }

    /// Makes an object, unless it is there.
    pub(super) async fn apply(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        namespace: Option<&str>,
        object: Value,
    ) {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.0.clone(), namespace, &resource),
            None => Api::all_with(self.0.clone(), &resource),
        };
        let types = json!({"apiVersion": resource.api_version, "kind": kind});
        let object = serde_json::from_value(merge(object, types)).unwrap();
        match api.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            made => drop(made.unwrap()),
        }
    }
}

const LEASE: &str = "managed-cluster-lease";

fn merge(mut object: Value, more: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    object
}
