use crate::kind::{Kind, NAMESPACED};

/// Those of the group `coordination.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    ..NAMESPACED
}];
