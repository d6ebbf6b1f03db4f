//! Deletes what is owned by nothing that is left, as Kubernetes' garbage
//! collector does: an owner that is deleted in the foreground waits for its
//! dependents, one whose dependents are orphaned lets them go first.

use std::collections::HashSet;
use std::sync::Arc;

use api::{Resource, Storage as Kept, Verb};
use futures_util::{StreamExt as _, stream};
use http::{Method, Request};
use kube::api::PartialObjectMeta;
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::metadata::{FOREGROUND, ORPHAN};
use crate::{ApiServer, Registry};

mod graph;

use graph::{Graph, Node, Task};

/// Collects until it is dropped.
pub(super) async fn run(client: Client, server: ApiServer) {
    let registry = server.registry();
    let watches = resources(&registry).map(|resource| {
        let kind = ApiResource {
            group: resource.group.to_string(),
            version: resource.version.to_string(),
            api_version: resource.api_version(),
            kind: resource.names.kind.to_string(),
            plural: resource.names.plural.to_string(),
        };
        let objects: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client.clone(), &kind);
        let resource = resource.clone();
        watcher(objects, Config::default())
            .default_backoff()
            .map(move |event| (resource.clone(), event))
            .boxed()
    });
    let mut events = stream::select_all(watches).ready_chunks(EVENTS_AT_ONCE);
    let mut collector = Collector {
        client,
        registry,
        graph: Graph::default(),
    };
    while let Some(chunk) = events.next().await {
        for (resource, event) in chunk {
            match event {
                Ok(Event::Apply(object) | Event::InitApply(object)) => {
                    collector.graph.put(Node::of(&resource, &object.metadata));
                }
                Ok(Event::Delete(object)) => {
                    collector
                        .graph
                        .remove(object.metadata.uid.as_deref().unwrap_or_default());
                }
                Ok(Event::Init | Event::InitDone) => {}
                Err(error) => tracing::warn!(%error, "objects cannot be followed"),
            }
        }
        collector.work().await;
    }
}

/// What may own and be owned: all that can be listed, watched and deleted,
/// each kind once.
fn resources(registry: &Registry) -> impl Iterator<Item = &Arc<Resource>> {
    let versions = registry.groups().flat_map(|(_, versions)| versions);
    let resources = versions.flat_map(|version| version.resources.values());
    resources.filter(|of| {
        let does = |verb| of.verbs.contains(&verb);
        of.storage == Kept::Own && does(Verb::Delete) && does(Verb::List) && does(Verb::Watch)
    })
}

struct Collector {
    client: Client,
    registry: Arc<Registry>,
    graph: Graph,
}

impl Collector {
    /// Does all that there is to be done. What fails is tried again with the
    /// next event of the object, or of one that it has to do with.
    async fn work(&mut self) {
        while let Some(task) = self.graph.next() {
            let done = match &task {
                Task::Judge(uid) => self.judge(uid).await,
                Task::Orphan(uid) => self.orphan(uid).await,
                Task::Foreground(uid) => self.foreground(uid).await,
            };
            match done {
                Ok(()) => {}
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => tracing::warn!(?task, %error, "garbage is left"),
            }
        }
    }

    /// Deletes an object none of whose owners is left, and otherwise takes
    /// those that are gone off its list.
    async fn judge(&mut self, uid: &str) -> Result<(), kube::Error> {
        let Some(node) = self.graph.get(uid).cloned() else {
            return Ok(());
        };
        if node.owners.is_empty() || node.deleting {
            return Ok(());
        }
        let (mut solid, mut waiting, mut gone) = (false, false, Vec::new());
        for owner in &node.owners {
            match self.graph.get(&owner.uid) {
                Some(of) if of.deleting && of.has(FOREGROUND) && owner.blocks => waiting = true,
                Some(_) => solid = true,
                None if self.exists(&node, owner).await? => solid = true,
                None => gone.push(owner.uid.clone()),
            }
        }
        if solid {
            if !gone.is_empty() {
                self.disown(&node, &gone).await?;
            }
            return Ok(());
        }
        let policy = if node.has(ORPHAN) {
            "Orphan"
        } else if node.has(FOREGROUND) || waiting && self.graph.has_dependents(uid) {
            "Foreground"
        } else {
            "Background"
        };
        let options = json!({
            "propagationPolicy": policy,
            "preconditions": {"uid": node.uid},
        });
        self.send(Method::DELETE, &node.path, &options)
            .await
            .map(|_| ())
    }

    /// Whether an owner that has not been seen is there all the same.
    async fn exists(&self, node: &Node, owner: &graph::Owner) -> Result<bool, kube::Error> {
        let Some(path) = graph::path_of_owner(&self.registry, node, owner) else {
            // A kind that is not served may be served elsewhere.
            return Ok(true);
        };
        match self.send(Method::GET, &path, &Value::Null).await {
            Ok(object) => Ok(object["metadata"]["uid"] == *owner.uid),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes an owner off the lists of its dependents, and lets it go.
    async fn orphan(&mut self, uid: &str) -> Result<(), kube::Error> {
        let Some(owner) = self.graph.get(uid).cloned() else {
            return Ok(());
        };
        for dependent in self.graph.dependents(uid) {
            match self.disown(&dependent, &[uid.to_owned()]).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                done => done?,
            }
        }
        self.remove_finalizer(&owner, ORPHAN).await
    }

    /// Deletes the dependents of an owner, and lets it go when none is left
    /// that it has to wait for.
    async fn foreground(&mut self, uid: &str) -> Result<(), kube::Error> {
        let Some(owner) = self.graph.get(uid).cloned() else {
            return Ok(());
        };
        let dependents = self.graph.dependents(uid);
        let blocked = dependents.iter().any(|of| of.is_blocking(uid));
        if !blocked {
            return self.remove_finalizer(&owner, FOREGROUND).await;
        }
        for dependent in dependents.iter().filter(|of| !of.deleting) {
            self.graph.judge(&dependent.uid);
        }
        Ok(())
    }

    /// Removes owners from an object's list, as it is now.
    async fn disown(&self, node: &Node, gone: &[String]) -> Result<(), kube::Error> {
        let mut object = self.send(Method::GET, &node.path, &Value::Null).await?;
        if object["metadata"]["uid"] != *node.uid {
            return Ok(());
        }
        if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
            let gone: HashSet<&str> = gone.iter().map(String::as_str).collect();
            owners.retain(|of| of["uid"].as_str().is_none_or(|uid| !gone.contains(uid)));
        }
        self.send(Method::PUT, &node.path, &object)
            .await
            .map(|_| ())
    }

    async fn remove_finalizer(&self, node: &Node, name: &str) -> Result<(), kube::Error> {
        let mut object = self.send(Method::GET, &node.path, &Value::Null).await?;
        if object["metadata"]["uid"] != *node.uid {
            return Ok(());
        }
        if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|of| of != name);
        }
        self.send(Method::PUT, &node.path, &object)
            .await
            .map(|_| ())
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, kube::Error> {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let mut request = Request::new(bytes);
        *request.method_mut() = method;
        *request.uri_mut() = path
            .parse()
            .map_err(|error| kube::Error::HttpError(http::Error::from(error)))?;
        self.client.request(request).await
    }
}

/// How many events are taken up before what they ask for is done.
const EVENTS_AT_ONCE: usize = 1024;
