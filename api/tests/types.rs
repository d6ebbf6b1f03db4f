//! The Rust types are of the kinds that the catalogue has.

use api::ocm;
use api::types::{addon, cluster, work};
use kube_core::Resource;

fn is_served<K: Resource<DynamicType = ()>>() {
    let (group, version, plural) = (K::group(&()), K::version(&()), K::plural(&()));
    let served = ocm().resources.iter().find(|served| {
        *served.group == *group && *served.version == *version && *served.names.plural == *plural
    });
    let served = served.unwrap_or_else(|| panic!("{group}/{version} {plural} is not served"));
    assert_eq!(*served.names.kind, *K::kind(&()));
}

#[test]
fn every_type_is_of_a_kind_that_is_served() {
    is_served::<addon::ManagedClusterAddOn>();
    is_served::<cluster::ClusterClaim>();
    is_served::<cluster::ManagedCluster>();
    is_served::<cluster::ManagedClusterSet>();
    is_served::<cluster::ManagedClusterSetBinding>();
    is_served::<cluster::Placement>();
    is_served::<cluster::PlacementDecision>();
    is_served::<work::AppliedManifestWork>();
    is_served::<work::ManifestWork>();
    is_served::<work::ManifestWorkReplicaSet>();
}
