//! Short words for what the kinds' hooks do with objects.

use serde_json::{Map, Value};

use crate::{FieldError, FieldErrorKind};

/// What is at a JSON pointer; null, if nothing is.
pub(crate) fn at<'a>(object: &'a Value, pointer: &str) -> &'a Value {
    object.pointer(pointer).unwrap_or(&Value::Null)
}

/// The text at a JSON pointer; empty, if there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    at(object, pointer).as_str().unwrap_or_default()
}

/// The list at a JSON pointer; empty, if there is none.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer).as_array().map_or(&[], Vec::as_slice)
}

/// The items of the list at a JSON pointer, to be changed.
pub(crate) fn items_mut<'a>(
    object: &'a mut Value,
    pointer: &str,
) -> impl Iterator<Item = &'a mut Value> {
    object
        .pointer_mut(pointer)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// The object that a field is, to be changed: an empty one, if the field is
/// absent. `None`, if either is something else.
pub(crate) fn open<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let field = object.as_object_mut()?.entry(name).or_insert(Value::Null);
    if field.is_null() {
        *field = Value::Object(Map::new());
    }
    Some(field).filter(|field| field.is_object())
}

/// Sets a field. Does nothing to what is no object.
pub(crate) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Sets a field that is absent or empty. Does nothing to what is no object.
pub(crate) fn or_set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        let field = fields.entry(name).or_insert(Value::Null);
        if field.is_null() || *field == "" {
            *field = value.into();
        }
    }
}

/// Puts back what an object's field was.
pub(crate) fn keep(object: &mut Value, old: &Value, name: &str) {
    if let Some(fields) = object.as_object_mut() {
        match old.get(name) {
            Some(value) => fields.insert(name.to_owned(), value.clone()),
            None => fields.remove(name),
        };
    }
}

pub(crate) fn required(field: impl Into<String>, detail: &str) -> FieldError {
    FieldError::new(field, FieldErrorKind::Required, detail)
}

pub(crate) fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> FieldError {
    FieldError::new(field, FieldErrorKind::Forbidden, detail)
}

pub(crate) fn invalid(
    field: impl Into<String>,
    value: impl Into<Value>,
    detail: impl Into<String>,
) -> FieldError {
    let value = value.into().to_string();
    FieldError::new(field, FieldErrorKind::Invalid(value), detail)
}

pub(crate) fn not_supported(
    field: impl Into<String>,
    value: &str,
    supported: &[&str],
) -> FieldError {
    let supported: Vec<String> = supported.iter().map(|of| format!("{of:?}")).collect();
    FieldError::new(
        field,
        FieldErrorKind::NotSupported(Value::from(value).to_string()),
        format!("supported values: {}", supported.join(", ")),
    )
}

/// Says so where a field is not what it was.
pub(crate) fn immutable(
    field: &str,
    object: &Value,
    old: &Value,
    pointer: &str,
) -> Option<FieldError> {
    let value = at(object, pointer);
    (value != at(old, pointer)).then(|| invalid(field, value.clone(), "field is immutable"))
}
