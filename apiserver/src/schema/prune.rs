use api::Schema;
use serde_json::Value;

use super::{MAX_DEPTH, child};
use crate::Registry;

/// Unknown fields behind that many are dropped without being told.
pub(super) const MAX_TOLD: usize = 100;

/// Drops the fields of `object` that its schema does not know. Returns their
/// paths, as `spec.list[0].x`. `custom` is whether the kind is a custom
/// resource, of whose schemas one that names no fields has none.
pub fn prune(
    registry: &Registry,
    schema: &Schema,
    object: &mut Value,
    custom: bool,
) -> Vec<String> {
    let mut pruning = Pruning {
        registry,
        dropped: Vec::new(),
    };
    let root = Place {
        whole: true,
        closed: custom,
        depth: 0,
    };
    pruning.value(schema, object, "", root);
    pruning.dropped
}

struct Pruning<'a> {
    registry: &'a Registry,
    dropped: Vec<String>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    /// It is a whole object, with kind and metadata.
    whole: bool,
    /// A schema that names no fields allows none here.
    closed: bool,
    depth: usize,
}

impl Pruning<'_> {
    fn value(&mut self, schema: &Schema, value: &mut Value, path: &str, place: Place) {
        let deep = place.depth >= MAX_DEPTH;
        let Some(schema) = self.registry.resolve(schema).filter(|_| !deep) else {
            return;
        };
        let whole = place.whole || schema.embedded_resource;
        let inside = Place {
            whole: false,
            depth: place.depth + 1,
            ..place
        };
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    let path = format!("{path}[{at}]");
                    match &schema.items {
                        Some(of_items) => self.value(of_items, item, &path, inside),
                        None if place.closed && !schema.preserve_unknown_fields => {
                            self.unknown(item, &path);
                        }
                        None => {}
                    }
                }
            }
            Value::Object(fields) => {
                let names_none =
                    schema.properties.is_empty() && schema.additional_properties.is_none();
                let open = schema.preserve_unknown_fields || (names_none && !place.closed);
                fields.retain(|name, value| {
                    if whole && matches!(name.as_str(), "apiVersion" | "kind") {
                        return true;
                    }
                    let metadata = whole && name == "metadata";
                    let inside = Place {
                        closed: inside.closed && !metadata,
                        ..inside
                    };
                    let own = schema.properties.get(name.as_str());
                    let of_field = own.or(schema.additional_properties.as_deref());
                    let path = child(path, name);
                    match of_field {
                        Some(of_field) => self.value(of_field, value, &path, inside),
                        None if open || metadata => {}
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

    /// Drops what is in the item of a list where the schema knows of none.
    fn unknown(&mut self, value: &mut Value, path: &str) {
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.unknown(item, &format!("{path}[{at}]"));
                }
            }
            Value::Object(fields) => {
                for name in fields.keys() {
                    self.tell(child(path, name));
                }
                fields.clear();
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
