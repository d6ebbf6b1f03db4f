//! Rule 1.7: what the hub is told of the cluster.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll};

use api::types::cluster::{ClusterClaim, ManagedCluster};
use apiserver::{ApiServer, Body, User};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use registration::agent::AgentConfig;
use serde_json::{Value, json};
use tower::Service;

use super::people::Admin;
use super::setup::{Setup, until};

/// A managed cluster that answers as it is told to where its health is asked.
#[derive(Clone)]
struct Ailing {
    service: ApiServer,
    livez: Arc<AtomicU16>,
    healthz: Arc<AtomicU16>,
}

impl Ailing {
    fn new(service: &ApiServer) -> Self {
        Self {
            service: service.clone(),
            livez: Arc::new(AtomicU16::new(200)),
            healthz: Arc::new(AtomicU16::new(200)),
        }
    }

    fn client(&self) -> Client {
        Client::new(self.clone(), "default")
    }
}

impl Service<Request<kube::client::Body>> for Ailing {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<kube::client::Body>) -> Self::Future {
        let masters = [User::MASTERS.to_owned()];
        request.extensions_mut().insert(User::new("admin", masters));
        let code = match request.uri().path() {
            "/livez" => self.livez.load(Ordering::SeqCst),
            "/healthz" => self.healthz.load(Ordering::SeqCst),
            _ => 200,
        };
        let service = self.service.clone();
        Box::pin(async move {
            if code == 200 {
                return Ok(service.handle(request).await);
            }
            let mut response = Response::new(Body::from(b"etcd failed".to_vec()));
            *response.status_mut() = code.try_into().unwrap();
            Ok(response)
        })
    }
}

const AVAILABLE: &str = "ManagedClusterConditionAvailable";

async fn until_available(admin: &Admin, wanted: &str) -> (String, String) {
    until(async || {
        let told = admin.told("c1", AVAILABLE).await;
        told.is_some_and(|(status, ..)| status == wanted)
    })
    .await;
    let (_, reason, message) = admin.told("c1", AVAILABLE).await.unwrap();
    (reason, message)
}

/// What the last Event of this reason says to the hub's people.
async fn event(setup: &Setup, reason: &str) -> Option<String> {
    let events: Api<Event> = Api::namespaced(setup.hub.admin(), "c1");
    let all = events.list(&ListParams::default()).await.unwrap();
    let of = all
        .items
        .into_iter()
        .filter(|of| of.reason.as_deref() == Some(reason));
    of.max_by_key(|of| of.event_time.clone())?.note
}

async fn until_event(setup: &Setup, reason: &str) -> String {
    until(async || event(setup, reason).await.is_some()).await;
    event(setup, reason).await.unwrap()
}

async fn cluster(setup: &Setup) -> ManagedCluster {
    setup.admin.clusters().get("c1").await.unwrap()
}

/// Rule 1.7, available.
#[tokio::test]
async fn a_cluster_is_available_as_long_as_its_api_server_is_well() {
    let setup = Setup::start().await;
    let ailing = Ailing::new(&setup.managed.service);
    let config = AgentConfig {
        managed: ailing.client(),
        ..setup.config()
    };
    let _agent = setup.joined(config).await;
    let (reason, message) = until_available(&setup.admin, "True").await;
    assert_eq!(reason, "ManagedClusterAvailable");
    assert_eq!(message, "Managed cluster is available");
    let note = until_event(&setup, "Available").await;
    assert!(
        note.starts_with("The c1 is successfully imported, and"),
        "{note}"
    );
    ailing.livez.store(500, Ordering::SeqCst);
    let (reason, message) = until_available(&setup.admin, "False").await;
    assert_eq!(reason, "ManagedClusterKubeAPIServerUnavailable");
    assert_eq!(
        message,
        "The kube-apiserver is not ok, status code: 500, etcd failed"
    );
    let note = until_event(&setup, "Unavailable").await;
    assert!(
        note.ends_with("its Kube API server is unavailable"),
        "{note}"
    );
    // Servers that do not show /livez have an older path.
    for hidden in [403, 404] {
        ailing.healthz.store(200, Ordering::SeqCst);
        ailing.livez.store(hidden, Ordering::SeqCst);
        until_available(&setup.admin, "True").await;
        ailing.healthz.store(503, Ordering::SeqCst);
        let (_, message) = until_available(&setup.admin, "False").await;
        assert!(message.contains("status code: 503"), "{message}");
    }
}

/// Rule 1.6: what the hub called unknown is available when the lease is renewed.
#[tokio::test]
async fn availability_that_the_hub_called_unknown_recovers() {
    let setup = Setup::start().await;
    let _agent = setup.joined(setup.config()).await;
    until_available(&setup.admin, "True").await;
    let reason = "ManagedClusterLeaseUpdateStopped";
    let stopped = "Registration agent stopped updating its lease.";
    let unknown = ("Unknown", reason, stopped);
    setup.admin.condition("c1", AVAILABLE, unknown).await;
    until_available(&setup.admin, "True").await;
    let accepted = setup.admin.told("c1", "HubAcceptedManagedCluster").await;
    assert_eq!(accepted.unwrap().0, "True", "the hub's own condition stays");
}

fn node(name: &str, unschedulable: bool) -> Value {
    let has = json!({"cpu": "4", "memory": "8Gi", "pods": "110"});
    json!({
        "metadata": {"name": name},
        "spec": {"unschedulable": unschedulable},
        "status": {"capacity": has, "allocatable": has},
    })
}

