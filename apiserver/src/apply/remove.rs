//! A value without some of its fields and items.

use serde_json::{Map, Value};

use super::path::PathElement;
use super::path_set::PathSet;
use super::schema::{Shape, TypeRef, Types};
use super::typed::any_item_element;

/// `value` without what is at the paths of `remove`. What is taken as one and
/// has such a path within it goes as a whole; what is empty then becomes null.
pub(super) fn remove(types: Types<'_>, of: TypeRef<'_>, value: &Value, remove: &PathSet) -> Value {
    let shape = types
        .resolve(of)
        .and_then(|atom| atom.narrow(Some(value)).shape());
    match (shape, value) {
        (Some(Shape::Scalar(_)), value) => value.clone(),
        (Some(Shape::List(list)), Value::Array(items)) if list.keys.is_some() => {
            let mut kept = Vec::with_capacity(items.len());
            for item in items {
                let element = any_item_element(types, list, item);
                kept.extend(visit(types, &element, list.items, item, remove));
            }
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Array(kept)
            }
        }
        (Some(Shape::Object(object)), Value::Object(fields)) if !object.atomic => {
            let mut kept = Map::new();
            for (name, value) in fields {
                let element = PathElement::field(name);
                let of = object.field_or_undeclared(name);
                if let Some(value) = visit(types, &element, of, value, remove) {
                    kept.insert(name.clone(), value);
                }
            }
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Object(kept)
            }
        }
        _ => Value::Null,
    }
}

fn visit(
    types: Types<'_>,
    element: &PathElement,
    of: TypeRef<'_>,
    value: &Value,
    without: &PathSet,
) -> Option<Value> {
    if without.has_member(element) {
        return None;
    }
    Some(match without.below(element) {
        Some(below) => remove(types, of, value, below),
        None => value.clone(),
    })
}
