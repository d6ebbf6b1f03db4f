//! What every server has from its first start on: its lasting namespaces, and
//! the roles and bindings of Kubernetes' policy.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use crate::admission::LASTING;
use crate::authorization::{Reconciled, bootstrap_policy, reconcile};
use crate::handlers::{Replacement, create, delete, update};
use crate::object::meta_str;
use crate::options::{DeleteOptions, WriteOptions};
use crate::request_info::ResourceInfo;
use crate::scope::Scope;
use crate::storage::Storage;
use crate::writer::Writer;
use crate::{Reason, Registry, Status, User};

/// Makes what is missing.
pub(crate) async fn bootstrap(storage: &Storage, registry: &Arc<Registry>) -> Result<(), Status> {
    for name in LASTING {
        let namespace = json!({
            "kind": "Namespace",
            "apiVersion": "v1",
            "metadata": {"name": name},
        });
        settle(
            storage,
            registry,
            "namespaces",
            &namespace,
            |there| match there {
                None => Reconciled::Create(namespace.clone()),
                Some(_) => Reconciled::Done,
            },
        )
        .await?;
    }
    let policy = stream::iter(bootstrap_policy()).map(|wanted| async move {
        let plural = match wanted["kind"].as_str().unwrap_or_default() {
            "ClusterRole" => "clusterroles",
            "ClusterRoleBinding" => "clusterrolebindings",
            "Role" => "roles",
            _ => "rolebindings",
        };
        let decide = |there: Option<&Value>| reconcile(there, &wanted);
        settle(storage, registry, plural, &wanted, decide).await
    });
    // None needs another, and the store makes what comes together durable together.
    policy.buffer_unordered(AT_ONCE).try_collect().await
}

/// Brings one object to what is wanted of it.
async fn settle(
    storage: &Storage,
    registry: &Arc<Registry>,
    plural: &str,
    wanted: &Value,
    decide: impl Fn(Option<&Value>) -> Reconciled,
) -> Result<(), Status> {
    let (group, version) = match wanted["apiVersion"]
        .as_str()
        .unwrap_or_default()
        .split_once('/')
    {
        Some((group, version)) => (group, version),
        None => ("", "v1"),
    };
    let info = ResourceInfo {
        group: group.to_owned(),
        version: version.to_owned(),
        namespace: meta_str(wanted, "namespace").to_owned(),
        resource: plural.to_owned(),
        name: meta_str(wanted, "name").to_owned(),
        named_by_path: true,
        ..ResourceInfo::default()
    };
    // A server need not serve all kinds.
    let Ok(scope) = Scope::new(registry.clone(), &info) else {
        return Ok(());
    };
    let there = storage.get(&scope.key()).await?;
    let there = there
        .map(|stored| stored.value(&scope.resource))
        .transpose()?;
    let user = User::new("system:apiserver", [User::MASTERS.to_owned()]);
    let writer = Writer::new(&scope, &user, "adit");
    let options = WriteOptions::default();
    let made = match decide(there.as_ref()) {
        Reconciled::Done => return Ok(()),
        Reconciled::Create(object) => create(storage, &writer, &options, object).await,
        Reconciled::Recreate(object) => {
            delete(storage, &writer, &DeleteOptions::default()).await?;
            create(storage, &writer, &options, object).await
        }
        Reconciled::Update(object) => {
            let mut change = Replacement {
                object,
                creates: false,
            };
            update(storage, &writer, &options, &mut change).await
        }
    };
    match made {
        // Another replica was faster.
        Err(status) if matches!(status.reason(), Reason::AlreadyExists | Reason::Conflict) => {
            Ok(())
        }
        made => made.map(|_| ()),
    }
}

/// Objects of the policy that are made at once.
const AT_ONCE: usize = 32;
