use serde_json::Value;

use super::super::fields::{invalid, required, text};
use crate::{Change, FieldError, Hooks, names};

pub(super) const HOOKS: Hooks = Hooks {
    validate: Some(validate),
    ..Hooks::NONE
};

/// The limits hold for those that say when the event was in `eventTime`, as
/// all newer clients do.
fn validate(object: &Value, _: Change<'_>) -> Vec<FieldError> {
    check(object, "reportingComponent")
}

/// What is wrong with an event, in whose version the one who reports it is in
/// the field of that name.
pub(in crate::core) fn check(object: &Value, reporter: &str) -> Vec<FieldError> {
    let namespace = text(object, "/metadata/namespace");
    let of = text(object, "/involvedObject/namespace");
    let mut wrong = Vec::new();
    let belongs = |also: &[&str]| {
        if of.is_empty() {
            also.contains(&namespace)
        } else {
            of == namespace
        }
    };
    if text(object, "/eventTime").is_empty() {
        if !belongs(&["", "default"]) {
            wrong.push(mismatch(of));
        }
        return wrong;
    }
    if of.is_empty() && !belongs(&["default", "kube-system"]) {
        wrong.push(mismatch(of));
    }
    for (field, longest) in [
        ("reportingComponent", usize::MAX),
        ("reportingInstance", 128),
        ("action", 128),
        ("reason", 128),
    ] {
        let value = text(object, &format!("/{field}"));
        if value.is_empty() {
            let told = match field {
                "reportingComponent" => reporter,
                other => other,
            };
            wrong.push(required(told, ""));
        }
        if field == "reportingComponent" {
            let field = reporter;
            let why = names::label_key(value).into_iter();
            wrong.extend(why.map(|why| invalid(field, value, why)));
        } else if value.len() > longest {
            wrong.push(too_long(field, longest));
        }
    }
    if text(object, "/message").len() > 1024 {
        wrong.push(too_long("message", 1024));
    }
    wrong
}

fn mismatch(namespace: &str) -> FieldError {
    invalid(
        "involvedObject.namespace",
        namespace,
        "does not match event.namespace",
    )
}

fn too_long(field: &str, longest: usize) -> FieldError {
    invalid(field, "", format!("can have at most {longest} characters"))
}
