//! Whether a managed cluster's clock goes with the hub's.

use api::types::cluster::ManagedCluster;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::leases::{Renewed, grace};
use super::names::{CLOCK_SYNCED, SKIP_CLOCK_CHECK};
use super::status;

/// Says so in its conditions, once its lease was seen to be renewed. Returns
/// whether that is another condition than before.
pub(crate) fn judge(
    cluster: &ManagedCluster,
    lease: &Renewed,
    conditions: &mut Vec<Condition>,
) -> bool {
    let Some(ahead) = lease.ahead else {
        return false;
    };
    let skip = cluster.annotations().get(SKIP_CLOCK_CHECK);
    let skipped = skip.is_some_and(|skip| skip == "true");
    if skipped || ahead.abs() < grace(cluster.spec.lease_duration_seconds) {
        status::set(
            conditions,
            CLOCK_SYNCED,
            "True",
            "ManagedClusterClockSynced",
            "The clock of the managed cluster is synced with the hub.",
        )
    } else {
        status::set(
            conditions,
            CLOCK_SYNCED,
            "False",
            "ManagedClusterClockOutOfSync",
            "The clock of hub and agent is out of sync. This may cause the Unknown status and \
             affect agent functionalities.",
        )
    }
}
