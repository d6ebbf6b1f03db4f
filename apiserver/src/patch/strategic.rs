//! Strategic merge patches: merge patches that know from the schema which
//! lists are merged item by item, and that can say more in fields of their own
//! (`$patch`, `$retainKeys`, `$setElementOrder/…`,
//! `$deleteFromPrimitiveList/…`).

use std::collections::HashSet;

use api::Catalogue;
use serde_json::{Map, Value};

use super::{PatchError, cannot_unmarshal};
use crate::apply::{go_type, go_value};

mod lists;
mod meta;
mod set_order;

use lists::merge_lists;
use meta::Meta;
use set_order::set_orders;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";

const BAD_ORDER: &str = "invalid patch format of setElementOrder list";
const BAD_DELETION: &str = "invalid patch format of primitive list";
const BAD_RETAIN_KEYS: &str = "invalid patch format of retainKeys";

type Object = Map<String, Value>;

/// `object`, of the definition of that name, with `patch` laid over it.
///
/// # Errors
///
/// If `patch` is not of the form, or does not fit the definition.
pub fn apply(
    catalogue: &Catalogue,
    definition: &str,
    object: Value,
    patch: Value,
) -> Result<Value, PatchError> {
    let patch = match patch {
        Value::Object(patch) => patch,
        Value::Null => Object::new(),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let into = "value of type map[string]interface {}";
            return Err(PatchError::BadRequest(cannot_unmarshal(&patch, into)));
        }
    };
    let object = match object {
        Value::Object(object) => object,
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Object::new()
        }
    };
    let meta = Meta::of_definition(catalogue, definition);
    merge_objects(object, patch, meta).map(Value::Object)
}

fn bad(message: &str) -> PatchError {
    PatchError::BadRequest(message.to_owned())
}

/// That a value is of another type than it should.
fn wrong_type(expected: &str, value: &Value) -> PatchError {
    let got = if value.is_null() {
        "%!s(<nil>)"
    } else {
        go_type(value)
    };
    PatchError::Other(format!("expected a {expected}, but received a {got}"))
}

fn list(value: Value) -> Result<Vec<Value>, PatchError> {
    if let Value::Array(items) = value {
        return Ok(items);
    }
    Err(wrong_type("[]interface {}", &value))
}

fn no_key(item: &Value, key: &str) -> PatchError {
    let item = go_value(item);
    PatchError::Other(format!(
        "map: {item} does not contain declared merge key: {key}"
    ))
}

fn merge_objects(
    mut object: Object,
    mut patch: Object,
    meta: Meta<'_>,
) -> Result<Object, PatchError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Object::new()),
            _ => Err(unknown_directive(directive, Value::Object(patch.clone()))),
        };
    }
    retain_keys(&mut object, &mut patch)?;
    set_orders(&mut object, &mut patch, meta)?;
    for (name, value) in patch {
        let deleting = name.starts_with(DELETE_FROM);
        let name = if deleting {
            parallel_field(&name, DELETE_FROM, BAD_DELETION)?
        } else {
            name
        };
        if value.is_null() {
            object.remove(&name);
            continue;
        }
        merge_field(&mut object, name, value, meta, deleting)?;
    }
    Ok(object)
}

fn merge_field(
    object: &mut Object,
    name: String,
    value: Value,
    meta: Meta<'_>,
    deleting: bool,
) -> Result<(), PatchError> {
    match (object.get_mut(&name).map(Value::take), value) {
        (Some(Value::Object(old)), Value::Object(patch)) => {
            let (below, merging) = meta.field(&name)?;
            let merged = if merging.replaces {
                patch
            } else {
                merge_objects(old, patch, below)?
            };
            object.insert(name, Value::Object(merged));
        }
        (Some(Value::Array(old)), Value::Array(patch)) => {
            let (below, merging) = meta.list(&name)?;
            let merged = merge_lists(old, patch, below, &merging, deleting)?;
            object.insert(name, Value::Array(merged));
        }
        // A deletion from what is no list.
        (Some(old), _) if deleting => {
            object.insert(name, old);
        }
        (None, _) if deleting => {}
        (old, mut value) => {
            if old.is_none_or(|old| go_type(&old) != go_type(&value)) {
                discard_nulls(&mut value);
            }
            match without_directives(value) {
                Some(value) => object.insert(name, value),
                None => object.remove(&name),
            };
        }
    }
    Ok(())
}

fn unknown_directive(directive: &Value, object: Value) -> PatchError {
    let shown = directive.as_str().map_or_else(
        || format!("%!s({}={})", go_type(directive), go_value(directive)),
        str::to_owned,
    );
    PatchError::Other(format!(
        "unknown patch type: {shown} in map: {}",
        go_value(&object)
    ))
}

/// `$retainKeys` takes out of the object what it does not name.
fn retain_keys(object: &mut Object, patch: &mut Object) -> Result<(), PatchError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let Value::Array(keys) = keys else {
        return Err(bad(BAD_RETAIN_KEYS));
    };
    let keys: HashSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let sets = |name: &str, value: &Value| {
        !value.is_null() && !name.starts_with(DELETE_FROM) && !name.starts_with(SET_ORDER)
    };
    if patch
        .iter()
        .any(|(name, value)| sets(name, value) && !keys.contains(name.as_str()))
    {
        return Err(bad(BAD_RETAIN_KEYS));
    }
    object.retain(|name, _| keys.contains(name.as_str()));
    Ok(())
}

fn parallel_field(directive: &str, prefix: &str, error: &str) -> Result<String, PatchError> {
    match directive.split_once('/') {
        Some((before, name)) if before == prefix => Ok(name.to_owned()),
        _ => Err(bad(error)),
    }
}

/// A value without directives; `None` if it is one.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => None,
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let kept = fields.filter_map(|(name, value)| Some((name, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(items.into_iter().filter_map(without_directives).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Some(other),
    }
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
