use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt as _};

use super::{RETRY, drive};

/// Gives every namespace its service account `default`, and makes it again
/// when somebody deletes it.
pub(super) async fn run(client: Client) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let accounts: Api<ServiceAccount> = Api::all(client.clone());
    let only_default = watcher::Config::default().fields("metadata.name=default");
    let controller = Controller::new(namespaces, watcher::Config::default()).watches(
        accounts,
        only_default,
        |account| {
            let namespace = account.namespace()?;
            Some(kube::runtime::reflector::ObjectRef::new(&namespace))
        },
    );
    let results = controller.run(
        async |namespace, client: Arc<Client>| make(&namespace, &client).await,
        |_, _, _| Action::requeue(RETRY),
        Arc::new(client),
    );
    drive("service accounts", results).await;
}

async fn make(namespace: &Namespace, client: &Client) -> Result<Action, kube::Error> {
    if namespace.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace.name_any());
    if accounts.get_metadata_opt(DEFAULT).await?.is_some() {
        return Ok(Action::await_change());
    }
    let account = ServiceAccount {
        metadata: kube::api::ObjectMeta {
            name: Some(DEFAULT.to_owned()),
            ..Default::default()
        },
        ..ServiceAccount::default()
    };
    match accounts.create(&PostParams::default(), &account).await {
        // The namespace is gone, or somebody was faster.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 409) => {}
        made => {
            made?;
        }
    }
    Ok(Action::await_change())
}

const DEFAULT: &str = "default";