/// Rule 1.7, resources: "node resource should be collected".
#[tokio::test]
async fn the_nodes_resources_and_the_version_are_told_and_follow_the_nodes() {
    let setup = Setup::start().await;
    let managed = Admin(setup.managed.admin());
    managed
        .apply("", "v1", "Node", None, node("n1", false))
        .await;
    managed
        .apply("", "v1", "Node", None, node("n2", true))
        .await;
    let _agent = setup.joined(setup.config()).await;
    let has = async |cpu: &str, allocatable: &str| {
        let status = cluster(&setup).await.status.unwrap();
        let of = |map: &std::collections::BTreeMap<String, _>| {
            map.get("cpu")
                .map(|of: &k8s_openapi::apimachinery::pkg::api::resource::Quantity| of.0.clone())
        };
        of(&status.capacity).as_deref() == Some(cpu)
            && of(&status.allocatable).as_deref() == Some(allocatable)
    };
    until(async || has("8", "4").await).await;
    let status = cluster(&setup).await.status.unwrap();
    assert_eq!(status.capacity["memory"].0, "16Gi");
    assert!(
        status.version.kubernetes.starts_with('v'),
        "{:?}",
        status.version
    );
    let others = json!({"status": {"capacity": {"example.com/licences": "5"}}});
    let others = Patch::Merge(others);
    let clusters = setup.admin.clusters();
    let params = PatchParams::default();
    clusters.patch_status("c1", &params, &others).await.unwrap();
    managed
        .apply("", "v1", "Node", None, node("n3", false))
        .await;
    until(async || has("12", "8").await).await;
    let status = cluster(&setup).await.status.unwrap();
    assert_eq!(status.capacity["example.com/licences"].0, "5");
}

/// Rule 1.7, claims: "sync all", "truncate", and the event about it.
#[tokio::test]
async fn claims_are_told_as_they_change_and_no_more_than_twenty() {
    let setup = Setup::start().await;
    let claims: Api<ClusterClaim> = Api::all(setup.managed.admin());
    let make = async |name: &str, label: Option<&str>| {
        let mut claim = json!({
            "apiVersion": "cluster.open-cluster-management.io/v1alpha1",
            "kind": "ClusterClaim",
            "metadata": {"name": name},
            "spec": {"value": name},
        });
        if let Some(label) = label {
            claim["metadata"]["labels"] = json!({label: ""});
        }
        let claim = serde_json::from_value(claim).unwrap();
        claims.create(&PostParams::default(), &claim).await.unwrap();
    };
    make("region", None).await;
    make("id.k8s.io", None).await;
    make("secret", Some("open-cluster-management.io/spoke-only")).await;
    let _agent = setup.joined(setup.config()).await;
    let told = async || -> Vec<String> {
        let status = cluster(&setup).await.status.unwrap();
        status
            .cluster_claims
            .into_iter()
            .map(|of| of.name)
            .collect()
    };
    until(async || told().await == ["id.k8s.io", "region"]).await;
    for number in 0..21 {
        make(&format!("claim-{number:02}"), None).await;
    }
    until(async || told().await.last().map(String::as_str) == Some("claim-19")).await;
    let names = told().await;
    assert_eq!((names.len(), names[0].as_str()), (21, "id.k8s.io"));
    let truncated = "CustomClusterClaimsTruncated";
    until(async || {
        let note = event(&setup, truncated).await;
        note.is_some_and(|note| note.starts_with("22 cluster claims are found."))
    })
    .await;
    claims
        .delete("id.k8s.io", &DeleteParams::default())
        .await
        .unwrap();
    until(async || told().await.first().map(String::as_str) == Some("claim-00")).await;
}

/// 10,000 agents must not write what has not changed.
#[tokio::test]
async fn a_status_that_has_not_changed_is_not_told_again() {
    let setup = Setup::start().await;
    let _agent = setup.joined(setup.config()).await;
    until_available(&setup.admin, "True").await;
    let path = "/managedclusters/c1/status";
    let settled = || setup.way.count("PATCH", path);
    // The first look may be told in parts, as what is followed becomes known.
    until(async || {
        let before = settled();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        settled() == before
    })
    .await;
    let version = cluster(&setup).await.metadata.resource_version;
    // Several periods of the status.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(cluster(&setup).await.metadata.resource_version, version);
}

/// Rule 1.7, managed namespaces: made, told, and kept when they are not wanted
/// any more.
#[tokio::test]
async fn namespaces_of_cluster_sets_are_made_and_let_go_of() {
    let setup = Setup::start().await;
    let _agent = setup.joined(setup.config()).await;
    let want = async |names: &[&str]| {
        let of = |name: &&str| json!({"name": name, "clusterSet": "red"});
        let all: Vec<Value> = names.iter().map(of).collect();
        let patch = Patch::Merge(json!({"status": {"managedNamespaces": all}}));
        let clusters = setup.admin.clusters();
        let params = PatchParams::default();
        clusters.patch_status("c1", &params, &patch).await.unwrap();
    };
    let label = async |name: &str| {
        let namespaces: Api<Namespace> = Api::all(setup.managed.admin());
        let labels = namespaces.get_opt(name).await.unwrap()?.metadata.labels?;
        let mut labels = labels.into_iter();
        labels.find(|(key, _)| key.starts_with("clusterset.open-cluster-management.io/"))
    };
    let is = async |name: &str, value: &str| label(name).await.is_some_and(|(_, of)| of == value);
    want(&["shop"]).await;
    until(async || {
        let status = cluster(&setup).await.status.unwrap();
        let told = &status.managed_namespaces[0].conditions;
        told.iter()
            .any(|of| of.type_ == "NamespaceAvailable" && of.reason == "NamespaceApplied")
    })
    .await;
    assert!(is("shop", "true").await);
    let (key, _) = label("shop").await.unwrap();
    // The hash of the hub's address, cut to what a label may have.
    assert_eq!(key.split_once('/').unwrap().1.len(), 63);

    want(&["office"]).await;
    until(async || is("office", "true").await && is("shop", "false").await).await;
}
