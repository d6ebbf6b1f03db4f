//! What an object's metadata may be.

use std::collections::HashSet;

use api::{FieldError, FieldErrorKind, Scope as ResourceScope, names};
use serde_json::{Map, Value};

use crate::object::{meta_str, meta_strings, metadata};
use crate::scope::Scope;

/// What is wrong with a new object's metadata.
pub(crate) fn check_new(scope: &Scope, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let form = scope.resource.behaviour.names;
    let name = meta_str(object, "name");
    if name.is_empty() {
        let why = "name or generateName is required";
        errors.push(FieldError::new(
            "metadata.name",
            FieldErrorKind::Required,
            why,
        ));
    } else {
        invalid(&mut errors, "metadata.name", name, form.check(name));
    }
    let namespace = meta_str(object, "namespace");
    match (scope.resource.scope, namespace) {
        (ResourceScope::Namespaced, "") => {
            errors.push(FieldError::new(
                "metadata.namespace",
                FieldErrorKind::Required,
                "",
            ));
        }
        (ResourceScope::Namespaced, _) => {
            invalid(
                &mut errors,
                "metadata.namespace",
                namespace,
                names::dns_label(namespace),
            );
        }
        (ResourceScope::Cluster, "") => {}
        (ResourceScope::Cluster, _) => errors.push(FieldError::new(
            "metadata.namespace",
            FieldErrorKind::Forbidden,
            "not allowed on this type",
        )),
    }
    check_common(object, &mut errors);
    check_finalizers(object, &mut errors);
    check_domains(scope, object, &mut errors);
    errors
}

/// What is wrong with the metadata of an object that takes the place of another.
pub(crate) fn check_update(scope: &Scope, object: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if crate::object::is_deleting(old) {
        let before: HashSet<&str> = meta_strings(old, "finalizers").collect();
        let mut added: Vec<&str> = meta_strings(object, "finalizers")
            .filter(|of| !before.contains(of))
            .collect();
        added.sort_unstable();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added
                    .iter()
                    .map(|of| format!("{of:?}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            errors.push(FieldError::new(
                "metadata.finalizers",
                FieldErrorKind::Forbidden,
                why,
            ));
        }
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
    ] {
        let (new, old) = (meta_str(object, field), meta_str(old, field));
        if new != old {
            invalid(
                &mut errors,
                &format!("metadata.{field}"),
                new,
                vec!["field is immutable".to_owned()],
            );
        }
    }
    let seconds =
        |of: &Value| crate::object::at(of, "metadata.deletionGracePeriodSeconds").cloned();
    if seconds(object) != seconds(old) {
        let kind = FieldErrorKind::Invalid(seconds(object).unwrap_or_default().to_string());
        let field = "metadata.deletionGracePeriodSeconds";
        errors.push(FieldError::new(field, kind, "field is immutable"));
    }
    check_common(object, &mut errors);
    check_domains(scope, object, &mut errors);
    errors
}

/// What is wrong with the metadata of an object within another.
pub(crate) fn check_embedded(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (field, check) in [
        ("generateName", names::path_segment as fn(&str) -> _),
        ("name", names::path_segment),
        ("namespace", names::dns_label),
    ] {
        let text = meta_str(object, field);
        if !text.is_empty() {
            invalid(&mut errors, &format!("metadata.{field}"), text, check(text));
        }
    }
    check_common(object, &mut errors);
    check_finalizers(object, &mut errors);
    errors
}

