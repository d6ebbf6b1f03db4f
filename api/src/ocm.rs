//! Open Cluster Management's kinds, and ClusterGateway.

use std::sync::OnceLock;

use crate::{Behaviour, Catalogue, Hooks, core};

mod addon;
mod cluster_set;
mod managed_cluster;
mod manifest_work;
mod set_binding;

/// The hub's own kinds: Open Cluster Management's as its
/// CustomResourceDefinitions have them, and ClusterGateway.
///
/// # Panics
/// Never: what is parsed is part of the program, and a test parses it.
#[must_use]
pub fn ocm() -> &'static Catalogue {
    static OCM: OnceLock<Catalogue> = OnceLock::new();
    OCM.get_or_init(|| read(core()))
}

/// Reads them anew; `core` has what objects have in common.
pub(crate) fn read(core: &Catalogue) -> Catalogue {
    let mut catalogue: Catalogue = serde_json::from_str(include_str!("gen/ocm.json"))
        .expect("the generated resources are in the form of Catalogue");
    let gateway: Catalogue = serde_json::from_str(include_str!("ocm/cluster_gateway.json"))
        .expect("ClusterGateway is in the form of Catalogue");
    catalogue.resources.extend(gateway.resources);
    catalogue.definitions.extend(gateway.definitions);
    let of_objects = core.definitions.iter();
    catalogue.definitions.extend(
        of_objects
            .filter(|(name, _)| name.starts_with("io.k8s.apimachinery."))
            .map(|(name, schema)| (name.clone(), schema.clone())),
    );
    for resource in &mut catalogue.resources {
        resource.behaviour = Behaviour::CUSTOM;
        resource.hooks = hooks(&resource.names.plural, &resource.version);
    }
    catalogue
}

/// What a kind's schema does not say.
fn hooks(plural: &str, version: &str) -> Hooks {
    match (plural, version) {
        ("clustermanagementaddons", "v1beta1") => addon::CLUSTER_MANAGEMENT,
        ("managedclusteraddons", "v1beta1") => addon::MANAGED_CLUSTER,
        ("managedclusters", _) => managed_cluster::HOOKS,
        ("managedclustersetbindings", _) => set_binding::HOOKS,
        ("managedclustersets", "v1beta1") => cluster_set::V1BETA1,
        ("manifestworkreplicasets", _) => manifest_work::REPLICA_SET,
        ("manifestworks", _) => manifest_work::WORK,
        _ => Hooks::NONE,
    }
}
