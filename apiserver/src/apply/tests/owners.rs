//! What structured-merge-diff's own tests hold of several who apply and
//! update, said again.

use std::collections::BTreeMap;

use api::{Catalogue, Resource, Schema};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::apply::{ApplyError, FieldManager};

/// A kind with `spec` of that schema.
fn catalogue(spec: &Value) -> Catalogue {
    let names = json!({"kind": "K", "listKind": "KList", "plural": "ks", "singular": "k"});
    let resource: Resource = serde_json::from_value(json!({
        "group": "g", "version": "v1", "names": names, "scope": "Cluster", "verbs": [], "schema": "K",
        "custom": true, "subresources": [{"name": "status", "verbs": [], "writes": ["status"]}],
    }))
    .unwrap();
    let schema: Schema = serde_json::from_value(json!({"type": "object", "properties": {
        "spec": spec,
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}))
    .unwrap();
    Catalogue {
        resources: vec![resource],
        definitions: BTreeMap::from([("K".into(), schema)]),
    }
}

enum Step {
    Apply(&'static str, Value),
    Force(&'static str, Value),
    /// Is refused, with these conflicts.
    Conflict(&'static str, Value, &'static [&'static str]),
    Update(&'static str, Value),
}
use Step::{Apply, Conflict, Force, Update};

/// Goes through steps that each give a `spec`, and returns what it is then and
/// who owns what of it.
fn run(spec: &Value, steps: impl IntoIterator<Item = Step>) -> (Value, Value) {
    let catalogue = catalogue(spec);
    let manager = FieldManager::new(&catalogue, &catalogue.resources[0], "");
    let now = OffsetDateTime::UNIX_EPOCH;
    let object = |spec: Value| json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n"}, "spec": spec});
    let mut live: Option<Value> = None;
    for step in steps {
        live = match step {
            Apply(who, spec) => Some(
                manager
                    .apply(live.as_ref(), &object(spec), who, false, now)
                    .unwrap(),
            ),
            Force(who, spec) => Some(
                manager
                    .apply(live.as_ref(), &object(spec), who, true, now)
                    .unwrap(),
            ),
            Update(who, spec) => Some(
                manager
                    .update(live.as_ref(), object(spec), who, now)
                    .unwrap(),
            ),
            Conflict(who, spec, wanted) => {
                let error = manager
                    .apply(live.as_ref(), &object(spec), who, false, now)
                    .unwrap_err();
                let ApplyError::Conflict { conflicts, .. } = error else {
                    panic!("{error}");
                };
                let got: Vec<_> = conflicts
                    .iter()
                    .map(|c| format!("{} {}", c.message, c.field))
                    .collect();
                assert_eq!(got, wanted);
                live
            }
        };
    }
    let live = live.unwrap();
    let entries = live
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    let owners = entries.into_iter().flatten().map(|entry| {
        let who = entry["manager"].as_str().unwrap().to_owned();
        (
            who,
            entry["fieldsV1"].get("f:spec").cloned().unwrap_or_default(),
        )
    });
    (live["spec"].clone(), Value::Object(owners.collect()))
}

fn texts() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {"a": text, "b": text, "c": text}})
}

#[test]
fn what_is_applied_no_more_is_gone() {
    let steps = [
        Apply("one", json!({"a": "1", "b": "2"})),
        Apply("one", json!({"a": "1"})),
    ];
    assert_eq!(
        run(&texts(), steps),
        (json!({"a": "1"}), json!({"one": {"f:a": {}}}))
    );
}

#[test]
fn what_others_own_stays() {
    let steps = [
        Apply("one", json!({"a": "1", "b": "2"})),
        Apply("two", json!({"b": "2", "c": "3"})),
        Apply("one", json!({"a": "1"})),
    ];
    let owners = json!({"one": {"f:a": {}}, "two": {"f:b": {}, "f:c": {}}});
    assert_eq!(
        run(&texts(), steps),
        (json!({"a": "1", "b": "2", "c": "3"}), owners)
    );
}

#[test]
fn another_value_of_what_somebody_owns_is_a_conflict() {
    let steps = [
        Apply("one", json!({"a": "1"})),
        Conflict("two", json!({"a": "2"}), &["conflict with \"one\" .spec.a"]),
        Force("two", json!({"a": "2"})),
    ];
    assert_eq!(
        run(&texts(), steps),
        (json!({"a": "2"}), json!({"two": {"f:a": {}}}))
    );
}

#[test]
fn an_update_takes_what_it_changes_and_only_that() {
    let steps = [
        Apply("one", json!({"a": "1", "b": "1"})),
        Update("two", json!({"a": "1", "b": "2"})),
        Conflict(
            "one",
            json!({"a": "1", "b": "1"}),
            &["conflict with \"two\" using g/v1 .spec.b"],
        ),
        // The same value is owned by both.
        Apply("one", json!({"a": "1", "b": "2"})),
    ];
    let owners = json!({"one": {"f:a": {}, "f:b": {}}, "two": {"f:b": {}}});
    assert_eq!(run(&texts(), steps), (json!({"a": "1", "b": "2"}), owners));
}

#[test]
fn what_an_update_removes_is_owned_by_nobody() {
    let steps = [
        Apply("one", json!({"a": "1", "b": "1"})),
        Update("two", json!({"b": "1"})),
    ];
    assert_eq!(
        run(&texts(), steps),
        (json!({"b": "1"}), json!({"one": {"f:b": {}}}))
    );
}

#[test]
fn null_is_a_value_that_one_owns() {
    let steps = [
        Update("two", json!({"a": "1"})),
        Force("one", json!({"a": null})),
    ];
    assert_eq!(run(&texts(), steps).0, json!({"a": null}));
}

fn keyed() -> Value {
    json!({"type": "object", "properties": {"list": {
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "integer"}}},
    }}})
}

