use serde_json::Value;

use super::super::fields::{at, forbidden, invalid};
use crate::{Change, FieldError, FieldErrorKind, Hooks, names};

pub(super) const HOOKS: Hooks = Hooks {
    validate: Some(validate),
    ..Hooks::NONE
};

/// The most bytes of a ConfigMap's or a Secret's values together.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = fixed(object, change, &["data", "binaryData"]);
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in at(object, &format!("/{field}"))
            .as_object()
            .into_iter()
            .flatten()
        {
            let told = FieldError::enough(&wrong);
            if !told {
                wrong.extend(key_errors(field, key));
            }
            let value = value.as_str().unwrap_or_default();
            if field == "data" {
                size += value.len();
                if !told && object["binaryData"].get(key).is_some() {
                    wrong.push(invalid(
                        format!("data[{key}]"),
                        key.as_str(),
                        "duplicate of key present in binaryData",
                    ));
                }
            } else {
                size += decoded_length(value);
            }
        }
    }
    wrong.extend(too_long("", size));
    wrong
}

/// What is wrong with a change of what was made immutable.
pub(super) fn fixed(object: &Value, change: Change<'_>, fields: &[&str]) -> Vec<FieldError> {
    const DETAIL: &str = "field is immutable when `immutable` is set";
    let Change::Update { old, .. } = change else {
        return Vec::new();
    };
    if old["immutable"] != true {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    if object["immutable"] != true {
        wrong.push(forbidden("immutable", DETAIL));
    }
    for &field in fields {
        if object[field] != old[field] {
            wrong.push(forbidden(field, DETAIL));
        }
    }
    wrong
}

pub(super) fn key_errors(field: &str, key: &str) -> Vec<FieldError> {
    let field = format!("{field}[{key}]");
    names::config_key(key)
        .into_iter()
        .map(|why| invalid(field.clone(), key, why))
        .collect()
}

pub(super) fn too_long(field: &str, size: usize) -> Option<FieldError> {
    (size > MAX_BYTES).then(|| {
        let detail = format!("may not be more than {MAX_BYTES} bytes");
        FieldError::new(field, FieldErrorKind::TooLong, detail)
    })
}

/// How many bytes a base64 text says.
pub(super) fn decoded_length(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|&c| c == b'=').count();
    (text.len() - padding) * 3 / 4
}
