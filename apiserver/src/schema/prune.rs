use api::Schema;
use serde_json::Value;

use super::{MAX_DEPTH, child};
use crate::Registry;

/// Unknown fields behind that many are dropped without being told.
const MAX_TOLD: usize = 100;

/// Drops the fields of `object` that its schema does not know. Returns their
/// paths, as `spec.list[0].x`.
pub fn prune(registry: &Registry, schema: &Schema, object: &mut Value) -> Vec<String> {
    let mut pruning = Pruning {
        registry,
        dropped: Vec::new(),
    };
    pruning.value(schema, object, "", 0, true);
    pruning.dropped
}

struct Pruning<'a> {
    registry: &'a Registry,
    dropped: Vec<String>,
}

impl Pruning<'_> {
    /// `whole` is whether it is a whole object, with kind and metadata.
    fn value(&mut self, schema: &Schema, value: &mut Value, path: &str, depth: usize, whole: bool) {
        let Some(schema) = self.registry.resolve(schema).filter(|_| depth < MAX_DEPTH) else {
            return;
        };
        let whole = whole || schema.embedded_resource;
        match value {
            Value::Array(items) => {
                if let Some(of_items) = &schema.items {
                    for (at, item) in items.iter_mut().enumerate() {
                        self.value(of_items, item, &format!("{path}[{at}]"), depth + 1, false);
                    }
                }
            }
            Value::Object(fields) => {
                // A schema that says nothing of its fields is open.
                let open = schema.preserve_unknown_fields
                    || (schema.properties.is_empty() && schema.additional_properties.is_none());
                fields.retain(|name, value| {
                    if whole && matches!(name.as_str(), "apiVersion" | "kind") {
                        return true;
                    }
                    let own = schema.properties.get(name.as_str());
                    let of_field = own.or(schema.additional_properties.as_deref());
                    let path = child(path, name);
                    match of_field {
                        Some(of_field) => self.value(of_field, value, &path, depth + 1, false),
                        None if open || (whole && name == "metadata") => {}
                        None => {
                            self.tell(path);
                            return false;
                        }
                    }
                    true
                });
            }
            Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn tell(&mut self, path: String) {
        if self.dropped.len() < MAX_TOLD {
            self.dropped.push(path);
        }
    }
}
