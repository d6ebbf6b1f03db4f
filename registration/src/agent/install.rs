//! What an agent needs in the managed cluster, and its removal.

use std::time::Duration;

use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::refusal::is_code;

mod objects;
mod pod;
mod roles;

pub use objects::{NAMESPACE, SERVICE_ACCOUNT};
pub use pod::Pod;

/// Where an agent runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// In the managed cluster, as a pod.
    #[default]
    Default,
    /// Somewhere else, with a kubeconfig of the managed cluster: nothing runs
    /// there, and nobody needs a role there.
    Hosted,
}

/// Why the managed cluster has not what the agent needs, or still has it.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// An object cannot be applied.
    #[error(
        "{what} cannot be applied in the managed cluster; whoever joins it has to be allowed to"
    )]
    Apply {
        /// The object's kind and name.
        what: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// Works' objects are still there.
    #[error(
        "the managed cluster still has {0} AppliedManifestWorks; delete their ManifestWorks on \
         the hub first, or detach the cluster there"
    )]
    AppliedWorks(usize),
    /// An object cannot be looked up or removed.
    #[error("{what} cannot be removed from the managed cluster")]
    Remove {
        /// The object's kind and name.
        what: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// Something is on its way out for too long.
    #[error(
        "{0} is being deleted, and still there after {wait} s; look for what has a finalizer in it",
        wait = GOING.as_secs()
    )]
    Stays(String),
}

impl InstallError {
    /// Whether it is a right that is missing.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::Apply { source, .. } | Self::Remove { source, .. } => is_code(source, 403),
            Self::AppliedWorks(_) | Self::Stays(_) => false,
        }
    }
}

/// Says who applied what.
const FIELD_MANAGER: &str = "adit-join";
/// How long what is deleted may take to be gone.
const GOING: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// What [`install`] applies, each after what it needs.
#[must_use]
pub fn objects(mode: Mode) -> Vec<Value> {
    objects::all(mode)
}

/// Applies what the agent needs. What is there already as it should be is left
/// alone; definitions of kinds that the API server serves without one are left
/// out, and so are definitions and a namespace that somebody else has put there.
///
/// # Errors
/// If the client may not, or cannot.
pub async fn install(managed: &Client, mode: Mode) -> Result<(), InstallError> {
    for object in objects::all(mode) {
        let needed = is_needed(managed, &object).await;
        if needed.map_err(|source| cannot_apply(&object, source))? {
            apply(managed, &object).await?;
        }
    }
    Ok(())
}

/// Applies an object, in place of what others have made of it.
///
/// # Errors
/// If the client may not, or cannot.
pub async fn apply(managed: &Client, object: &Value) -> Result<(), InstallError> {
    let (api, name) = api(managed, object);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let applied = api.patch(&name, &params, &Patch::Apply(object)).await;
    applied
        .map(drop)
        .map_err(|source| cannot_apply(object, source))
}

fn cannot_apply(object: &Value, source: kube::Error) -> InstallError {
    InstallError::Apply {
        what: described(object),
        source,
    }
}

/// Removes what [`install`] has applied, the namespace with all that is in it
/// included, and waits until it is gone. Definitions go only if nothing of
/// their kind is left.
///
/// # Errors
/// If works' objects are still there, the client may not, or something is not
/// gone within a minute.
pub async fn uninstall(managed: &Client) -> Result<(), InstallError> {
    let mut objects = objects::all(Mode::Default);
    objects.reverse();
    for definition in objects.iter().filter(|of| is_definition(of)) {
        let left = count(managed, definition).await?;
        if left > 0 && definition["spec"]["names"]["kind"] == "AppliedManifestWork" {
            return Err(InstallError::AppliedWorks(left));
        }
    }
    let mut going = Vec::new();
    for object in &objects {
        if is_definition(object) && count(managed, object).await? > 0 {
            continue;
        }
        let what = described(object);
        let (api, name) = api(managed, object);
        let failed = |source| InstallError::Remove {
            what: what.clone(),
            source,
        };
        let found = found(&api, &name).await.map_err(failed)?;
        // What somebody else has put there stays.
        if !found.is_some_and(|of| is_ours(&of)) {
            continue;
        }
        match api.delete(&name, &DeleteParams::default()).await {
            Err(error) if !is_code(&error, 404) => return Err(failed(error)),
            _ => going.push((api, name, what)),
        }
    }
    let until = Instant::now() + GOING;
    for (api, name, what) in going {
        let failed = |source| InstallError::Remove {
            what: what.clone(),
            source,
        };
        while found(&api, &name).await.map_err(failed)?.is_some() {
            if Instant::now() > until {
                return Err(InstallError::Stays(what));
            }
            sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// How many objects of a definition's kind there are.
async fn count(managed: &Client, definition: &Value) -> Result<usize, InstallError> {
    let failed = |source| InstallError::Remove {
        what: described(definition),
        source,
    };
    let api: Api<DynamicObject> = Api::all_with(managed.clone(), &defined(definition));
    match api.list_metadata(&ListParams::default().limit(1)).await {
        Err(error) if is_code(&error, 404) => Ok(0),
        Err(error) => Err(failed(error)),
        Ok(list) => {
            let more = list.metadata.remaining_item_count.unwrap_or(0);
            Ok(list.items.len() + usize::try_from(more).unwrap_or(0))
        }
    }
}

/// Whether an object is to be applied. What others may have put there as well
/// is theirs if they have, and a kind may be served without a definition.
async fn is_needed(managed: &Client, object: &Value) -> Result<bool, kube::Error> {
    if !is_definition(object) && object["kind"] != "Namespace" {
        return Ok(true);
    }
    let (api, name) = api(managed, object);
    if let Some(there) = found(&api, &name).await? {
        return Ok(is_ours(&there));
    }
    if !is_definition(object) {
        return Ok(true);
    }
    let resource = defined(object);
    let api: Api<DynamicObject> = Api::all_with(managed.clone(), &resource);
    match api.list_metadata(&ListParams::default().limit(1)).await {
        Err(error) if is_code(&error, 404) => Ok(true),
        Err(error) => Err(error),
        Ok(_) => Ok(false),
    }
}

fn is_ours(object: &DynamicObject) -> bool {
    object.labels().get(objects::LABEL.0) == Some(&objects::label())
}

/// The object; `None` also where the API server knows nothing of its kind.
async fn found(api: &Api<DynamicObject>, name: &str) -> Result<Option<DynamicObject>, kube::Error> {
    match api.get(name).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if is_code(&error, 404) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_definition(object: &Value) -> bool {
    object["kind"] == "CustomResourceDefinition"
}

/// The kind that a definition defines, in its first version.
fn defined(definition: &Value) -> ApiResource {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = GroupVersionKind {
        group: text(&spec["group"]),
        version: text(&spec["versions"][0]["name"]),
        kind: text(&spec["names"]["kind"]),
    };
    ApiResource::from_gvk_with_plural(&kind, &text(&spec["names"]["plural"]))
}

fn api(managed: &Client, object: &Value) -> (Api<DynamicObject>, String) {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let version = text("/apiVersion").unwrap_or_default();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = text("/kind").unwrap_or_default();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api = match text("/metadata/namespace") {
        Some(namespace) => Api::namespaced_with(managed.clone(), namespace, &resource),
        None => Api::all_with(managed.clone(), &resource),
    };
    (api, text("/metadata/name").unwrap_or_default().to_owned())
}

fn described(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let (kind, name) = (text(&object["kind"]), text(&metadata["name"]));
    match text(&metadata["namespace"]) {
        namespace if namespace.is_empty() => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    }
}
