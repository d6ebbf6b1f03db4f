//! Built-in kinds are read into typed structures by the real server, which
//! refuses what does not fit with the texts of Go's decoder.

use api::{Schema, SchemaType};
use serde_json::Value;

use super::{MAX_DEPTH, child};
use crate::Registry;

/// Says what of a built-in kind's object is not of the type that its field
/// has; `None` if all is. `null` fits everywhere.
pub fn check_types(
    registry: &Registry,
    schema: &Schema,
    object: &Value,
    kind: &str,
) -> Option<String> {
    check(registry, schema, object, kind, "", 0)
}

fn check(
    registry: &Registry,
    schema: &Schema,
    value: &Value,
    kind: &str,
    path: &str,
    depth: usize,
) -> Option<String> {
    let schema = registry.resolve(schema).filter(|_| depth < MAX_DEPTH)?;
    let wrong = |go: &str| {
        let told = match value {
            Value::Array(_) => "array".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(_) => "number".to_owned(),
            Value::Object(_) => "object".to_owned(),
            Value::Null | Value::String(_) => "string".to_owned(),
        };
        Some(format!(
            "json: cannot unmarshal {told} into Go struct field {kind}.{path} of type {go}"
        ))
    };
    if value.is_null() || schema.int_or_string || !schema.one_of.is_empty() {
        return None;
    }
    match (schema.kind?, value) {
        (SchemaType::Array, Value::Array(items)) => {
            let of_items = schema.items.as_ref()?;
            let mut items = items.iter();
            items.find_map(|item| check(registry, of_items, item, kind, path, depth + 1))
        }
        (SchemaType::Object, Value::Object(fields)) => fields.iter().find_map(|(name, value)| {
            let own = schema.properties.get(name.as_str());
            let of_field = own.or(schema.additional_properties.as_deref())?;
            check(
                registry,
                of_field,
                value,
                kind,
                &child(path, name),
                depth + 1,
            )
        }),
        (SchemaType::Boolean, Value::Bool(_))
        | (SchemaType::Number, Value::Number(_))
        | (SchemaType::String, Value::String(_)) => None,
        (SchemaType::Integer, Value::Number(number)) if number.as_i64().is_some() => None,
        (SchemaType::Boolean, _) => wrong("bool"),
        (SchemaType::Integer, _) => wrong(schema.format.as_deref().unwrap_or("int64")),
        (SchemaType::Number, _) => wrong("float64"),
        (SchemaType::String, _) => wrong("string"),
        (SchemaType::Object, _) if schema.additional_properties.is_some() => {
            wrong("map[string]string")
        }
        (SchemaType::Array | SchemaType::Object, _) => wrong("object"),
    }
}
