use serde_json::Value;

use crate::{
    Behaviour, Conversion, Elapsed, Hooks,
    kind::{Kept, Kind, NAMESPACED, Selectable, field},
};

/// Those of the group `events.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "events.k8s.io",
    kind: "Event",
    plural: "events",
    short: &["ev"],
    storage: Kept::AsCore("events"),
    columns: super::rows::event::COLUMNS,
    selectable: FIELDS,
    behaviour: Behaviour {
        created_by_update: true,
        ttl_seconds: Some(3600),
        ..Behaviour::BUILT_IN
    },
    hooks: Hooks {
        conversion: Some(Conversion {
            from_stored: |object| {
                rename(object, |&(stored, shown)| (stored, shown));
                drop_empty(object);
            },
            to_stored: |object| rename(object, |&(stored, shown)| (shown, stored)),
        }),
        row: Some(row),
        ..Hooks::NONE
    },
    ..NAMESPACED
}];

const FIELDS: &[Selectable] = &[
    field("reason"),
    field("regarding.apiVersion"),
    field("regarding.fieldPath"),
    field("regarding.kind"),
    field("regarding.name"),
    field("regarding.namespace"),
    field("regarding.resourceVersion"),
    field("regarding.uid"),
    field("reportingController"),
    field("type"),
];

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

fn row(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let mut core = object.clone();
    rename(&mut core, |&(stored, shown)| (shown, stored));
    super::rows::event::row(&core, elapsed)
}

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

/// The core group's Event says that these are empty; this one leaves them out.
fn drop_empty(object: &mut Value) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    for name in ["reportingController", "reportingInstance"] {
        if object.get(name).is_some_and(|value| value == "") {
            object.remove(name);
        }
    }
}