#[test]
fn items_are_owned_one_by_one() {
    let items = |names: &str| -> Value {
        json!({"list": names.chars().map(|name| json!({"name": name})).collect::<Value>()})
    };
    let steps = [
        Apply("one", items("abc")),
        Apply("two", items("cd")),
        Apply("one", items("a")),
    ];
    let own = json!({".": {}, "f:name": {}});
    let owners = json!({
        "one": {"f:list": {"k:{\"name\":\"a\"}": own}},
        "two": {"f:list": {"k:{\"name\":\"c\"}": own, "k:{\"name\":\"d\"}": own}},
    });
    assert_eq!(run(&keyed(), steps), (items("acd"), owners));
}

#[test]
fn an_item_that_nobody_owns_goes_with_all_that_others_own_in_it() {
    let steps = [
        Apply("one", json!({"list": [{"name": "a"}, {"name": "b"}]})),
        Update(
            "two",
            json!({"list": [{"name": "a", "value": 1}, {"name": "b"}]}),
        ),
        Apply("one", json!({"list": [{"name": "b"}]})),
    ];
    let (spec, owners) = run(&keyed(), steps);
    assert_eq!(spec, json!({"list": [{"name": "b"}]}));
    let own = json!({".": {}, "f:name": {}});
    assert_eq!(
        owners,
        json!({"one": {"f:list": {"k:{\"name\":\"b\"}": own}}})
    );
}

