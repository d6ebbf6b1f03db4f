use api::types::cluster::ManagedCluster;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::HubError;
use super::error::Trying as _;

/// The conditions of a ManagedCluster.
pub(crate) fn conditions(cluster: &ManagedCluster) -> &[Condition] {
    let status = cluster.status.as_ref();
    status.map_or(&[], |status| status.conditions.as_slice())
}

/// The condition of a type.
pub(crate) fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether the condition of a type has this status.
pub(crate) fn is(conditions: &[Condition], kind: &str, status: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition.status == status)
}

/// Sets the condition of a type. Its time moves only with its status. Returns
/// whether it is another now.
pub(crate) fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
) -> bool {
    let message = message.into();
    let now = || Time(Timestamp::now());
    let there = conditions.iter_mut().find(|of| of.type_ == kind);
    let Some(there) = there else {
        conditions.push(Condition {
            last_transition_time: now(),
            message,
            observed_generation: None,
            reason: reason.to_owned(),
            status: status.to_owned(),
            type_: kind.to_owned(),
        });
        return true;
    };
    if there.status == status && there.reason == reason && there.message == message {
        return false;
    }
    if there.status != status {
        there.last_transition_time = now();
        status.clone_into(&mut there.status);
    }
    reason.clone_into(&mut there.reason);
    there.message = message;
    true
}

/// Writes a cluster's conditions, unless somebody else has changed it since:
/// the agent writes the same list.
pub(crate) async fn write(
    clusters: &Api<ManagedCluster>,
    cluster: &ManagedCluster,
    conditions: &[Condition],
) -> Result<ManagedCluster, HubError> {
    let patch = json!({
        "metadata": {
            "uid": cluster.metadata.uid,
            "resourceVersion": cluster.metadata.resource_version,
        },
        "status": {"conditions": conditions},
    });
    let name = cluster.name_any();
    let patched = clusters
        .patch_status(&name, &PatchParams::default(), &Patch::Merge(patch))
        .await;
    patched.trying(|| format!("the status of managed cluster {name} cannot be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conditions_time_moves_with_its_status_alone() {
        let long_ago = Time(Timestamp::UNIX_EPOCH);
        let mut all = Vec::new();
        assert!(set(&mut all, "Ready", "True", "Well", "so"));
        all[0].last_transition_time = long_ago.clone();
        assert!(!set(&mut all, "Ready", "True", "Well", "so"));
        assert!(set(&mut all, "Ready", "True", "Better", "so"));
        assert_eq!(all[0].last_transition_time, long_ago);
        assert!(set(&mut all, "Ready", "False", "Worse", "so"));
        assert_ne!(all[0].last_transition_time, long_ago);
        assert_eq!(all.len(), 1);
    }
}
