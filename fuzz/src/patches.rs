use std::sync::LazyLock;

use api::{Catalogue, Resource, Schema};
use apiserver::apply::FieldManager;
use apiserver::patch;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// How deep a patch may make an object.
const MAX_DEPTH: usize = 512 + 128;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let text = include_str!("../../apiserver/tests/oracle/widget.json");
    let definitions = serde_json::from_str::<std::collections::BTreeMap<Box<str>, Schema>>(text);
    let resource: Result<Resource, _> = serde_json::from_value(json!({
        "group": "test.example.com", "version": "v1", "scope": "Namespaced", "verbs": [],
        "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
        "schema": "test.Widget", "custom": true,
    }));
    Catalogue {
        resources: vec![resource.expect("a resource")],
        definitions: definitions.expect("schemas"),
    }
});

/// An object and a patch of it, `[OBJECT, PATCH]`, of every sort.
///
/// None takes long or makes too deep an object. A merge patch leaves no field
/// that it sets to null. What is applied can be applied again: whoever owns
/// which fields is read back, and the object stays as it is.
pub fn patches(data: &[u8]) {
    let Ok(Value::Array(values)) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let [object, patch] = values.as_slice() else {
        return;
    };
    if let Ok(patched) = patch::json::apply(object.clone(), patch) {
        assert!(depth(&patched) <= MAX_DEPTH);
    }
    if let Ok(patched) = patch::merge::apply(object.clone(), patch.clone()) {
        let fields = patch.as_object().into_iter().flatten();
        let gone = fields.filter(|(_, value)| value.is_null());
        assert!(
            gone.into_iter()
                .all(|(name, _)| patched.get(name).is_none())
        );
    }
    for kind in ["io.k8s.api.core.v1.Pod", "io.k8s.api.core.v1.Service"] {
        drop(patch::strategic::apply(
            api::core(),
            kind,
            object.clone(),
            patch.clone(),
        ));
    }
    apply(object, patch);
}

fn apply(object: &Value, patch: &Value) {
    let manager = FieldManager::new(&CATALOGUE, &CATALOGUE.resources[0], "");
    let now = OffsetDateTime::UNIX_EPOCH;
    drop(manager.update(Some(object), patch.clone(), "other", now));
    let Ok(once) = manager.apply(Some(object), patch, "one", true, now) else {
        return;
    };
    let twice = manager.apply(Some(&once), patch, "one", true, now);
    assert_eq!(twice.expect("it was applied before"), once);
}

fn depth(value: &Value) -> usize {
    let mut level = vec![value];
    let mut depth = 0;
    while !level.is_empty() {
        depth += 1;
        let within = level.into_iter().flat_map(|value| match value {
            Value::Array(items) => items.iter().collect::<Vec<_>>(),
            Value::Object(fields) => fields.values().collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        });
        level = within.collect();
    }
    depth
}
