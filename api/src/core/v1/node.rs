use std::collections::HashSet;

use serde_json::Value;

use super::super::fields::{at, forbidden, invalid, items, or_set, set, text};
use super::super::values::effect;
use crate::{Change, FieldError, FieldErrorKind, Hooks, names};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    validate: Some(validate),
    ..Hooks::NONE
};

/// All that there is can be had, unless it is said otherwise, and the one
/// range of addresses is the first of all.
fn default(object: &mut Value) {
    let one = text(object, "/spec/podCIDR").to_owned();
    let first = text(object, "/spec/podCIDRs/0").to_owned();
    if let Some(spec) = object.get_mut("spec") {
        if !one.is_empty() && one != first {
            set(spec, "podCIDRs", vec![one]);
        } else if one.is_empty() && !first.is_empty() {
            set(spec, "podCIDR", first);
        }
    }
    let capacity = object["status"]["capacity"].clone();
    if let Some(status) = object.get_mut("status")
        && !capacity.is_null()
    {
        or_set(status, "allocatable", capacity);
    }
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Change::Update { old, .. } = change {
        for (field, told) in [("podCIDRs", "podCIDR"), ("providerID", "providerID")] {
            let was = at(old, &format!("/spec/{field}"));
            if !was.is_null() && was != at(object, &format!("/spec/{field}")) {
                let detail =
                    format!("node updates may not change {told} except from \"\" to valid");
                wrong.push(forbidden(format!("spec.{field}"), detail));
            }
        }
    }
    wrong.extend(taints(items(object, "/spec/taints")));
    wrong
}

/// The real server says that they are in the metadata.
fn taints(taints: &[Value]) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut taken = HashSet::new();
    for (i, taint) in taints.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let field = format!("metadata.taints[{i}]");
        let (key, value) = (text(taint, "/key"), text(taint, "/value"));
        let why = names::label_key(key).into_iter();
        wrong.extend(why.map(|why| invalid(format!("{field}.key"), key, why)));
        let why = names::label_value(value);
        if !why.is_empty() {
            wrong.push(invalid(format!("{field}.value"), value, why.join(";")));
        }
        wrong.extend(effect(format!("{field}.effect"), &taint["effect"]));
        if !taken.insert((key, text(taint, "/effect"))) {
            let kind = FieldErrorKind::Duplicate(taint.to_string());
            let detail = "taints must be unique by key and effect pair";
            wrong.push(FieldError::new(field, kind, detail));
        }
    }
    wrong
}
