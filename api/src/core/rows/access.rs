//! Roles and their bindings.

use serde_json::Value;

use super::super::fields::{items, text};
use super::{AGE, NAME, age, column, name, wide};
use crate::{Elapsed, kind::Col};

pub(in crate::core) const ROLE: &[Col] = &[NAME, CREATED];

const CREATED: Col = Col {
    kind: "date",
    ..column("Created At")
};

pub(in crate::core) fn role(object: &Value, _: Elapsed<'_>) -> Vec<Value> {
    vec![
        name(object),
        text(object, "/metadata/creationTimestamp").into(),
    ]
}

pub(in crate::core) const BINDING: &[Col] = &[
    NAME,
    column("Role"),
    AGE,
    wide("Users"),
    wide("Groups"),
    wide("ServiceAccounts"),
];

pub(in crate::core) fn binding(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let role = [text(object, "/roleRef/kind"), text(object, "/roleRef/name")];
    let subjects = |kind: &str| {
        let of = items(object, "/subjects").iter();
        let names: Vec<String> = of
            .filter(|subject| subject["kind"] == kind)
            .map(|subject| match kind {
                "ServiceAccount" => {
                    format!("{}/{}", text(subject, "/namespace"), text(subject, "/name"))
                }
                _ => text(subject, "/name").to_owned(),
            })
            .collect();
        names.join(", ")
    };
    vec![
        name(object),
        role.join("/").into(),
        age(object, elapsed),
        subjects("User").into(),
        subjects("Group").into(),
        subjects("ServiceAccount").into(),
    ]
}
