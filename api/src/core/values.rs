//! What single values of the core kinds may be, in the real server's words.

use serde_json::Value;

use super::fields::{at, forbidden, invalid, items, not_supported, required, text};
use crate::{FieldError, names};

pub(super) const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

/// What is wrong with those of an object's fields that count something.
pub(super) fn naturals<'a>(
    field: &'a str,
    object: &'a Value,
    names: &'a [&'a str],
) -> impl Iterator<Item = FieldError> + 'a {
    let negative = |value: &Value| value.as_i64().is_some_and(|value| value < 0);
    let wrong = names.iter().filter(move |name| negative(&object[**name]));
    wrong.map(move |name| {
        let detail = "must be greater than or equal to 0";
        invalid(format!("{field}.{name}"), object[*name].clone(), detail)
    })
}

/// What is wrong with the number of a port.
pub(super) fn port_number(field: impl Into<String>, value: &Value) -> Option<FieldError> {
    let number = value.as_i64().unwrap_or(0);
    let detail = "must be between 1 and 65535, inclusive";
    (!(1..=65535).contains(&number)).then(|| invalid(field, number, detail))
}

/// What is wrong with a port that is told by its number or its name.
pub(super) fn port(field: &str, value: &Value) -> Vec<FieldError> {
    match value.as_str() {
        None => port_number(field, value).into_iter().collect(),
        Some(name) => {
            let wrong = names::port(name).into_iter();
            wrong.map(|why| invalid(field, name, why)).collect()
        }
    }
}

/// What is wrong with a field that has to be one of some texts.
pub(super) fn one_of(field: String, value: &Value, allowed: &[&str]) -> Option<FieldError> {
    match value.as_str().unwrap_or_default() {
        "" => Some(required(field, "")),
        text => (!allowed.contains(&text)).then(|| not_supported(field, text, allowed)),
    }
}

/// What `check` finds wrong with a text that may be left out.
pub(super) fn text_if_any(
    field: String,
    value: &Value,
    check: fn(&str) -> Vec<String>,
) -> Vec<FieldError> {
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() {
        return Vec::new();
    }
    let wrong = check(text).into_iter();
    wrong.map(|why| invalid(field.clone(), text, why)).collect()
}

/// What is wrong with labels, or with what selects by them.
pub(super) fn labels(field: &str, labels: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        if FieldError::enough(&wrong) {
            break;
        }
        let of_key = names::label_key(key).into_iter();
        wrong.extend(of_key.map(|why| invalid(field, key.as_str(), why)));
        let value = value.as_str().unwrap_or_default();
        let of_value = names::label_value(value).into_iter();
        wrong.extend(of_value.map(|why| invalid(field, value, why)));
    }
    wrong
}

/// What is wrong with a selector's own labels and expressions.
pub(super) fn selector(field: &str, selector: &Value) -> Vec<FieldError> {
    let mut wrong = labels(
        &format!("{field}.matchLabels"),
        at(selector, "/matchLabels"),
    );
    for (i, of) in items(selector, "/matchExpressions").iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let child = |name: &str| format!("{field}.matchExpressions[{i}].{name}");
        let values = items(of, "/values");
        match text(of, "/operator") {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                wrong.push(required(child("values"), detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                wrong.push(forbidden(child("values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => wrong.push(invalid(
                child("operator"),
                other,
                "not a valid selector operator",
            )),
        }
        let key = text(of, "/key");
        let why = names::label_key(key).into_iter();
        wrong.extend(why.map(|why| invalid(child("key"), key, why)));
    }
    wrong
}

/// What is wrong with the effect of a taint, or of what tolerates one.
pub(super) fn effect(field: String, value: &Value) -> Option<FieldError> {
    one_of(
        field,
        value,
        &["NoSchedule", "PreferNoSchedule", "NoExecute"],
    )
}
