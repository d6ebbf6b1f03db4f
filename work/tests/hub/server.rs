use std::sync::Arc;
use std::time::Duration;

use api::types::cluster::PlacementDecision;
use api::types::work::{ManifestWork, ManifestWorkReplicaSet};
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use store::{Embedded, Options};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use work::hub::Controllers;

/// The namespace of sets and placements.
pub(super) const HOME: &str = "apps";

/// A hub with managed clusters `c1` to `c4`, and the controllers at work.
pub(super) struct Hub {
    pub(super) client: Client,
    controllers: JoinSet<()>,
    shutdown: CancellationToken,
    _server: JoinSet<()>,
    _dir: TempDir,
}

impl Hub {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Options::default()).await;
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let issuer = "https://hub.example";
        let tokens = ServiceAccountTokens::new(issuer, vec![issuer.to_owned()], keyring);
        let (server, driver) = ApiServer::start(Config {
            store: Arc::new(store.unwrap()),
            registry: Arc::new(Registry::new(Arc::new(api::all()))),
            service_accounts: Arc::new(tokens),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: None,
            audit: None,
            root_ca: None,
        })
        .await
        .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        let client = server.client(User::new("test", [User::MASTERS.to_owned()]));
        let mut hub = Self {
            client,
            controllers: JoinSet::new(),
            shutdown: CancellationToken::new(),
            _server: tasks,
            _dir: dir,
        };
        for name in [HOME, "c1", "c2", "c3", "c4"] {
            let namespaces: Api<Namespace> = Api::all(hub.client.clone());
            let namespace = json!({"metadata": {"name": name}});
            let namespace = serde_json::from_value(namespace).unwrap();
            namespaces
                .create(&PostParams::default(), &namespace)
                .await
                .unwrap();
        }
        hub.start_controllers();
        hub
    }

    pub(super) fn start_controllers(&mut self) {
        self.shutdown = CancellationToken::new();
        let (client, shutdown) = (self.client.clone(), self.shutdown.clone());
        let options = work::hub::Options::default();
        self.controllers
            .spawn(Controllers::run(client, options, shutdown));
    }

    /// Asks the controllers to end, and waits until they have.
    pub(super) async fn stop_controllers(&mut self) {
        self.shutdown.cancel();
        self.controllers.join_next().await.unwrap().unwrap();
    }

    /// Makes a set of one ConfigMap with these placements, as their references.
    pub(super) async fn set(&self, name: &str, placements: Value) -> ManifestWorkReplicaSet {
        self.set_with(name, json!({"placementRefs": placements}))
            .await
    }

    /// Makes a set with more in its spec.
    pub(super) async fn set_with(&self, name: &str, spec: Value) -> ManifestWorkReplicaSet {
        let mut set = json!({
            "apiVersion": "work.open-cluster-management.io/v1alpha1",
            "kind": "ManifestWorkReplicaSet",
            "metadata": {"name": name},
            "spec": {
                "cascadeDeletionPolicy": "Background",
                "manifestWorkTemplate": {"workload": {"manifests": [config("one")]}},
            },
        });
        let fields = set["spec"].as_object_mut().unwrap();
        fields.extend(spec.as_object().unwrap().clone());
        let set = serde_json::from_value(set).unwrap();
        self.sets()
            .create(&PostParams::default(), &set)
            .await
            .unwrap()
    }

    pub(super) async fn change(&self, name: &str, spec: Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.sets()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Gives a set's template another ConfigMap.
    pub(super) async fn change_template(&self, name: &str, value: &str) {
        let template = json!({"workload": {"manifests": [config(value)]}});
        self.change(name, json!({"manifestWorkTemplate": template}))
            .await;
    }

    /// Has a placement decide for clusters, in a group with its index as name.
    pub(super) async fn decide(&self, placement: &str, group: usize, clusters: &[&str]) {
        let decisions = self.decisions();
        let name = format!("{placement}-decision-{}", group + 1);
        let label = |name: &str| format!("cluster.open-cluster-management.io/{name}");
        let decision = json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta1",
            "kind": "PlacementDecision",
            "metadata": {"name": name, "labels": {
                (label("placement")): placement,
                (label("decision-group-index")): group.to_string(),
                (label("decision-group-name")): "",
            }},
        });
        let decision = serde_json::from_value(decision).unwrap();
        if decisions.get_opt(&name).await.unwrap().is_none() {
            decisions
                .create(&PostParams::default(), &decision)
                .await
                .unwrap();
        }
        let chosen = clusters
            .iter()
            .map(|of| json!({"clusterName": of, "reason": ""}));
        let status = json!({"status": {"decisions": chosen.collect::<Value>()}});
        let params = PatchParams::default();
        decisions
            .patch_status(&name, &params, &Patch::Merge(status))
            .await
            .unwrap();
    }

    pub(super) fn decisions(&self) -> Api<DynamicObject> {
        let kind = ApiResource::erase::<PlacementDecision>(&());
        Api::namespaced_with(self.client.clone(), HOME, &kind)
    }

    /// All works there are, by cluster.
    pub(super) async fn works(&self) -> Vec<ManifestWork> {
        let works: Api<ManifestWork> = Api::all(self.client.clone());
        works.list(&ListParams::default()).await.unwrap().items
    }

    /// The clusters that have a work.
    pub(super) async fn clusters(&self) -> Vec<String> {
        let works = self.works().await;
        works.iter().map(|work| work.namespace().unwrap()).collect()
    }

    /// The clusters whose work has a ConfigMap.
    pub(super) async fn clusters_with(&self, value: &str) -> Vec<String> {
        let works = self.works().await;
        let works = works.iter().filter(|work| has(work, value));
        works.map(|work| work.namespace().unwrap()).collect()
    }

    /// A cluster's only work.
    pub(super) async fn work(&self, cluster: &str) -> ManifestWork {
        let works = self.works().await;
        let mut works = works
            .into_iter()
            .filter(|work| work.namespace().unwrap() == cluster);
        let work = works.next().unwrap();
        assert!(works.next().is_none());
        work
    }

    /// Has a cluster's agent say of its work as it is now what is so.
    pub(super) async fn report(&self, cluster: &str, conditions: &[(&str, &str)]) {
        let work = self.work(cluster).await;
        self.report_of(&work, conditions).await;
    }

    pub(super) async fn report_of(&self, work: &ManifestWork, conditions: &[(&str, &str)]) {
        let now = k8s_openapi::jiff::Timestamp::now();
        let conditions = conditions.iter().map(|(type_, status)| {
            json!({
                "type": type_, "status": status, "reason": "Test", "message": "",
                "lastTransitionTime": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "observedGeneration": work.metadata.generation,
            })
        });
        let status = json!({"status": {"conditions": conditions.collect::<Value>()}});
        let works: Api<ManifestWork> =
            Api::namespaced(self.client.clone(), &work.namespace().unwrap());
        let (name, params) = (work.name_any(), PatchParams::default());
        works
            .patch_status(&name, &params, &Patch::Merge(status))
            .await
            .unwrap();
    }

    /// Has a cluster's agent apply its work.
    pub(super) async fn apply(&self, cluster: &str) {
        self.report(cluster, &[("Applied", "True"), ("Available", "True")])
            .await;
    }

    /// Puts a finalizer on a cluster's work, as its agent does, or takes all off.
    pub(super) async fn finalizers(&self, cluster: &str, finalizers: &[&str]) {
        let work = self.work(cluster).await;
        let works: Api<ManifestWork> = Api::namespaced(self.client.clone(), cluster);
        let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        let (name, params) = (work.name_any(), PatchParams::default());
        works.patch(&name, &params, &patch).await.unwrap();
    }

    pub(super) async fn delete(&self, set: &str) {
        self.sets()
            .delete(set, &DeleteParams::default())
            .await
            .unwrap();
    }

    pub(super) fn sets(&self) -> Api<ManifestWorkReplicaSet> {
        Api::namespaced(self.client.clone(), HOME)
    }

    /// A condition of a set as `status reason`, if it is about the set as it is.
    pub(super) async fn condition(&self, set: &str, type_: &str) -> String {
        let set = self.sets().get(set).await.unwrap();
        let conditions = set.status.unwrap_or_default().conditions;
        let mut conditions = conditions
            .iter()
            .filter(|of| of.type_ == type_ && of.observed_generation == set.metadata.generation);
        conditions
            .next()
            .map_or_else(String::new, |of| format!("{} {}", of.status, of.reason))
    }

    pub(super) async fn message(&self, set: &str, type_: &str) -> String {
        let set = self.sets().get(set).await.unwrap();
        let conditions = set.status.unwrap_or_default().conditions;
        let mut conditions = conditions.into_iter().filter(|of| of.type_ == type_);
        conditions.next().map_or_else(String::new, |of| of.message)
    }

    pub(super) async fn until_condition(&self, set: &str, type_: &str, is: &str) {
        until(async || self.condition(set, type_).await == is).await;
    }
}

/// Whether a work has a ConfigMap.
pub(super) fn has(work: &ManifestWork, value: &str) -> bool {
    work.spec.workload.manifests == [config(value)]
}

pub(super) fn config(value: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "config", "namespace": "default"},
        "data": {"key": value},
    })
}

/// Waits for what a controller brings about.
pub(super) async fn until(done: impl AsyncFn() -> bool) {
    let waits = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waits)
        .await
        .expect("what is waited for does not come about");
}
