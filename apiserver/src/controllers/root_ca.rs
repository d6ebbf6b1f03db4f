use std::sync::Arc;

use futures_util::stream;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{ObjectMeta, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use super::{RETRY, drive};

/// Keeps in each namespace the ConfigMap by which pods verify the server.
pub(super) async fn run(client: Client, root_ca: watch::Receiver<Arc<str>>) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let published: Api<ConfigMap> = Api::all(client.clone());
    let ours = watcher::Config::default().fields("metadata.name=kube-root-ca.crt");
    let changes = stream::unfold(root_ca.clone(), |mut root_ca| async {
        root_ca.changed().await.ok()?;
        Some(((), root_ca))
    });
    let controller = Controller::new(namespaces, watcher::Config::default())
        .watches(published, ours, |map| {
            Some(ObjectRef::new(&map.namespace()?))
        })
        .reconcile_all_on(changes);
    let results = controller.run(
        async |namespace, context: Arc<(Client, watch::Receiver<Arc<str>>)>| {
            let root_ca = context.1.borrow().clone();
            publish(&namespace, &context.0, &root_ca).await
        },
        |_, _, _| Action::requeue(RETRY),
        Arc::new((client, root_ca)),
    );
    drive("root certificates", results).await;
}

async fn publish(
    namespace: &Namespace,
    client: &Client,
    root_ca: &str,
) -> Result<Action, kube::Error> {
    if namespace.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace.name_any());
    let data = [("ca.crt".to_owned(), root_ca.to_owned())].into();
    let params = PostParams::default();
    let described = |map: &ConfigMap| map.annotations().contains_key(DESCRIPTION);
    let published = match maps.get_opt(NAME).await? {
        Some(there) if there.data.as_ref() == Some(&data) && described(&there) => {
            return Ok(Action::await_change());
        }
        Some(mut there) => {
            there.data = Some(data);
            let annotations = there.annotations_mut();
            annotations.insert(DESCRIPTION.to_owned(), TEXT.to_owned());
            maps.replace(NAME, &params, &there).await
        }
        None => {
            let map = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(NAME.to_owned()),
                    annotations: Some([(DESCRIPTION.to_owned(), TEXT.to_owned())].into()),
                    ..ObjectMeta::default()
                },
                data: Some(data),
                ..ConfigMap::default()
            };
            maps.create(&params, &map).await
        }
    };
    match published {
        // The namespace is gone, or somebody was faster.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 409) => {}
        published => drop(published?),
    }
    Ok(Action::await_change())
}

const NAME: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "kubernetes.io/description";
/// As the real server's controller says it.
const TEXT: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";
