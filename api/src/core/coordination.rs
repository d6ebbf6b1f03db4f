use super::rows;
use crate::Behaviour;
use crate::Hooks;
use crate::kind::{Kind, NAMESPACED};

mod lease;

/// Those of the group `coordination.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    behaviour: Behaviour {
        any_finalizer: true,
        created_by_update: true,
        unconditional_update: false,
        ..Behaviour::BUILT_IN
    },
    columns: rows::config::LEASE,
    hooks: Hooks {
        row: Some(rows::config::lease),
        ..lease::HOOKS
    },
    ..NAMESPACED
}];
