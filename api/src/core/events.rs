use crate::Behaviour;
use crate::kind::{Kept, Kind, NAMESPACED};

/// Those of the group `events.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "events.k8s.io",
    kind: "Event",
    plural: "events",
    short: &["ev"],
    storage: Kept::AsCore("events"),
    behaviour: Behaviour {
        created_by_update: true,
        ttl_seconds: Some(3600),
        ..Behaviour::BUILT_IN
    },
    ..NAMESPACED
}];
