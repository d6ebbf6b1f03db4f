//! The hub's half of the handshake: what a cluster gets when it is accepted,
//! and what is left to it when it is denied.

use api::types::cluster::ManagedCluster;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::HubError;
use super::access::Access;
use super::names::HUB_ACCEPTED;
use super::status;

/// What a cluster's agents may do; `None` if nobody has ever accepted it, and
/// the hub does nothing for it.
pub(crate) fn due(cluster: &ManagedCluster) -> Option<Access> {
    if cluster.spec.hub_accepts_client {
        return Some(Access::Accepted);
    }
    let known = status::find(status::conditions(cluster), HUB_ACCEPTED);
    known.map(|_| Access::Denied)
}

/// Says in a cluster's conditions what became of it. Returns whether that is
/// another condition than before.
pub(crate) fn tell(
    access: Access,
    given: &Result<(), HubError>,
    conditions: &mut Vec<Condition>,
) -> bool {
    let (state, reason, message) = match (access, given) {
        (Access::Accepted, Ok(())) => (
            "True",
            "HubClusterAdminAccepted",
            "Accepted by hub cluster admin".to_owned(),
        ),
        (Access::Accepted, Err(error)) => ("False", "Error", error.to_string()),
        // Until its rights are gone it is not denied.
        (Access::Denied | Access::Gone, Err(_)) => return false,
        (Access::Denied | Access::Gone, Ok(())) => (
            "False",
            "HubClusterAdminDenied",
            "Denied by hub cluster admin".to_owned(),
        ),
    };
    status::set(conditions, HUB_ACCEPTED, state, reason, message)
}

/// The reason and text of the Event for a cluster of which its conditions say
/// something else than before.
pub(crate) fn event(
    cluster: &str,
    before: &[Condition],
    now: &[Condition],
) -> Option<(&'static str, String)> {
    let reason = |all: &[Condition]| status::find(all, HUB_ACCEPTED).map(|of| of.reason.clone());
    let now = reason(now);
    if reason(before) == now {
        return None;
    }
    match now.as_deref() {
        Some("HubClusterAdminAccepted") => Some((
            "ManagedClusterAccepted",
            format!("managed cluster {cluster} is accepted by hub cluster admin"),
        )),
        Some("HubClusterAdminDenied") => Some((
            "ManagedClusterDenied",
            format!("managed cluster {cluster} is denied by hub cluster admin"),
        )),
        _ => None,
    }
}
