//! Objects of built-in kinds as the real server holds them.
//!
//! It keeps those in structs, whose fields are there even if nobody set them:
//! an object within another is `{}`, a list that must be there is null. Who
//! owns which fields is found by comparing such objects, so that a new
//! object's `status: {}` is nobody's. Custom resources are compared as they are.

use api::{Catalogue, Schema, SchemaType, Zero};
use serde_json::{Map, Value};

/// `value` with all fields that such a struct always has.
pub(super) fn fill(catalogue: &Catalogue, schema: &Schema, value: &Value) -> Value {
    let Some(schema) = definition(catalogue, schema) else {
        return value.clone();
    };
    match value {
        Value::Object(fields) if !schema.properties.is_empty() => {
            Value::Object(fill_fields(catalogue, schema, fields))
        }
        Value::Object(fields) => match schema.additional_properties.as_deref() {
            Some(of) => {
                let each = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), fill(catalogue, of, value)));
                Value::Object(each.collect())
            }
            None => value.clone(),
        },
        Value::Array(items) => match schema.items.as_deref() {
            Some(of) => items.iter().map(|item| fill(catalogue, of, item)).collect(),
            None => value.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn fill_fields(
    catalogue: &Catalogue,
    schema: &Schema,
    fields: &Map<String, Value>,
) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in fields {
        let Some(of) = schema.properties.get(name.as_str()) else {
            out.insert(name.clone(), value.clone());
            continue;
        };
        if !is_left_out(schema, name, of, value) {
            out.insert(name.clone(), fill(catalogue, of, value));
        }
    }
    for (name, of) in schema.properties.iter() {
        if !out.contains_key(name)
            && let Some(value) = zero(catalogue, schema, name, of)
        {
            out.insert(name.to_string(), value);
        }
    }
    out
}

/// Whether a struct's field with that value is not written at all.
fn is_left_out(schema: &Schema, name: &str, of: &Schema, value: &Value) -> bool {
    let empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && of.additional_properties.is_some(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    empty && !is_required(schema, name) && of.zero.is_none_or(|zero| zero == Zero::Omit)
}

/// What a struct's field is if nobody set it; `None` if it is not written.
fn zero(catalogue: &Catalogue, schema: &Schema, name: &str, of: &Schema) -> Option<Value> {
    match &of.default {
        Some(Value::Object(fields)) if fields.is_empty() => {
            Some(fill(catalogue, of, &Value::Object(Map::new())))
        }
        Some(default)
            if (is_required(schema, name) || of.zero == Some(Zero::Write)) && is_zero(default) =>
        {
            Some(default.clone())
        }
        None if matches!(of.zero, Some(Zero::Null | Zero::Write)) && !is_scalar(of) => {
            Some(Value::Null)
        }
        Some(_) => None,
        None => (is_required(schema, name) && !is_scalar(of)).then_some(Value::Null),
    }
}

/// Whether it is known to be no list, map or reference to something.
const fn is_scalar(schema: &Schema) -> bool {
    matches!(
        schema.kind,
        Some(SchemaType::Boolean | SchemaType::Integer | SchemaType::Number | SchemaType::String)
    )
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(bool) => !bool,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn is_required(schema: &Schema, name: &str) -> bool {
    schema.required.iter().any(|required| &**required == name)
}

fn definition<'a>(catalogue: &'a Catalogue, schema: &'a Schema) -> Option<&'a Schema> {
    match schema.all_of.as_slice() {
        [only] if schema.reference.is_none() => catalogue.resolve(only),
        _ => catalogue.resolve(schema),
    }
}
