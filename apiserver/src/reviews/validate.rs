//! What may be wrong with a review of access, with the real server's texts.

use api::{FieldError, FieldErrorKind, names};
use serde_json::{Map, Value, json};

use super::{text, texts};
use crate::quoted::Quoted;
use crate::selector::{FieldSelector, LabelSelector};

/// What is wrong with the spec; `names_user` if it has to say who.
pub(super) fn spec(spec: &Value, names_user: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let resource = &spec["resourceAttributes"];
    let path = &spec["nonResourceAttributes"];
    match (resource.is_null(), path.is_null()) {
        (false, false) => errors.push(wrong(
            "spec.nonResourceAttributes",
            path_value(path),
            "cannot be specified in combination with resourceAttributes",
        )),
        (true, true) => errors.push(wrong(
            "spec.resourceAttributes",
            "null".to_owned(),
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
    if names_user && text(spec, "user").is_empty() && texts(spec, "groups").is_empty() {
        let why = "at least one of user or group must be specified";
        errors.push(wrong("spec.user", "\"\"".to_owned(), why));
    }
    errors.extend(selector(resource, "fieldSelector", field_requirement));
    errors.extend(selector(resource, "labelSelector", label_requirement));
    errors
}

/// A review has no metadata but, if it is in one, its namespace.
pub(super) fn no_metadata(review: &Value, but: &str) -> Option<FieldError> {
    let metadata = review["metadata"].as_object()?;
    let is_set = |value: &Value| match value {
        Value::Array(list) => !list.is_empty(),
        Value::Null => false,
        Value::Object(map) => !map.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let unwanted = |(key, value): (&String, &Value)| {
        key != "managedFields" && (but.is_empty() || key != but) && is_set(value)
    };
    metadata.iter().any(unwanted).then(|| {
        let why = match but {
            "" => "must be empty".to_owned(),
            but => format!("must be empty except for {but}"),
        };
        wrong("metadata", ordered(metadata), why)
    })
}

/// A local review is about its own namespace.
pub(super) fn local(spec: &Value, namespace: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let about = text(resource, "namespace");
    if !resource.is_null() && about != namespace {
        let field = "spec.resourceAttributes.namespace";
        errors.push(wrong(field, quoted(about), "must match metadata.namespace"));
    }
    if !path.is_null() {
        let why = "disallowed on this kind of request";
        errors.push(wrong("spec.nonResourceAttributes", path_value(path), why));
    }
    errors
}

/// Which selectors cannot be understood, as the answer says it.
pub(super) fn ignored_selectors(resource: &Value) -> Vec<String> {
    let told = |field: &str, (good, bad): (usize, usize)| {
        let partially = if good > 0 { "partially " } else { "" };
        (bad > 0).then(|| {
            format!("spec.resourceAttributes.{field} {partially}ignored due to parse error")
        })
    };
    let fields = counted(
        &resource["fieldSelector"],
        |raw| FieldSelector::parse(raw).is_ok(),
        |of| matches!(text(of, "operator"), "In" | "NotIn") && texts(of, "values").len() == 1,
    );
    let labels = counted(
        &resource["labelSelector"],
        |raw| LabelSelector::parse(raw).is_ok(),
        |of| {
            matches!(
                text(of, "operator"),
                "In" | "NotIn" | "Exists" | "DoesNotExist"
            )
        },
    );
    [told("fieldSelector", fields), told("labelSelector", labels)]
        .into_iter()
        .flatten()
        .collect()
}

/// How many requirements of a selector are good and how many are not.
fn counted(
    selector: &Value,
    raw: impl Fn(&str) -> bool,
    good: impl Fn(&Value) -> bool,
) -> (usize, usize) {
    let text = text(selector, "rawSelector");
    if !text.is_empty() {
        return if raw(text) { (1, 0) } else { (0, 1) };
    }
    let all = selector["requirements"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let count = all.iter().filter(|of| good(of)).count();
    (count, all.len() - count)
}

fn selector(
    resource: &Value,
    field: &str,
    requirement: fn(&Value, &str) -> Vec<FieldError>,
) -> Vec<FieldError> {
    let selector = &resource[field];
    if selector.is_null() {
        return Vec::new();
    }
    let at = format!("spec.resourceAttributes.{field}");
    let raw = text(selector, "rawSelector");
    let all = selector["requirements"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let mut errors = Vec::new();
    match (raw.is_empty(), all.is_empty()) {
        (false, false) => errors.push(wrong(
            format!("{at}.rawSelector"),
            quoted(raw),
            "may not specified at the same time as requirements",
        )),
        (true, true) => errors.push(FieldError::new(
            format!("{at}.requirements"),
            FieldErrorKind::Required,
            format!("when {at} is specified, requirements or rawSelector is required"),
        )),
        _ => {}
    }
    for (index, of) in all.iter().enumerate() {
        if FieldError::enough(&errors) {
            break;
        }
        errors.extend(requirement(of, &format!("{at}.requirements[{index}]")));
    }
    errors
}

fn field_requirement(of: &Value, at: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if text(of, "key").is_empty() {
        let (field, kind) = (format!("{at}.key"), FieldErrorKind::Required);
        errors.push(FieldError::new(field, kind, "must be specified"));
    }
    errors.extend(values(of, at));
    errors
}

fn label_requirement(of: &Value, at: &str) -> Vec<FieldError> {
    let mut errors: Vec<FieldError> = values(of, at).into_iter().collect();
    let key = text(of, "key");
    for why in names::label_key(key) {
        errors.push(wrong(format!("{at}.key"), quoted(key), why));
    }
    for (index, value) in texts(of, "values").iter().enumerate() {
        if FieldError::enough(&errors) {
            break;
        }
        for why in names::label_value(value) {
            let field = format!("{at}.values[{index}]");
            errors.push(wrong(field, quoted(value), why));
        }
    }
    errors
}

/// What is wrong with a requirement's values for its operator. Operators that
/// are not known are for newer servers.
fn values(of: &Value, at: &str) -> Option<FieldError> {
    let none = texts(of, "values").is_empty();
    let (kind, why) = match text(of, "operator") {
        "In" | "NotIn" if none => (
            FieldErrorKind::Required,
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        "Exists" | "DoesNotExist" if !none => (
            FieldErrorKind::Forbidden,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        _ => return None,
    };
    Some(FieldError::new(format!("{at}.values"), kind, why))
}

fn wrong(field: impl Into<String>, value: String, why: impl Into<String>) -> FieldError {
    FieldError::new(field, FieldErrorKind::Invalid(value), why)
}

fn quoted(text: &str) -> String {
    Quoted(text).to_string()
}

/// As the real server writes its own form of it.
fn path_value(path: &Value) -> String {
    let (path, verb) = (json!(text(path, "path")), json!(text(path, "verb")));
    format!("{{\"Path\":{path},\"Verb\":{verb}}}")
}

/// Metadata as JSON with its fields in Kubernetes' order.
fn ordered(metadata: &Map<String, Value>) -> String {
    let known = [
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ];
    let fields = known
        .iter()
        .filter_map(|field| Some((field, metadata.get(*field)?)));
    let fields: Vec<String> = fields
        .map(|(field, value)| format!("\"{field}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}
