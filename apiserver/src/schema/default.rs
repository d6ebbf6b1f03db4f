use api::Schema;
use serde_json::Value;

use super::MAX_DEPTH;
use crate::Registry;

/// Drops each `null` of a custom resource that has no place there.
pub fn drop_nulls(registry: &Registry, schema: &Schema, object: &mut Value) {
    sweep(registry, schema, object, 0);
}

fn sweep(registry: &Registry, schema: &Schema, value: &mut Value, depth: usize) {
    let Some(schema) = registry.resolve(schema).filter(|_| depth < MAX_DEPTH) else {
        return;
    };
    match value {
        Value::Array(items) => {
            if let Some(of_items) = &schema.items {
                for item in items {
                    sweep(registry, of_items, item, depth + 1);
                }
            }
        }
        Value::Object(fields) => fields.retain(|name, value| {
            let own = schema.properties.get(name.as_str());
            let Some(of_field) = own.or(schema.additional_properties.as_deref()) else {
                return true;
            };
            sweep(registry, of_field, value, depth + 1);
            !value.is_null() || registry.resolve(of_field).is_none_or(|of| of.nullable)
        }),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

/// Fills in what is absent from `object` and has a default. `custom` is whether
/// the kind is a custom resource: all of its defaults are meant, and a `null`
/// where that is no value counts as absent.
pub fn default(registry: &Registry, schema: &Schema, object: &mut Value, custom: bool) {
    fill(registry, schema, object, custom, 0);
}

fn fill(registry: &Registry, schema: &Schema, value: &mut Value, custom: bool, depth: usize) {
    let Some(schema) = registry.resolve(schema).filter(|_| depth < MAX_DEPTH) else {
        return;
    };
    match value {
        Value::Array(items) => {
            if let Some(of_items) = &schema.items {
                for item in items {
                    let nullable = registry.resolve(of_items).is_some_and(|of| of.nullable);
                    if let Some(default) = of_items.default_to_set(custom)
                        && item.is_null()
                        && !nullable
                    {
                        *item = default.clone();
                    }
                    fill(registry, of_items, item, custom, depth + 1);
                }
            }
        }
        Value::Object(fields) => {
            for (name, of_field) in schema.properties.iter() {
                if let Some(default) = of_field.default_to_set(custom) {
                    let field = fields.entry(name).or_insert_with(|| default.clone());
                    let nullable = || registry.resolve(of_field).is_some_and(|of| of.nullable);
                    if field.is_null() && !(custom && nullable()) {
                        *field = default.clone();
                    }
                }
            }
            for (name, value) in fields {
                let own = schema.properties.get(name.as_str());
                if let Some(of_field) = own.or(schema.additional_properties.as_deref()) {
                    fill(registry, of_field, value, custom, depth + 1);
                }
            }
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}
