//! Lets a cluster go, also one whose agent will not come any more.

use api::types::cluster::ManagedCluster;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::error::{Trying as _, if_there};
use super::events::Events;
use super::names::is_the_hubs;
use super::{HubError, deletion};

/// So many bytes of names are in the Event.
const MOST_NAMES: usize = 600;

/// What was let go by force.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Forced {
    /// What was not waited for: `manifestworks/NAME` and `managedclusteraddons/NAME`.
    pub released: Vec<String>,
}

/// Deletes a cluster. The hub's controllers then delete its add-ons and works,
/// wait until its agent has removed what these brought, and remove its rights.
///
/// # Errors
/// If there is no such cluster, or the hub's API refuses.
pub async fn detach(client: &Client, cluster: &str) -> Result<(), HubError> {
    let clusters: Api<ManagedCluster> = Api::all(client.clone());
    let deleted = if_there(clusters.delete(cluster, &DeleteParams::default()).await);
    let deleted = deleted.trying(|| format!("managed cluster {cluster} cannot be deleted"))?;
    deleted.map_or_else(|| Err(HubError::NoCluster(cluster.to_owned())), |_| Ok(()))
}

/// Deletes a cluster and waits for nobody: the finalizers of its add-ons and
/// works are dropped, so that what they brought stays in the managed cluster.
/// An Event says who did so, and what was dropped.
///
/// # Errors
/// If there is no such cluster, or the hub's API refuses.
pub async fn force(client: &Client, cluster: &str, user: &str) -> Result<Forced, HubError> {
    detach(client, cluster).await?;
    let mut forced = Forced::default();
    if is_the_hubs(cluster) {
        return Ok(forced);
    }
    for kind in deletion::kinds() {
        let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), cluster, &kind);
        let list = if_there(objects.list_metadata(&ListParams::default()).await);
        let plural = &kind.plural;
        let list = list.trying(|| format!("{plural} of {cluster} cannot be listed"))?;
        for object in list.map(|list| list.items).unwrap_or_default() {
            let name = object.name_any();
            let what = || format!("{plural} {cluster}/{name} cannot be released");
            let deleted = objects.delete(&name, &DeleteParams::default()).await;
            if_there(deleted).trying(what)?;
            if object.finalizers().is_empty() {
                continue;
            }
            let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            let released = objects.patch(&name, &PatchParams::default(), &patch).await;
            if_there(released).trying(what)?;
            forced.released.push(format!("{plural}/{name}"));
        }
    }
    let dropped = forced.released.len();
    tracing::warn!(cluster, user, dropped, "a cluster is detached by force");
    // An Event's note has 1,024 bytes at most, and names are short ASCII.
    let mut names = forced.released.join(", ");
    if names.len() > MOST_NAMES {
        names.truncate(MOST_NAMES);
        names.push('…');
    }
    let note = format!(
        "managed cluster {cluster} was detached by force by {user}: {dropped} finalizers were \
         dropped without the agent ({names}); what these brought stays in the cluster"
    );
    let events = Events::new(client.clone());
    events
        .warning(cluster, "ManagedClusterForceDetached", note)
        .await;
    Ok(forced)
}
