use serde_json::Value;

use crate::{
    Behaviour, Conversion, Hooks,
    kind::{Kept, Kind, NAMESPACED},
};

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
    hooks: Hooks {
        conversion: Some(Conversion {
            from_stored: |object| rename(object, |&(stored, shown)| (stored, shown)),
            to_stored: |object| rename(object, |&(stored, shown)| (shown, stored)),
        }),
        ..Hooks::NONE
    },
    ..NAMESPACED
}];

/// The fields whose names are others in the core group's Event.
const NAMES: &[(&str, &str)] = &[
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("involvedObject", "regarding"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
];

fn rename(
    object: &mut Value,
    direction: fn(&(&'static str, &'static str)) -> (&'static str, &'static str),
) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    for (from, to) in NAMES.iter().map(direction) {
        if let Some(value) = object.remove(from) {
            object.insert(to.into(), value);
        }
    }
}
