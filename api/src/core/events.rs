use serde_json::Value;

use super::fields::{at, immutable, invalid, required, text};
use super::v1::event;
use crate::{
    Behaviour, Change, Conversion, Elapsed, FieldError, Hooks,
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
        any_finalizer: true,
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
        validate: Some(validate),
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

/// More is asked of events in this version, and once they are made nothing of
/// them changes but how often they were.
fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let core = |object: &Value| {
        let mut core = object.clone();
        rename(&mut core, |&(stored, shown)| (shown, stored));
        core
    };
    let object = core(object);
    let mut wrong = event::check(&object, "reportingController");
    let Change::Update { old, .. } = change else {
        wrong.extend(series(&object));
        if object["eventTime"].is_null() {
            wrong.push(required("eventTime", ""));
        }
        let kind = text(&object, "/type");
        if !matches!(kind, "Normal" | "Warning") {
            wrong.push(invalid("type", "", format!("has invalid value: {kind}")));
        }
        for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
            let value = &object[field];
            let none = value.is_null()
                || *value == 0
                || value.as_object().is_some_and(serde_json::Map::is_empty);
            if !none {
                wrong.push(invalid(field, "", "needs to be unset"));
            }
        }
        return wrong;
    };
    let old = core(old);
    if object["series"] != old["series"] {
        wrong.extend(series(&object));
    }
    for field in FIXED {
        // One of them is another's name in the stored form.
        let name = match *field {
            "reportingController" => "reportingComponent",
            other => other,
        };
        let told = immutable(field, &object, &old, &format!("/{name}"));
        wrong.extend(told);
    }
    wrong
}

fn series(object: &Value) -> Vec<FieldError> {
    let series = at(object, "/series");
    let mut wrong = Vec::new();
    if !series.is_object() {
        return wrong;
    }
    if series["count"].as_i64().unwrap_or(0) < 2 {
        wrong.push(invalid("series.count", "", "should be at least 2"));
    }
    if series["lastObservedTime"].is_null() {
        wrong.push(required("series.lastObservedTime", ""));
    }
    wrong
}

const FIXED: &[&str] = &[
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingController",
    "reportingInstance",
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
