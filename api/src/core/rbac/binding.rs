use serde_json::{Value, json};

use super::super::fields::{
    at, invalid, items, items_mut, not_supported, open, or_set, required, text,
};
use super::GROUP;
use crate::{Change, FieldError, Hooks, names};

pub(super) const ROLE_BINDING: Hooks = Hooks {
    default: Some(default),
    validate: Some(|object, change| validate(object, change, true)),
    ..Hooks::NONE
};

pub(super) const CLUSTER_ROLE_BINDING: Hooks = Hooks {
    default: Some(default),
    validate: Some(|object, change| validate(object, change, false)),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    if let Some(role) = open(object, "roleRef") {
        or_set(role, "apiGroup", GROUP);
    }
    for subject in items_mut(object, "/subjects") {
        if matches!(text(subject, "/kind"), "Group" | "User") {
            or_set(subject, "apiGroup", GROUP);
        }
    }
}

fn validate(object: &Value, change: Change<'_>, namespaced: bool) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let role = at(object, "/roleRef");
    let group = text(role, "/apiGroup");
    if group != GROUP {
        wrong.push(not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    let kinds: &[&str] = if namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    let kind = text(role, "/kind");
    if !kinds.contains(&kind) {
        wrong.push(not_supported("roleRef.kind", kind, kinds));
    }
    let name = text(role, "/name");
    if name.is_empty() {
        wrong.push(required("roleRef.name", ""));
    }
    for why in names::path_segment(name) {
        wrong.push(invalid("roleRef.name", name, why));
    }
    for (i, of) in items(object, "/subjects").iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        subject(&format!("subjects[{i}]"), of, namespaced, &mut wrong);
    }
    if let Change::Update { old, .. } = change
        && role != at(old, "/roleRef")
    {
        // The real server says it in the names of its own struct.
        let role = json!({"APIGroup": group, "Kind": kind, "Name": name});
        wrong.push(invalid("roleRef", role, "cannot change roleRef"));
    }
    wrong
}

fn subject(field: &str, subject: &Value, namespaced: bool, wrong: &mut Vec<FieldError>) {
    let (name, group) = (text(subject, "/name"), text(subject, "/apiGroup"));
    if name.is_empty() {
        wrong.push(required(format!("{field}.name"), ""));
    }
    match text(subject, "/kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                let why = names::dns_subdomain(name).into_iter();
                wrong.extend(why.map(|why| invalid(format!("{field}.name"), name, why)));
            }
            if !group.is_empty() {
                wrong.push(not_supported(format!("{field}.apiGroup"), group, &[""]));
            }
            if !namespaced && text(subject, "/namespace").is_empty() {
                wrong.push(required(format!("{field}.namespace"), ""));
            }
        }
        "Group" | "User" => {
            if group != GROUP {
                wrong.push(not_supported(format!("{field}.apiGroup"), group, &[GROUP]));
            }
        }
        kind => {
            let kinds = &["ServiceAccount", "User", "Group"];
            wrong.push(not_supported(format!("{field}.kind"), kind, kinds));
        }
    }
}