#[test]
fn items_that_are_there_twice_are_owned_as_one_until_somebody_applies_them() {
    let steps = [
        Update(
            "two",
            json!({"list": [{"name": "a", "value": 1}, {"name": "a", "value": 2}]}),
        ),
        Force("one", json!({"list": [{"name": "a", "value": 3}]})),
    ];
    let owners =
        json!({"one": {"f:list": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:value": {}}}}});
    let (spec, got) = run(&keyed(), steps);
    assert_eq!(spec, json!({"list": [{"name": "a", "value": 3}]}));
    assert_eq!(got["one"], owners["one"]);
}

#[test]
fn an_object_taken_as_one_is_fought_over_as_one() {
    let whole = json!({"type": "object", "properties": {"m": {
        "type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic",
    }}});
    let steps = [
        Apply("one", json!({"m": {"a": "1"}})),
        Conflict(
            "two",
            json!({"m": {"b": "2"}}),
            &["conflict with \"one\" .spec.m"],
        ),
        Force("two", json!({"m": {"b": "2"}})),
    ];
    assert_eq!(
        run(&whole, steps),
        (json!({"m": {"b": "2"}}), json!({"two": {"f:m": {}}}))
    );
}

#[test]
fn fields_without_a_schema_are_owned_entry_by_entry() {
    let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let steps = [
        Apply("one", json!({"a": {"x": 1}, "l": [1]})),
        Apply("two", json!({"a": {"y": 2}})),
        Conflict(
            "two",
            json!({"a": {"y": 2}, "l": [2]}),
            &["conflict with \"one\" .spec.l"],
        ),
        Apply("one", json!({"l": [1]})),
    ];
    let owners = json!({"one": {"f:l": {}}, "two": {"f:a": {".": {}, "f:y": {}}}});
    assert_eq!(
        run(&free, steps),
        (json!({"a": {"y": 2}, "l": [1]}), owners)
    );
}

#[test]
fn who_changed_an_object_before_anybody_applied_stands_for_all_of_it() {
    let catalogue = catalogue(&texts());
    let manager = FieldManager::new(&catalogue, &catalogue.resources[0], "");
    let object = |a: &str| json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n", "uid": "u"}, "spec": {"a": a, "b": "b"}});
    let now = OffsetDateTime::UNIX_EPOCH;
    // Nobody knows who owns it, and an update does not change that.
    let updated = manager
        .update(Some(&object("0")), object("1"), "x", now)
        .unwrap();
    assert_eq!(updated.pointer("/metadata/managedFields"), None);
    let patch =
        json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n"}, "spec": {"a": "1"}});
    let applied = manager
        .apply(Some(&updated), &patch, "one", false, now)
        .unwrap();
    let managers = applied["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter();
    let managers: Vec<_> = managers
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(managers, ["one", "before-first-apply"]);
}

#[test]
fn owners_in_a_version_that_is_not_served_are_forgotten() {
    let catalogue = catalogue(&texts());
    let manager = FieldManager::new(&catalogue, &catalogue.resources[0], "");
    let entry = |version: &str| {
        json!({"manager": version, "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:a": {}}}})
    };
    let live = json!({"apiVersion": "g/v1", "kind": "K", "spec": {"a": "1"},
        "metadata": {"name": "n", "uid": "u", "managedFields": [entry("g/v1"), entry("g/v0")]}});
    let mut new = live.clone();
    new["spec"]["b"] = json!("2");
    let updated = manager
        .update(Some(&live), new, "x", OffsetDateTime::UNIX_EPOCH)
        .unwrap();
    let managers = updated["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter();
    let managers: Vec<_> = managers
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(managers, ["g/v1", "x"]);
}

#[test]
fn a_patch_that_names_owners_or_another_kind_is_refused() {
    let catalogue = catalogue(&texts());
    let manager = FieldManager::new(&catalogue, &catalogue.resources[0], "");
    for (patch, error) in [
        (
            json!({"apiVersion": "g/v2", "kind": "K"}),
            "invalid object type: g/v2, Kind=K",
        ),
        (
            json!({"apiVersion": "a/b/c", "kind": "K"}),
            "invalid object type: /, Kind=",
        ),
        (
            json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"managedFields": []}}),
            "metadata.managedFields must be nil",
        ),
    ] {
        let error = ApplyError::BadRequest(error.to_owned()).to_string();
        let got = manager.apply(None, &patch, "one", false, OffsetDateTime::UNIX_EPOCH);
        assert!(matches!(got, Err(ApplyError::BadRequest(_))));
        assert_eq!(got.unwrap_err().to_string(), error);
    }
}
