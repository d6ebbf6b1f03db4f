use crate::kind::{Kept, Kind, NAMESPACED};

/// Those of the group `events.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "events.k8s.io",
    kind: "Event",
    plural: "events",
    short: &["ev"],
    storage: Kept::AsCore("events"),
    ..NAMESPACED
}];
