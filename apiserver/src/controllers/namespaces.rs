use std::sync::Arc;
use std::time::Duration;

use api::{Resource, Scope, Storage as Kept, Verb};
use http::{Method, Request};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

use super::{RETRY, drive};
use crate::ApiServer;

/// Empties namespaces that are being deleted, and lets them go when nothing
/// is left in them.
pub(super) async fn run(client: Client, server: ApiServer) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let controller = Controller::new(namespaces, watcher::Config::default());
    let context = Arc::new(Emptier { client, server });
    let results = controller.run(reconcile, |_, _, _| Action::requeue(RETRY), context);
    drive("namespaces", results).await;
}

struct Emptier {
    client: Client,
    server: ApiServer,
}

async fn reconcile(
    namespace: Arc<Namespace>,
    emptier: Arc<Emptier>,
) -> Result<Action, kube::Error> {
    let finalizers = namespace
        .spec
        .as_ref()
        .and_then(|spec| spec.finalizers.as_ref());
    let ours = finalizers.is_some_and(|all| all.iter().any(|of| of == FINALIZER));
    if namespace.metadata.deletion_timestamp.is_none() || !ours {
        return Ok(Action::await_change());
    }
    let name = namespace.name_any();
    for resource in emptier.resources() {
        emptier.delete_all(&resource, &name).await?;
    }
    for resource in emptier.resources() {
        if !emptier.is_empty(&resource, &name).await? {
            // Something has finalizers, and somebody else is to remove them.
            return Ok(Action::requeue(CONTENT_REMAINS));
        }
    }
    emptier.release(&name).await?;
    Ok(Action::await_change())
}

impl Emptier {
    /// What there may be in a namespace, each kind once.
    fn resources(&self) -> Vec<Arc<Resource>> {
        let registry = self.server.registry();
        let versions = registry.groups().flat_map(|(_, versions)| versions);
        let resources = versions.flat_map(|version| version.resources.values());
        let kept = resources.filter(|of| {
            of.scope == Scope::Namespaced
                && of.storage == Kept::Own
                && of.verbs.contains(&Verb::DeleteCollection)
        });
        kept.cloned().collect()
    }

    async fn delete_all(&self, resource: &Resource, namespace: &str) -> Result<(), kube::Error> {
        let path = collection(resource, namespace);
        self.send(Method::DELETE, &path, Vec::new())
            .await
            .map(|_| ())
    }

    async fn is_empty(&self, resource: &Resource, namespace: &str) -> Result<bool, kube::Error> {
        let path = format!("{}?limit=1", collection(resource, namespace));
        let list = self.send(Method::GET, &path, Vec::new()).await?;
        Ok(list["items"].as_array().is_none_or(Vec::is_empty))
    }

    /// Takes the finalizer off, as others may have theirs on.
    async fn release(&self, name: &str) -> Result<(), kube::Error> {
        let path = format!("/api/v1/namespaces/{name}");
        let mut namespace = self.send(Method::GET, &path, Vec::new()).await?;
        if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
            finalizers.retain(|of| of != FINALIZER);
        }
        let body = namespace.to_string().into_bytes();
        self.send(Method::PUT, &format!("{path}/finalize"), body)
            .await
            .map(|_| ())
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Value, kube::Error> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path
            .parse()
            .map_err(|error| kube::Error::HttpError(http::Error::from(error)))?;
        self.client.request(request).await
    }
}

fn collection(resource: &Resource, namespace: &str) -> String {
    let root = if resource.group.is_empty() {
        "api"
    } else {
        "apis"
    };
    let (version, plural) = (resource.api_version(), &resource.names.plural);
    format!("/{root}/{version}/namespaces/{namespace}/{plural}")
}

/// What holds a namespace until it is empty.
const FINALIZER: &str = "kubernetes";
/// When a namespace is looked at again in which something waits to go.
const CONTENT_REMAINS: Duration = Duration::from_secs(2);
