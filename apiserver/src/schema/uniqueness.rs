//! Lists that are sets or maps hold nothing twice.

use std::collections::BTreeMap;

use api::{FieldError, FieldErrorKind, ListType, Schema};
use serde_json::{Map, Value};

/// What is in such a list more than once, told at its second place.
pub(super) fn check(schema: &Schema, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        if FieldError::enough(errors) {
            return;
        }
        let identity = match schema.list_type {
            Some(ListType::Map) if !item.is_object() && !item.is_null() => {
                let kind = FieldErrorKind::Invalid(item.to_string());
                let why = "must be an object for an array of list-type map";
                errors.push(FieldError::new(format!("{path}[{at}]"), kind, why));
                continue;
            }
            Some(ListType::Map) => {
                let keys = schema.list_map_keys.iter();
                let keys =
                    keys.filter_map(|key| Some((key.to_string(), item.get(&**key)?.clone())));
                Value::Object(keys.collect::<Map<String, Value>>())
            }
            Some(ListType::Set) => item.clone(),
            Some(ListType::Atomic) | None => return,
        };
        let times = seen.entry(identity.to_string()).or_default();
        *times += 1;
        if *times == 2 {
            let kind = FieldErrorKind::Duplicate(identity.to_string());
            errors.push(FieldError::new(format!("{path}[{at}]"), kind, ""));
        }
    }
}
