//! Conditions of the ManagedCluster.

use api::types::cluster::ManagedCluster;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use proto::ClusterName;
use serde_json::json;

use super::Clock;
use super::refusal::is_code;

/// A condition as it is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wanted {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// The conditions with those that are wanted; `None` if they are as wanted.
/// A condition's time changes only with its status.
pub(super) fn merged(
    conditions: &[Condition],
    wanted: &[Wanted],
    now: &Time,
) -> Option<Vec<Condition>> {
    let mut merged = conditions.to_vec();
    for wanted in wanted {
        let mut condition = Condition {
            type_: wanted.kind.to_owned(),
            status: wanted.status.to_owned(),
            reason: wanted.reason.to_owned(),
            message: wanted.message.clone(),
            last_transition_time: now.clone(),
            observed_generation: None,
        };
        match merged.iter_mut().find(|of| of.type_ == wanted.kind) {
            Some(before) => {
                if before.status == condition.status {
                    condition.last_transition_time = before.last_transition_time.clone();
                }
                condition.observed_generation = before.observed_generation;
                *before = condition;
            }
            None => merged.push(condition),
        }
    }
    (merged != conditions).then_some(merged)
}

/// Sets a condition of the ManagedCluster, whatever else is written meanwhile.
pub(super) async fn set(
    hub: &Client,
    cluster: &ClusterName,
    wanted: &Wanted,
    clock: &Clock,
) -> Result<(), kube::Error> {
    let clusters: Api<ManagedCluster> = Api::all(hub.clone());
    let mut left = CONFLICTS_MAX;
    loop {
        let found = clusters.get(cluster.as_str()).await?;
        let status = found.status.clone().unwrap_or_default();
        let wanted = std::slice::from_ref(wanted);
        let Some(conditions) = merged(&status.conditions, wanted, &clock.time()) else {
            return Ok(());
        };
        let patch = Patch::Merge(json!({
            "metadata": {"resourceVersion": found.resource_version()},
            "status": {"conditions": conditions},
        }));
        let params = PatchParams::default();
        match clusters
            .patch_status(cluster.as_str(), &params, &patch)
            .await
        {
            Err(error) if is_code(&error, 409) && left > 0 => left -= 1,
            done => return done.map(drop),
        }
    }
}

/// How often others may have written between reading and writing.
pub(super) const CONFLICTS_MAX: u32 = 5;
