use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use work::agent::{Agent, AgentOptions, hub_hash};

use super::server::Server;

/// A hub and a managed cluster, whose agent may come and go.
#[derive(Debug)]
pub(super) struct World {
    pub(super) hub: Server,
    pub(super) managed: Server,
    pub(super) options: AgentOptions,
    agent: Option<Running>,
}

#[derive(Debug)]
struct Running {
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

pub(super) const CLUSTER: &str = "cluster1";
pub(super) const FINALIZER: &str = "cluster.open-cluster-management.io/manifest-work-cleanup";

impl World {
    /// With an agent.
    pub(super) async fn start() -> Self {
        let mut world = Self::without_agent().await;
        world.start_agent();
        world
    }

    pub(super) async fn without_agent() -> Self {
        let (hub, managed) = tokio::join!(Box::pin(Server::start()), Box::pin(Server::start()));
        let mut options = AgentOptions::new(CLUSTER, "agent1", hub_hash("https://hub.example"));
        options.poll_interval = Duration::from_millis(300);
        let world = Self {
            hub,
            managed,
            options,
            agent: None,
        };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": CLUSTER}});
        world
            .on_hub()
            .post("/api/v1/namespaces", &namespace)
            .await
            .unwrap();
        world
    }

    pub(super) fn start_agent(&mut self) {
        self.start_agent_with(self.hub.client(), self.managed.client());
    }

    /// Starts an agent that reaches the two by these clients.
    pub(super) fn start_agent_with(&mut self, hub: Client, managed: Client) {
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let run = Agent::run(hub, managed, self.options.clone(), shutdown.clone());
        tasks.spawn(run);
        self.agent = Some(Running { shutdown, tasks });
    }

