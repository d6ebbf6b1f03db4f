//! JSON merge patches (RFC 7396), as the real server reads them: nulls go from
//! objects within lists too, but not from a list that takes an object's place.

use serde_json::{Map, Value};

use super::{PatchError, cannot_unmarshal};

/// `document` with `patch` laid over it.
///
/// # Errors
///
/// If `patch` is not an object.
pub fn apply(document: Value, patch: Value) -> Result<Value, PatchError> {
    let patch = match patch {
        Value::Object(patch) => patch,
        Value::Null => return Err(PatchError::BadRequest("Invalid JSON Patch".to_owned())),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let error = cannot_unmarshal(&patch, "value of type map[string]interface {}");
            return Err(PatchError::BadRequest(format!(
                "error decoding patch: {error}"
            )));
        }
    };
    let mut document = match document {
        Value::Object(fields) => fields,
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Map::new()
        }
    };
    lay_over(&mut document, patch);
    Ok(Value::Object(document))
}

fn lay_over(document: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, mut value) in patch {
        if value.is_null() {
            document.remove(&name);
            continue;
        }
        match (document.get_mut(&name), value) {
            (Some(Value::Object(fields)), Value::Object(patch)) => lay_over(fields, patch),
            (Some(old @ Value::Object(_)), other) => *old = other,
            (_, other) => {
                value = other;
                strip_nulls(&mut value);
                document.insert(name, value);
            }
        }
    }
}

fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
