use serde_json::Value;

use super::super::fields::{at, invalid, items, required};
use crate::{Change, FieldError, Hooks};

pub(super) const ROLE: Hooks = Hooks {
    validate: Some(|object, _| rules(object, true)),
    ..Hooks::NONE
};

pub(super) const CLUSTER_ROLE: Hooks = Hooks {
    validate: Some(cluster_role),
    ..Hooks::NONE
};

fn cluster_role(object: &Value, _: Change<'_>) -> Vec<FieldError> {
    let mut wrong = rules(object, false);
    let selectors = "/aggregationRule/clusterRoleSelectors";
    if !at(object, "/aggregationRule").is_null() && items(object, selectors).is_empty() {
        wrong.push(required(
            "aggregationRule.clusterRoleSelectors",
            "at least one clusterRoleSelector required if aggregationRule is non-nil",
        ));
    }
    wrong
}

fn rules(object: &Value, namespaced: bool) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for (i, rule) in items(object, "/rules").iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let lacks = |name: &str| items(rule, &format!("/{name}")).is_empty();
        let field = |name: &str| format!("rules[{i}].{name}");
        if lacks("verbs") {
            wrong.push(required(
                field("verbs"),
                "verbs must contain at least one value",
            ));
        }
        if !lacks("nonResourceURLs") {
            let mut refuse = |detail| {
                let value = rule["nonResourceURLs"].clone();
                wrong.push(invalid(field("nonResourceURLs"), value, detail));
            };
            if namespaced {
                refuse("namespaced rules cannot apply to non-resource URLs");
            }
            if !(lacks("apiGroups") && lacks("resources") && lacks("resourceNames")) {
                refuse("rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if lacks("apiGroups") {
            let detail = "resource rules must supply at least one api group";
            wrong.push(required(field("apiGroups"), detail));
        }
        if lacks("resources") {
            let detail = "resource rules must supply at least one resource";
            wrong.push(required(field("resources"), detail));
        }
    }
    wrong
}
