use serde_json::{Map, Value, json};

use super::text;
use crate::authorization::{Authorizer, PolicyRule};
use crate::status::aggregate;
use crate::{Status, User};

/// Answers a SelfSubjectRulesReview: all that who asks may do in a namespace.
///
/// # Errors
/// 400 if it names no namespace.
pub fn self_subject_rules(
    authorizer: &dyn Authorizer,
    review: &Value,
    user: &User,
) -> Result<Value, Status> {
    let namespace = text(&review["spec"], "namespace");
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let held = authorizer.rules_for(user, namespace);
    let of_resources = held.rules.iter().filter(|rule| !rule.resources.is_empty());
    let of_paths = held
        .rules
        .iter()
        .filter(|rule| !rule.non_resource_urls.is_empty());
    let mut status = json!({
        "resourceRules": of_resources.map(of_resource).collect::<Vec<_>>(),
        "nonResourceRules": of_paths.map(of_path).collect::<Vec<_>>(),
        "incomplete": held.incomplete,
    });
    if !held.errors.is_empty() {
        status["evaluationError"] = aggregate(held.errors.into_iter()).into();
    }
    Ok(json!({
        "kind": review["kind"],
        "apiVersion": review["apiVersion"],
        "metadata": {},
        "spec": {},
        "status": status,
    }))
}

fn of_resource(rule: &PolicyRule) -> Value {
    written(&[
        ("verbs", &rule.verbs),
        ("apiGroups", &rule.api_groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.resource_names),
    ])
}

fn of_path(rule: &PolicyRule) -> Value {
    written(&[
        ("verbs", &rule.verbs),
        ("nonResourceURLs", &rule.non_resource_urls),
    ])
}

/// The lists that are not empty, and the verbs.
fn written(lists: &[(&str, &[Box<str>])]) -> Value {
    let lists = lists.iter();
    let lists = lists.filter(|(name, list)| *name == "verbs" || !list.is_empty());
    let lists = lists.map(|(name, list)| ((*name).to_owned(), json!(list)));
    Value::Object(lists.collect::<Map<_, _>>())
}
