use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::Registry;

/// Where references to schemas point.
pub(super) const PREFIX: &str = "#/components/schemas/";

/// All schemas that `document` refers to, and those that they refer to.
pub(super) fn schemas(registry: &Registry, document: &Value) -> Value {
    let mut schemas = Map::new();
    let mut wanted = BTreeSet::new();
    references(document, &mut wanted);
    while let Some(name) = wanted.pop_first() {
        if schemas.contains_key(&name) {
            continue;
        }
        let Some(schema) = registry.definitions().get(name.as_str()) else {
            continue;
        };
        let schema = published(serde_json::to_value(schema).unwrap_or_default());
        references(&schema, &mut wanted);
        schemas.insert(name, schema);
    }
    Value::Object(schemas)
}

/// A schema as it is published: without what only we know, and with
/// references in full, which may have nothing beside them.
pub(super) fn published(schema: Value) -> Value {
    match schema {
        Value::Array(items) => items.into_iter().map(published).collect(),
        Value::Object(fields) => {
            let mut fields: Map<String, Value> = fields
                .into_iter()
                .filter(|(name, value)| !is_our_own(name, value))
                .map(|(name, value)| match name.as_str() {
                    // Not schemas, whatever they look like.
                    "default" | "enum" => (name, value),
                    _ => (name, published(value)),
                })
                .collect();
            let target = match fields.get("$ref") {
                Some(Value::String(name)) => format!("{PREFIX}{name}"),
                _ => return Value::Object(fields),
            };
            fields.remove("$ref");
            if fields.is_empty() {
                return json!({"$ref": target});
            }
            fields.insert("allOf".to_owned(), json!([{"$ref": target}]));
            Value::Object(fields)
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => schema,
    }
}

/// A property of that name would be an object.
fn is_our_own(name: &str, value: &Value) -> bool {
    match name {
        "x-go-zero" => value.is_string(),
        "x-protobuf-field" => value.is_array(),
        _ => false,
    }
}

pub(super) fn references(document: &Value, found: &mut BTreeSet<String>) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(fields) => {
            let target = fields.get("$ref").and_then(Value::as_str);
            let target = target.and_then(|target| target.strip_prefix(PREFIX));
            found.extend(target.map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}