    /// Ends the agent, and waits until it has ended.
    pub(super) async fn stop_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.shutdown.cancel();
            while agent.tasks.join_next().await.is_some() {}
        }
    }

    pub(super) fn on_hub(&self) -> Asked {
        Asked(self.hub.client())
    }

    pub(super) fn on_managed(&self) -> Asked {
        Asked(self.managed.client())
    }

    pub(super) async fn create_work(&self, name: &str, spec: Value) -> Value {
        let work = json!({
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {"name": name, "namespace": CLUSTER},
            "spec": spec,
        });
        self.on_hub().post(WORKS, &work).await.unwrap()
    }

    pub(super) async fn patch_work(&self, name: &str, patch: Value) -> Value {
        self.on_hub().merge(&work_path(name), &patch).await.unwrap()
    }

    pub(super) async fn delete_work(&self, name: &str) {
        self.on_hub().delete(&work_path(name)).await;
    }

    pub(super) async fn work(&self, name: &str) -> Option<Value> {
        self.on_hub().get(&work_path(name)).await
    }

    /// What a condition of a work says of its present generation: status and reason.
    pub(super) async fn condition(&self, work: &str, type_: &str) -> Option<(String, String)> {
        let work = self.work(work).await?;
        let generation = &work["metadata"]["generation"];
        let conditions = work["status"]["conditions"].as_array()?;
        let found = conditions.iter().find(|of| of["type"] == type_)?;
        let text = |key: &str| found[key].as_str().unwrap().to_owned();
        (found["observedGeneration"] == *generation).then(|| (text("status"), text("reason")))
    }

    /// A condition of a manifest, by its place in the work.
    pub(super) async fn manifest_condition(
        &self,
        work: &str,
        ordinal: usize,
        type_: &str,
    ) -> Option<Value> {
        let work = self.work(work).await?;
        let manifest = &work["status"]["resourceStatus"]["manifests"][ordinal];
        let conditions = manifest["conditions"].as_array()?;
        conditions.iter().find(|of| of["type"] == type_).cloned()
    }

    /// Waits until all of a work is applied, as it is now.
    pub(super) async fn applied(&self, work: &str) {
        until(&format!("{work} is applied"), async || {
            let applied = self.condition(work, "Applied").await;
            applied.is_some_and(|(status, _)| status == "True")
        })
        .await;
    }

    pub(super) async fn not_applied(&self, work: &str) {
        until(&format!("{work} is not applied"), async || {
            let applied = self.condition(work, "Applied").await;
            applied.is_some_and(|(status, _)| status == "False")
        })
        .await;
    }

    pub(super) async fn work_gone(&self, work: &str) {
        until(&format!("{work} is gone"), async || {
            self.work(work).await.is_none()
        })
        .await;
    }

    pub(super) fn applied_path(&self, work: &str) -> String {
        format!("{APPLIED}/{}-{work}", self.options.hub_hash)
    }

    /// The AppliedManifestWork of a work.
    pub(super) async fn applied_work(&self, work: &str) -> Option<Value> {
        self.on_managed().get(&self.applied_path(work)).await
    }

    /// The names that the AppliedManifestWork of a work lists.
    pub(super) async fn listed(&self, work: &str) -> Vec<String> {
        let applied = self.applied_work(work).await.unwrap_or_default();
        let resources = applied["status"]["appliedResources"].as_array().cloned();
        let resources = resources.unwrap_or_default();
        resources
            .iter()
            .map(|of| of["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A ConfigMap of the managed cluster.
    pub(super) async fn map(&self, name: &str) -> Option<Value> {
        self.on_managed().get(&map_path(name)).await
    }

    /// Waits until a ConfigMap of the managed cluster has this under `k`.
    pub(super) async fn map_has(&self, name: &str, value: &str) {
        until(&format!("{name} has {value}"), async || {
            self.map(name)
                .await
                .is_some_and(|of| of["data"]["k"] == value)
        })
        .await;
    }

    pub(super) async fn map_gone(&self, name: &str) {
        until(&format!("{name} is gone"), async || {
            self.map(name).await.is_none()
        })
        .await;
    }

    /// How many works an object has for owners.
    pub(super) async fn owners(&self, map: &str) -> usize {
        let map = self.map(map).await.unwrap_or_default();
        let owners = map["metadata"]["ownerReferences"].as_array().cloned();
        let owners = owners.unwrap_or_default();
        owners
            .iter()
            .filter(|of| of["kind"] == "AppliedManifestWork")
            .count()
    }
}

/// Requests to an API server, plainly.
#[derive(Clone)]
pub(super) struct Asked(pub(super) Client);

impl Asked {
    pub(super) async fn get(&self, path: &str) -> Option<Value> {
        match self.send("GET", path, "", &Value::Null).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    pub(super) async fn post(&self, path: &str, object: &Value) -> kube::Result<Value> {
        self.send("POST", path, "application/json", object).await
    }

    pub(super) async fn merge(&self, path: &str, patch: &Value) -> kube::Result<Value> {
        self.send("PATCH", path, "application/merge-patch+json", patch)
            .await
    }

    /// Applies as another manager, by force.
    pub(super) async fn apply(&self, path: &str, manager: &str, object: &Value) -> Value {
        let path = format!("{path}?fieldManager={manager}&force=true");
        let sent = self.send("PATCH", &path, "application/apply-patch+yaml", object);
        sent.await.unwrap()
    }

    pub(super) async fn delete(&self, path: &str) {
        self.send("DELETE", path, "", &Value::Null).await.unwrap();
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        media: &str,
        body: &Value,
    ) -> kube::Result<Value> {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let mut request = http::Request::builder().method(method).uri(path);
        if !media.is_empty() {
            request = request.header("content-type", media);
        }
        self.0.request(request.body(bytes).unwrap()).await
    }
}

/// Waits for what the agent brings about.
pub(super) async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let waits = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(180), waits).await;
    assert!(waited.is_ok(), "waited in vain until {what}");
}

pub(super) fn map(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"k": value},
    })
}

/// A work's spec of these manifests.
pub(super) fn manifests(manifests: &[Value]) -> Value {
    json!({"workload": {"manifests": manifests}})
}

/// A config for all ConfigMaps of `default`.
pub(super) fn strategy(strategy: Value) -> Value {
    json!([{
        "resourceIdentifier": {"group": "", "resource": "configmaps", "namespace": "default",
            "name": "*"},
        "updateStrategy": strategy,
    }])
}

pub(super) fn map_path(name: &str) -> String {
    format!("{MAPS}/{name}")
}

pub(super) fn work_path(name: &str) -> String {
    format!("{WORKS}/{name}")
}

pub(super) const MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub(super) const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/cluster1/events";
pub(super) const APPLIED: &str = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks";
pub(super) const WORKS: &str =
    "/apis/work.open-cluster-management.io/v1/namespaces/cluster1/manifestworks";
