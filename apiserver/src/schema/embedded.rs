//! Objects within an object, as a work's manifests are: they have a version, a
//! kind and metadata, and are else of no schema.

use api::{FieldError, FieldErrorKind, Schema, canonicalise, names};
use serde_json::{Map, Value};

use super::prune::{MAX_TOLD, prune};
use super::{MAX_DEPTH, check_types, child};
use crate::{Registry, metadata};

/// Gives the metadata of all objects within `object` the form that metadata
/// has: what it does not know is dropped, and so is what is null or empty.
/// Returns the paths of what nobody knows.
///
/// # Errors
/// If one says its version or kind in something else than a text, or has
/// metadata of another type; in the real server's words.
pub fn coerce_embedded(
    registry: &Registry,
    schema: &Schema,
    object: &mut Value,
) -> Result<Vec<String>, String> {
    let mut dropped = Vec::new();
    let mut coerce = |object: &mut Map<String, Value>, path: &str| {
        for field in TYPE {
            if let Some(value) = object.get(field).filter(|value| !value.is_string()) {
                return Err(no_text(path, field, value));
            }
        }
        let Some(metadata) = object.get_mut("metadata") else {
            return Ok(());
        };
        let place = child(path, "metadata");
        coerce_metadata(registry, metadata, &place, &mut dropped)
    };
    each_mut(registry, schema, object, "", 0, &mut coerce).map_err(|error| error.to_string())?;
    Ok(dropped)
}

fn coerce_metadata(
    registry: &Registry,
    metadata: &mut Value,
    path: &str,
    dropped: &mut Vec<String>,
) -> Result<(), FieldError> {
    let Some(schema) = registry.definitions().get(OBJECT_META) else {
        return Ok(());
    };
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    if let Some(why) = check_types(registry, schema, metadata, "ObjectMeta") {
        let kind = FieldErrorKind::Invalid(metadata.to_string());
        return Err(FieldError::new(path, kind, why));
    }
    let unknown = prune(registry, schema, metadata, false);
    let room = MAX_TOLD.saturating_sub(dropped.len());
    dropped.extend(unknown.iter().take(room).map(|field| child(path, field)));
    canonicalise(registry.definitions(), schema, metadata);
    Ok(())
}

/// Says what is wrong with the objects within `object`.
#[must_use]
pub fn check_embedded(registry: &Registry, schema: &Schema, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut check = |object: &Value, path: &str| {
        if FieldError::enough(&errors) {
            return;
        }
        errors.extend(TYPE.iter().filter_map(|field| match object.get(*field) {
            None => {
                let field = child(path, field);
                let kind = FieldErrorKind::Required;
                Some(FieldError::new(field, kind, ""))
            }
            Some(Value::String(text)) => wrong_type(path, field, text),
            Some(value) => Some(no_text(path, field, value)),
        }));
        if object.get("metadata").is_some() {
            let wrong = metadata::check_embedded(object).into_iter();
            errors.extend(wrong.map(|error| FieldError {
                field: child(path, &error.field),
                ..error
            }));
        }
    };
    each(registry, schema, object, "", 0, &mut check);
    errors
}

fn wrong_type(path: &str, field: &str, text: &str) -> Option<FieldError> {
    let why = if text.is_empty() {
        "must not be empty".to_owned()
    } else if field == "apiVersion" {
        if text.matches('/').count() < 2 {
            return None;
        }
        format!("unexpected GroupVersion string: {text}")
    } else {
        let wrong = names::dns_1035_label(&text.to_lowercase());
        if wrong.is_empty() {
            return None;
        }
        format!(
            "may have mixed case, but should otherwise match: {}",
            wrong.join(",")
        )
    };
    let kind = FieldErrorKind::Invalid(Value::from(text).to_string());
    Some(FieldError::new(child(path, field), kind, why))
}

fn no_text(path: &str, field: &str, value: &Value) -> FieldError {
    let kind = FieldErrorKind::Invalid(value.to_string());
    FieldError::new(child(path, field), kind, "must be a string")
}

/// Shows every object within a value, and where it is.
fn each(
    registry: &Registry,
    schema: &Schema,
    value: &Value,
    path: &str,
    depth: usize,
    show: &mut dyn FnMut(&Value, &str),
) {
    let Some(schema) = registry.resolve(schema).filter(|_| depth < MAX_DEPTH) else {
        return;
    };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                if let Some(of) = &schema.items {
                    each(
                        registry,
                        of,
                        item,
                        &format!("{path}[{at}]"),
                        depth + 1,
                        show,
                    );
                }
            }
        }
        Value::Object(fields) => {
            if schema.embedded_resource {
                show(value, path);
            }
            for (name, value) in fields {
                if let Some(of) = inner(schema, name) {
                    each(registry, of, value, &child(path, name), depth + 1, show);
                }
            }
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

/// As [`each`], of what may be changed, up to the first error.
fn each_mut<S>(
    registry: &Registry,
    schema: &Schema,
    value: &mut Value,
    path: &str,
    depth: usize,
    show: &mut S,
) -> Result<(), FieldError>
where
    S: FnMut(&mut Map<String, Value>, &str) -> Result<(), FieldError>,
{
    let Some(schema) = registry.resolve(schema).filter(|_| depth < MAX_DEPTH) else {
        return Ok(());
    };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                if let Some(of) = &schema.items {
                    let path = format!("{path}[{at}]");
                    each_mut(registry, of, item, &path, depth + 1, show)?;
                }
            }
        }
        Value::Object(fields) => {
            if schema.embedded_resource {
                show(fields, path)?;
            }
            for (name, value) in fields {
                if let Some(of) = inner(schema, name) {
                    let path = child(path, name);
                    each_mut(registry, of, value, &path, depth + 1, show)?;
                }
            }
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// The schema of a field, but for what every object has.
fn inner<'s>(schema: &'s Schema, name: &str) -> Option<&'s Schema> {
    if schema.embedded_resource && matches!(name, "apiVersion" | "kind" | "metadata") {
        return None;
    }
    let own = schema.properties.get(name);
    own.or(schema.additional_properties.as_deref())
}

const TYPE: [&str; 2] = ["apiVersion", "kind"];
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
