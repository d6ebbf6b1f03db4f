//! Built-in kinds are read into typed structures by the real server, which
//! refuses what does not fit with the texts of Go's decoder.

use api::{Schema, SchemaType};
use base64::Engine as _;
use base64::{DecodeError, engine::general_purpose::STANDARD};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{MAX_DEPTH, child};
use crate::Registry;

/// Says what of a built-in kind's object is not of the type that its field
/// has; `None` if all is. `null` fits everywhere.
pub fn check_types(
    registry: &Registry,
    schema: &Schema,
    object: &Value,
    kind: &str,
) -> Option<String> {
    let place = Place {
        structure: kind,
        path: "",
    };
    check(registry, schema, object, place, 0)
}

/// What Go's decoder calls a value.
pub fn go_kind(value: &Value) -> String {
    match value {
        Value::Array(_) => "array".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        // Of a number that does not fit it is told which.
        Value::Number(number) if number.as_i64().is_none_or(|n| i32::try_from(n).is_err()) => {
            format!("number {number}")
        }
        Value::Number(_) => "number".to_owned(),
        Value::Object(_) => "object".to_owned(),
        Value::Null | Value::String(_) => "string".to_owned(),
    }
}

/// Where a value is: in the field of a Go structure, and on what path.
#[derive(Clone, Copy)]
struct Place<'a> {
    structure: &'a str,
    path: &'a str,
}

fn check(
    registry: &Registry,
    schema: &Schema,
    value: &Value,
    place: Place<'_>,
    depth: usize,
) -> Option<String> {
    let name = schema.reference.as_deref();
    let schema = registry.resolve(schema).filter(|_| depth < MAX_DEPTH)?;
    let wrong = |go: &str| {
        let told = if value.is_number() && !matches!(go, "int32" | "int64") {
            "number".to_owned()
        } else {
            go_kind(value)
        };
        let Place { structure, path } = place;
        Some(format!(
            "json: cannot unmarshal {told} into Go struct field {structure}.{path} of type {go}"
        ))
    };
    if value.is_null() {
        return None;
    }
    if name.is_some_and(|name| name.ends_with(".IntOrString")) {
        let is_either = match value {
            Value::String(_) => true,
            Value::Number(number) => fits_int32(number),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        return if is_either { None } else { wrong("int32") };
    }
    if name.is_some_and(|name| name.ends_with(".Quantity")) {
        return match value {
            Value::Number(_) => None,
            Value::String(text) => text_error(schema, name, text),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                text_error(schema, name, &value.to_string())
            }
        };
    }
    if schema.int_or_string || !schema.one_of.is_empty() {
        return None;
    }
    match (schema.kind?, value) {
        (SchemaType::Array, Value::Array(items)) => {
            let of_items = schema.items.as_ref()?;
            let mut items = items.iter();
            items.find_map(|item| check(registry, of_items, item, place, depth + 1))
        }
        (SchemaType::Object, Value::Object(fields)) => fields.iter().find_map(|(field, value)| {
            let Some(of_field) = schema.properties.get(field.as_str()) else {
                // A map's keys are no part of the path.
                let of_values = schema.additional_properties.as_deref()?;
                return check(registry, of_values, value, place, depth + 1);
            };
            let inner = Place {
                structure: name.map_or(place.structure, last),
                path: &child(place.path, field),
            };
            check(registry, of_field, value, inner, depth + 1)
        }),
        (SchemaType::String, Value::String(text)) => text_error(schema, name, text),
        (SchemaType::Boolean, Value::Bool(_)) | (SchemaType::Number, Value::Number(_)) => None,
        (SchemaType::Integer, Value::Number(number))
            if schema.format.as_deref() == Some("int32") && fits_int32(number)
                || schema.format.as_deref() != Some("int32") && number.as_i64().is_some() =>
        {
            None
        }
        _ => wrong(&go_type(registry, schema, name)),
    }
}

fn fits_int32(number: &serde_json::Number) -> bool {
    number.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
}

/// What is wrong with a text that stands for something else.
fn text_error(schema: &Schema, name: Option<&str>, text: &str) -> Option<String> {
    if name.is_some_and(|name| name.ends_with(".Quantity")) {
        return (!is_quantity(text)).then(|| {
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned()
        });
    }
    match (schema.format.as_deref(), name) {
        (Some("byte"), _) => match STANDARD.decode(text.replace(['\r', '\n'], "")) {
            Ok(_) => None,
            Err(DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _)) => {
                Some(format!("illegal base64 data at input byte {at}"))
            }
            Err(DecodeError::InvalidLength(_) | DecodeError::InvalidPadding) => {
                let at = text.trim_end_matches('=').len() / 4 * 4;
                Some(format!("illegal base64 data at input byte {at}"))
            }
        },
        (Some("date-time"), Some(name)) if name.ends_with(".MicroTime") => {
            const LAYOUT: &str = "2006-01-02T15:04:05.000000Z07:00";
            let fraction = text
                .split_once('.')
                .map(|(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
            if OffsetDateTime::parse(text, &Rfc3339).is_ok() && fraction == Some(6) {
                return None;
            }
            let rest = text.get(19..).unwrap_or(text);
            Some(format!(
                "parsing time {text:?} as {LAYOUT:?}: cannot parse {rest:?} as \".000000\""
            ))
        }
        (Some("date-time"), _) if OffsetDateTime::parse(text, &Rfc3339).is_err() => {
            const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
            Some(format!(
                "parsing time {text:?} as {LAYOUT:?}: cannot parse {text:?} as \"2006\""
            ))
        }
        _ => None,
    }
}

/// Whether a text is a number with a unit, as quantities of resources are.
fn is_quantity(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let digits = &text[..text.len() - number.len()];
    let exponent = |of: &str| {
        let of = of.strip_prefix(['+', '-']).unwrap_or(of);
        !of.is_empty() && of.bytes().all(|c| c.is_ascii_digit())
    };
    let unit = match number {
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti"
        | "Pi" | "Ei" => true,
        _ => number.strip_prefix(['e', 'E']).is_some_and(exponent),
    };
    unit && digits.bytes().any(|c| c.is_ascii_digit()) && digits.matches('.').count() <= 1
}

/// A schema's type in Go.
fn go_type(registry: &Registry, schema: &Schema, name: Option<&str>) -> String {
    let own = |schema: &Schema| {
        let name = schema.reference.as_deref();
        registry
            .resolve(schema)
            .map_or_else(String::new, |schema| go_type(registry, schema, name))
    };
    match schema.kind {
        Some(SchemaType::Boolean) => "bool".to_owned(),
        Some(SchemaType::Integer) => schema.format.as_deref().unwrap_or("int64").to_owned(),
        Some(SchemaType::Number) => "float64".to_owned(),
        Some(SchemaType::Array) => {
            let of = schema.items.as_deref().map(own);
            format!("[]{}", of.unwrap_or_default())
        }
        Some(SchemaType::Object) => match (name, schema.additional_properties.as_deref()) {
            (Some(name), None) => {
                let mut parts = name.rsplit('.');
                let (kind, package) = (parts.next(), parts.next());
                format!(
                    "{}.{}",
                    package.unwrap_or_default(),
                    kind.unwrap_or_default()
                )
            }
            (_, Some(of)) => format!("map[string]{}", own(of)),
            (None, None) => "object".to_owned(),
        },
        Some(SchemaType::String) | None => "string".to_owned(),
    }
}

/// The last part of a definition's name.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
