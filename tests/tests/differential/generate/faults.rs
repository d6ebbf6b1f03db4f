//! Objects, options and patches with something wrong in them.

use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value, json};

use super::{Generator, pointers};

impl Generator {
    /// Makes one of the values something else.
    pub(super) fn spoil(&mut self, fields: &mut Map<String, Value>) {
        let mut whole = Value::Object(fields.clone());
        let mut paths = Vec::new();
        pointers(&whole, String::new(), &mut paths);
        if let Some((path, _)) = paths.choose(&mut self.random)
            && let Some(place) = whole.pointer_mut(path)
        {
            *place = self
                .one(&[
                    &json!(7),
                    &json!(-1),
                    &json!(1.5),
                    &json!(3_000_000_000_u32),
                    &json!("wrong"),
                    &json!("Wrong Value!"),
                    &json!(""),
                    &json!(true),
                    &Value::Null,
                    &json!([]),
                    &json!({}),
                    &json!(["x"]),
                    &json!([null]),
                    &json!({"x": "y"}),
                    &json!({"x": null}),
                ])
                .clone();
        }
        if let Value::Object(spoiled) = whole {
            *fields = spoiled;
        }
    }

    /// Makes something of an object's metadata, or its kind, something else.
    pub(super) fn mislead(&mut self, object: &mut Value) {
        let (pointer, value) = match self.random.random_range(0..22) {
            0 => ("/metadata/name", json!("other")),
            1 => ("/metadata/name", json!("Not A Name")),
            2 => ("/metadata/name", Value::Null),
            3 => ("/metadata/namespace", json!("<ns>")),
            4 => ("/metadata/namespace", json!("elsewhere")),
            5 => ("/metadata/uid", json!("other")),
            6 => ("/metadata/resourceVersion", json!("1")),
            7 => ("/metadata/resourceVersion", json!("x")),
            8 => ("/metadata/labels", json!({"a b": "c"})),
            9 => ("/metadata/labels", json!({"a": "b c"})),
            10 => ("/metadata/labels", json!({"a": 1})),
            11 => ("/metadata/annotations", json!({"/a": "c"})),
            12 => ("/metadata/finalizers", json!(["one"])),
            13 => ("/metadata/finalizers", json!(["a.b/c", "a.b/c"])),
            14 => ("/metadata/managedFields", json!([])),
            15 => ("/metadata/managedFields", json!([{}])),
            16 => (
                "/metadata/managedFields",
                json!([{
                    "manager": "m", "operation": "Update", "apiVersion": self.kind.version,
                    "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:metadata": {"f:labels": {"f:l": {}}}},
                }]),
            ),
            17 => (
                "/metadata/ownerReferences",
                json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}]),
            ),
            18 => ("/kind", json!("Other")),
            19 => ("/apiVersion", json!("v9")),
            20 => ("/metadata/generation", json!(7)),
            _ => ("/metadata/creationTimestamp", json!("2001-01-01T00:00:00Z")),
        };
        let (parent, field) = pointer.rsplit_once('/').unwrap_or_default();
        if let Some(Value::Object(fields)) = object.pointer_mut(parent) {
            fields.insert(field.to_owned(), value);
        }
    }

    /// What a strategic patch can say of how it is to be taken.
    pub(super) fn direct(&mut self, patch: &mut Value) {
        let mut paths = vec![(String::new(), Value::Null)];
        pointers(patch, String::new(), &mut paths);
        let Some((path, _)) = paths.choose(&mut self.random).cloned() else {
            return;
        };
        match patch.pointer_mut(&path) {
            Some(Value::Object(fields)) => {
                let how = *["replace", "delete", "merge", "other"]
                    .choose(&mut self.random)
                    .unwrap_or(&"merge");
                fields.insert("$patch".into(), how.into());
            }
            Some(Value::Array(items)) => items.push(json!({"$patch": "replace"})),
            Some(_) => {
                let (parent, field) = path.rsplit_once('/').unwrap_or_default();
                let directive = match self.random.random_range(0..3) {
                    0 => ("$retainKeys".to_owned(), json!([field])),
                    1 => (format!("$setElementOrder/{field}"), json!([{"name": "c"}])),
                    _ => (
                        "$deleteFromPrimitiveList/finalizers".to_owned(),
                        json!(["a.b/c"]),
                    ),
                };
                if let Some(Value::Object(fields)) = patch.pointer_mut(parent) {
                    // Of a list and what is deleted from it the real server
                    // takes either first.
                    if directive.0.starts_with("$delete") {
                        fields.remove("finalizers");
                    }
                    fields.insert(directive.0, directive.1);
                }
            }
            None => {}
        }
    }
}
