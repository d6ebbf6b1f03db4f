use super::rows;
use crate::kind::{Kind, NAMESPACED};
use crate::{Behaviour, Hooks};

mod endpoint_slice;

/// Those of the group `discovery.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    behaviour: Behaviour {
        generation: true,
        ..Behaviour::BUILT_IN
    },
    columns: rows::network::ENDPOINT_SLICE,
    hooks: Hooks {
        row: Some(rows::network::endpoint_slice),
        ..endpoint_slice::HOOKS
    },
    ..NAMESPACED
}];
