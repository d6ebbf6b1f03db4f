use crate::kind::{Kind, NAMESPACED};

/// Those of the group `discovery.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    ..NAMESPACED
}];
