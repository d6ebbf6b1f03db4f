//! What a namespace allows to be done in it.

use api::GroupResource;
use store::Key;

use crate::object::is_deleting;
use crate::scope::Scope;
use crate::storage::Storage;
use crate::{Cause, Status};

/// Whether an object may be made in the namespace of the request: it has to be
/// there and to stay.
pub(crate) async fn check_namespace(
    storage: &Storage,
    scope: &Scope,
    name: &str,
) -> Result<(), Status> {
    if !scope.namespaced() {
        return Ok(());
    }
    let namespaces = namespaces();
    let key = Key::from(format!("/registry/namespaces/{}", scope.namespace));
    let Some(namespace) = storage.get(&key).await? else {
        return Err(Status::not_found(&namespaces, &scope.namespace));
    };
    let Some(resource) = scope.registry.resource("", "v1", &namespaces.resource) else {
        return Ok(());
    };
    if !is_deleting(&namespace.value(resource)?) {
        return Ok(());
    }
    let why = format!(
        "unable to create new content in namespace {} because it is being terminated",
        scope.namespace
    );
    let cause = Cause {
        reason: "NamespaceTerminating",
        message: format!("namespace {} is being terminated", scope.namespace),
        field: "metadata.namespace".into(),
    };
    Err(Status::forbidden(&scope.group_resource(), name, &why).with_cause(cause))
}

/// Whether an object may be deleted: some namespaces may not.
pub(crate) fn check_delete(scope: &Scope) -> Result<(), Status> {
    let namespaces = namespaces();
    if scope.group_resource() == namespaces && LASTING.contains(&&*scope.name) {
        let why = "this namespace may not be deleted";
        return Err(Status::forbidden(&namespaces, &scope.name, why));
    }
    Ok(())
}

fn namespaces() -> GroupResource {
    GroupResource {
        group: "".into(),
        resource: "namespaces".into(),
    }
}

/// Namespaces that every hub has and keeps.
pub(crate) const LASTING: [&str; 3] = ["default", "kube-public", "kube-system"];