fn check_common(object: &Value, errors: &mut Vec<FieldError>) {
    let map = |field: &str| {
        let map = metadata(object).and_then(|of| of.get(field));
        map.and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::iter)
    };
    for (key, value) in map("labels") {
        if FieldError::enough(errors) {
            break;
        }
        invalid(errors, "metadata.labels", key, names::label_key(key));
        let value = value.as_str().unwrap_or_default();
        invalid(errors, "metadata.labels", value, names::label_value(value));
    }
    let mut size = 0;
    for (key, value) in map("annotations") {
        if !FieldError::enough(errors) {
            // Upper case is allowed in an annotation's prefix.
            let why = names::label_key(&key.to_lowercase());
            invalid(errors, "metadata.annotations", key, why);
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_MAX {
        errors.push(FieldError::new(
            "metadata.annotations",
            FieldErrorKind::TooLong,
            format!("may not be more than {ANNOTATIONS_MAX} bytes"),
        ));
    }
    check_owners(object, errors);
}

fn check_owners(object: &Value, errors: &mut Vec<FieldError>) {
    let owners = metadata(object).and_then(|of| of.get("ownerReferences"));
    let owners = owners
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let field = "metadata.ownerReferences";
    for owner in owners {
        if FieldError::enough(errors) {
            break;
        }
        let text = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").is_empty() {
            let why = vec!["version must not be empty".to_owned()];
            invalid(errors, &format!("{field}.apiVersion"), "", why);
        }
        for name in ["kind", "name", "uid"] {
            if text(name).is_empty() {
                let why = vec!["must not be empty".to_owned()];
                invalid(errors, &format!("{field}.{name}"), "", why);
            }
        }
    }
    for owner in owners.iter().filter(|of| is_event(of)) {
        if FieldError::enough(errors) {
            break;
        }
        let kind = FieldErrorKind::Invalid(owner.to_string());
        let why = "/v1, Kind=Event is disallowed from being an owner";
        errors.push(FieldError::new(field, kind, why));
    }
    let controls = |owner: &&Value| owner.get("controller") == Some(&Value::Bool(true));
    let controllers: Vec<&Value> = owners.iter().filter(controls).collect();
    if let [first, second, ..] = controllers.as_slice() {
        let name = |of: &Value| {
            let text = |name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}/{}", text("kind"), text("name"))
        };
        let kind = FieldErrorKind::Invalid(Value::from(owners.to_vec()).to_string());
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
            name(first),
            name(second)
        );
        errors.push(FieldError::new(field, kind, why));
    }
}

/// That finalizers say whose they are, but for Kubernetes' own.
fn check_domains(scope: &Scope, object: &Value, errors: &mut Vec<FieldError>) {
    if scope.resource.behaviour.any_finalizer {
        return;
    }
    for (at, finalizer) in meta_strings(object, "finalizers").enumerate() {
        if FieldError::enough(errors) {
            break;
        }
        if !finalizer.contains('/') && !matches!(finalizer, "kubernetes" | ORPHAN | FOREGROUND) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            let field = format!("metadata.finalizers[{at}]");
            invalid(errors, &field, finalizer, vec![why.to_owned()]);
        }
    }
}

/// Events go by themselves.
fn is_event(owner: &Value) -> bool {
    owner["apiVersion"] == "v1" && owner["kind"] == "Event"
}

fn check_finalizers(object: &Value, errors: &mut Vec<FieldError>) {
    let field = "metadata.finalizers";
    for finalizer in meta_strings(object, "finalizers") {
        if FieldError::enough(errors) {
            break;
        }
        invalid(errors, field, finalizer, names::label_key(finalizer));
    }
    let has = |name: &str| meta_strings(object, "finalizers").any(|of| of == name);
    if has(ORPHAN) && has(FOREGROUND) {
        let all: Vec<String> = meta_strings(object, "finalizers")
            .map(|of| format!("{of:?}"))
            .collect();
        errors.push(FieldError::new(
            field,
            FieldErrorKind::Invalid(format!("[{}]", all.join(","))),
            format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set"),
        ));
    }
}

fn invalid(errors: &mut Vec<FieldError>, field: &str, value: &str, why: Vec<String>) {
    let kind = || FieldErrorKind::Invalid(format!("{value:?}"));
    errors.extend(
        why.into_iter()
            .map(|why| FieldError::new(field, kind(), why)),
    );
}

/// The finalizer of an object whose dependents are to be left alone.
pub(crate) const ORPHAN: &str = "orphan";
/// The finalizer of an object that waits for its dependents to go.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// All annotations of an object together.
const ANNOTATIONS_MAX: usize = 256 * 1024;
