//! Open Cluster Management's kinds in the cluster that is the hub.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::MANAGER;

/// Why a kind is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DefinitionsError {
    #[error("the CustomResourceDefinition {name} cannot be installed")]
    Install { name: String, source: kube::Error },
    #[error(
        "the CustomResourceDefinition {name} is not served after {} s; \
         `kubectl get crd {name} -o yaml` says why",
        LIMIT.as_secs()
    )]
    NotServed { name: String },
}

/// How long the API server may take to serve a new kind.
const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(250);
/// Definitions that are written at once.
const AT_ONCE: usize = 4;

/// Has them there and served. One that somebody else keeps, such as Open
/// Cluster Management's own installer, stays as it is.
pub(super) async fn install(
    client: &Client,
    definitions: Vec<Value>,
) -> Result<(), DefinitionsError> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&kind));
    let installed = stream::iter(definitions)
        .map(|definition| Box::pin(one(&all, definition)))
        .buffer_unordered(AT_ONCE);
    installed.try_collect().await
}

async fn one(all: &Api<DynamicObject>, definition: Value) -> Result<(), DefinitionsError> {
    let name = definition["metadata"]["name"].as_str();
    let name = name.unwrap_or_default().to_owned();
    let failed = |source| DefinitionsError::Install {
        name: name.clone(),
        source,
    };
    let there = all.get_opt(&name).await.map_err(failed)?;
    if there.as_ref().is_some_and(|there| !is_ours(there)) {
        tracing::info!(
            name,
            "the kind is kept by somebody else, and stays as it is"
        );
    } else {
        let params = PatchParams::apply(MANAGER).force();
        let applied = all.patch(&name, &params, &Patch::Apply(&definition)).await;
        applied.map_err(failed)?;
    }
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        let there = all.get_opt(&name).await.map_err(failed)?;
        if there.is_some_and(|there| is_served(&there)) {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(DefinitionsError::NotServed { name })
}

/// Whether the hub has written it.
fn is_ours(there: &DynamicObject) -> bool {
    let managers = there.managed_fields().iter();
    let mut managers = managers.filter_map(|entry| entry.manager.as_deref());
    managers.any(|manager| manager == MANAGER)
}

fn is_served(there: &DynamicObject) -> bool {
    let conditions = there.data["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|of| of["type"] == "Established" && of["status"] == "True")
}
