use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::PolicyRule;
use super::cover::uncovered;

/// What has to be done so that an object of [`super::bootstrap_policy`] is as
/// the policy wants it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reconciled {
    /// It is not there: create this.
    Create(Value),
    /// It is as it should be, or its owner wants it left alone.
    Done,
    /// Its `roleRef` is another, which cannot be changed: delete it, and
    /// create this.
    Recreate(Value),
    /// Something is missing: update it to this.
    Update(Value),
}

/// Compares an object of the policy with what there is, as the real server
/// does at every start: what is missing is added, and what people added stays,
/// save an `aggregationRule` that is not wanted. An object annotated
/// `rbac.authorization.kubernetes.io/autoupdate: "false"` is left alone.
#[must_use]
pub fn reconcile(existing: Option<&Value>, wanted: &Value) -> Reconciled {
    let Some(existing) = existing else {
        return Reconciled::Create(wanted.clone());
    };
    let is_binding = wanted.get("roleRef").is_some();
    if is_binding && existing["roleRef"] != wanted["roleRef"] {
        return match protected(existing) {
            true => Reconciled::Done,
            false => Reconciled::Recreate(wanted.clone()),
        };
    }
    if protected(existing) {
        return Reconciled::Done;
    }
    let mut object = existing.clone();
    for field in ["annotations", "labels"] {
        add_to_map(&mut object["metadata"], field, &wanted["metadata"][field]);
    }
    if is_binding {
        add_missing(
            &mut object,
            "subjects",
            missing(existing, wanted, "subjects"),
        );
    } else {
        let held = PolicyRule::of_role(existing);
        let wanted_rules = PolicyRule::of_role(wanted);
        let rules = uncovered(&held, &wanted_rules).unwrap_or(wanted_rules);
        let rules = rules.iter().map(|rule| json!(rule)).collect();
        add_missing(&mut object, "rules", rules);
        reconcile_aggregation(&mut object, existing, wanted);
    }
    if object == *existing {
        Reconciled::Done
    } else {
        Reconciled::Update(object)
    }
}

fn protected(existing: &Value) -> bool {
    existing["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] == "false"
}

fn reconcile_aggregation(object: &mut Value, existing: &Value, wanted: &Value) {
    let rule = |role: &Value| {
        role.get("aggregationRule")
            .filter(|rule| !rule.is_null())
            .cloned()
    };
    let Some(wanted) = rule(wanted) else {
        if let Some(object) = object.as_object_mut() {
            object.remove("aggregationRule");
        }
        return;
    };
    let existing = rule(existing).unwrap_or_else(|| json!({}));
    let selectors = missing(&existing, &wanted, "clusterRoleSelectors");
    if !selectors.is_empty() {
        let mut rule = existing;
        add_missing(&mut rule, "clusterRoleSelectors", selectors);
        object["aggregationRule"] = rule;
    }
}

/// What the list `field` of `wanted` has and that of `existing` has not.
fn missing(existing: &Value, wanted: &Value, field: &str) -> Vec<Value> {
    let list = |of: &Value| Vec::<Value>::deserialize(&of[field]).unwrap_or_default();
    let existing = list(existing);
    let mut wanted = list(wanted);
    wanted.retain(|item| !existing.contains(item));
    wanted
}

fn add_missing(object: &mut Value, field: &str, items: Vec<Value>) {
    if items.is_empty() {
        return;
    }
    match object[field].as_array_mut() {
        Some(list) => list.extend(items),
        None => object[field] = items.into(),
    }
}

/// Adds what is missing; what is there stays as it is.
fn add_to_map(metadata: &mut Value, field: &str, wanted: &Value) {
    let mut merged = wanted.as_object().cloned().unwrap_or_default();
    let existing = metadata[field].as_object().cloned();
    merged.extend(existing.unwrap_or_else(Map::new));
    if !merged.is_empty() {
        metadata[field] = merged.into();
    }
}
